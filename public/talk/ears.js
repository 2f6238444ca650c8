// @ts-check

/** A recogniser that ends this often without having heard anything is not going to. */
const MAX_EMPTY_RUNS = 20;

/** What went wrong, in words for the person in front of the page. */
const PROBLEMS = new Map([
  ["not-allowed", "The browser did not allow the microphone. Allow it in the address bar, or type."],
  ["service-not-allowed", "The browser does not allow speech recognition on this page. Please type."],
  ["audio-capture", "No microphone was found. Please type."],
  ["network", "The browser's speech recognition could not be reached. Please type."],
  ["language-not-supported", "The browser's speech recognition does not know English. Please type."],
]);

/**
 * @typedef {{
 *   continuous: boolean, interimResults: boolean, lang: string, start(): void, abort(): void,
 *   onresult: ((event: RecognitionResults) => void) | null, onend: (() => void) | null,
 *   onerror: ((event: { error: string }) => void) | null,
 * }} Recogniser
 * @typedef {{ resultIndex: number, results: ArrayLike<ArrayLike<{ transcript: string }> & { isFinal: boolean }> }} RecognitionResults
 */

/** @returns {(new () => Recogniser) | null} the browser's speech recognition, where it has one */
export function findRecogniser() {
  const scope = /** @type {Record<string, any>} */ (/** @type {unknown} */ (window));
  return scope.SpeechRecognition ?? scope.webkitSpeechRecognition ?? null;
}

/** Listens until it is stopped, through the pauses at which browsers end a recognition by themselves. */
export class Ears {
  /** @type {Recogniser} */
  #recogniser;
  #listening = false;
  /** Whether the recogniser runs; it goes on for a moment after it was told to stop. */
  #running = false;
  #emptyRuns = 0;

  /**
   * @param {new () => Recogniser} Recogniser
   * @param {{ onInterim: (text: string) => void, onFinal: (text: string) => void, onSilence: () => void,
   *   onProblem: (message: string) => void }} hears `onSilence`: what began to be heard came to nothing
   */
  constructor(Recogniser, { onInterim, onFinal, onSilence, onProblem }) {
    const recogniser = new Recogniser();
    recogniser.continuous = true;
    recogniser.interimResults = true;
    recogniser.lang = navigator.language.startsWith("en") ? navigator.language : "en-US";
    recogniser.onresult = (event) => {
      if (!this.#listening) return;
      this.#emptyRuns = 0;
      let interim = "";
      for (let index = event.resultIndex; index < event.results.length; index += 1) {
        const result = event.results[index];
        const text = result?.[0]?.transcript ?? "";
        if (result?.isFinal) onFinal(text.trim());
        else interim += text;
      }
      if (interim.trim() !== "") onInterim(interim.trim());
    };
    recogniser.onerror = ({ error }) => {
      const problem = PROBLEMS.get(error);
      if (!problem || !this.#listening) return;
      this.#listening = false;
      onProblem(problem);
    };
    recogniser.onend = () => {
      this.#running = false;
      onSilence();
      this.#emptyRuns += 1;
      if (!this.#listening) return;
      if (this.#emptyRuns <= MAX_EMPTY_RUNS) return this.#run();
      this.#listening = false;
      onProblem("The browser heard nothing for a long time. Switch the microphone on again, or type.");
    };
    this.#recogniser = recogniser;
  }

  start() {
    if (this.#listening) return;
    this.#listening = true;
    this.#emptyRuns = 0;
    if (!this.#running) this.#run();
  }

  stop() {
    if (!this.#listening) return;
    this.#listening = false;
    this.#recogniser.abort();
  }

  #run() {
    this.#running = true;
    this.#recogniser.start();
  }
}
