// Stands in for the browser's speech recognition and speech synthesis, which a headless Chromium has in name only.
// The test says through `window.testSpeech` what the microphone hears and when the voice has said a sentence.
{
  const speech = {
    /** What the page has given the voice to say, sentence by sentence. */
    said: [],
    /** How often the voice was stopped in the middle. */
    cancelled: 0,
    queue: [],
    waiting: [],
    recogniser: null,
    hear(transcript, isFinal) {
      const result = Object.assign([{ transcript }], { isFinal });
      speech.recogniser.onresult({ resultIndex: 0, results: [result] });
    },
    /** The voice has come to this character of the sentence it says. */
    reach(charIndex) {
      speech.queue[0].dispatchEvent(Object.assign(new Event("boundary"), { charIndex }));
    },
    /** Resolves once the voice says this sentence. */
    async until(text) {
      const late = new Promise((_, reject) => {
        setTimeout(() => reject(new Error(`not said: ${text}; said: ${speech.said.join(" | ")}`)), 10_000);
      });
      while (speech.queue[0]?.text !== text) {
        await Promise.race([late, new Promise((resolve) => speech.waiting.push(resolve))]);
      }
    },
    endSentence() {
      speech.queue.shift().dispatchEvent(new Event("end"));
      speech.changed();
    },
    changed() {
      for (const resolve of speech.waiting.splice(0)) resolve();
    },
  };
  window.testSpeech = speech;

  window.SpeechRecognition = class {
    start() {
      speech.recogniser = this;
    }
    abort() {
      speech.recogniser = null;
      queueMicrotask(() => this.onend?.());
    }
  };

  const synth = Object.assign(new EventTarget(), {
    getVoices: () => [{ name: "stand-in", lang: "en-US" }],
    speak(utterance) {
      // Said in the click that begins a call, so that the browser lets the page speak later.
      if (utterance.text === "") return;
      speech.said.push(utterance.text);
      speech.queue.push(utterance);
      speech.changed();
    },
    cancel() {
      if (speech.queue.length > 0) speech.cancelled += 1;
      speech.queue = [];
    },
  });
  Object.defineProperty(window, "speechSynthesis", { value: synth });
}
