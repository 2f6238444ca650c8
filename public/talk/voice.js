// @ts-check
import { SentenceSplitter } from "./sentences.js";

/** A sentence that takes longer than this is not being said: some browsers fall silent without a word, ms. */
const SLOWEST_MS = 10_000;
const SLOWEST_MS_PER_CHARACTER = 150;

/**
 * @typedef {{ id: number, splitter: SentenceSplitter, waiting: string[], spoken: string, complete: boolean }} Item
 * @typedef {{ id: number, spoken: string }} Spoken what of an item has really been said
 */

/**
 * Says the agent's answers, sentence by sentence as they arrive, and knows how far it has come. Without a voice
 * (none installed, or switched off) what is shown counts as said.
 */
export class Voice {
  /** @type {SpeechSynthesis | null} */
  #synth;
  /** @type {Item[]} */
  #items = [];
  /** @type {{ text: string, reached: number } | null} The sentence being said, and how many characters of it. */
  #current = null;
  /** Bumped by `stop`, so that a late event of a cancelled sentence changes nothing. */
  #generation = 0;
  #on = true;
  #failed = false;
  #onChange;
  #onSpoken;

  /**
   * @param {{ synth: SpeechSynthesis | null, onChange: () => void, onSpoken: (item: Spoken) => void }} options
   *   `onChange`: it began or stopped to talk, or voices came; `onSpoken`: an item has been said to its end
   */
  constructor({ synth, onChange, onSpoken }) {
    this.#synth = synth;
    this.#onChange = onChange;
    this.#onSpoken = onSpoken;
    // Browsers load their voices after the page.
    synth?.addEventListener?.("voiceschanged", onChange);
  }

  /** Whether there is a voice that has not failed. */
  get available() {
    return this.#synth !== null && !this.#failed && this.#synth.getVoices().length > 0;
  }

  get on() {
    return this.#on;
  }

  set on(on) {
    this.#on = on;
    // The sentence being said is given up; the rest of the item is only shown.
    if (!on && this.#current) this.#skipCurrent();
    this.#onChange();
  }

  get talking() {
    return this.#current !== null;
  }

  /** To be called in the click that begins a call: a browser lets a page speak only after one. */
  unlock() {
    this.#synth?.speak(new SpeechSynthesisUtterance(""));
  }

  /** Whether anything has been begun that is not said to its end. */
  get busy() {
    return this.#items.length > 0;
  }

  /** The sentence being said, "" while silent. */
  get saying() {
    return this.#current?.text ?? "";
  }

  /** @param {number} id */
  begin(id) {
    this.#items.push({ id, splitter: new SentenceSplitter(), waiting: [], spoken: "", complete: false });
  }

  /**
   * @param {number} id
   * @param {string} text
   */
  add(id, text) {
    const item = this.#items.find((one) => one.id === id);
    if (!item) return;
    item.waiting.push(...item.splitter.push(text));
    this.#next();
  }

  /** Nothing more comes for this item. @param {number} id */
  finish(id) {
    const item = this.#items.find((one) => one.id === id);
    if (!item) return;
    item.waiting.push(...item.splitter.flush());
    item.complete = true;
    this.#next();
  }

  /** Falls silent at once. @returns {Spoken[]} the items that had not been said to their end */
  stop() {
    const cut = this.#items.map(({ id, spoken }, index) => {
      const part = index === 0 && this.#current ? this.#current.text.slice(0, this.#current.reached) : "";
      return { id, spoken: (spoken + part).trimEnd() };
    });
    this.#items = [];
    this.#silence();
    this.#onChange();
    return cut;
  }

  #next() {
    while (!this.#current) {
      const item = this.#items[0];
      if (!item) break;
      const sentence = item.waiting.shift();
      if (sentence !== undefined) this.#say(item, sentence);
      else if (item.complete) this.#done(item);
      else break;
    }
  }

  /** @param {Item} item @param {string} sentence */
  #say(item, sentence) {
    const synth = this.#synth;
    if (!synth || !this.#on || !this.available) {
      item.spoken += sentence;
      return;
    }
    const generation = this.#generation;
    const current = { text: sentence, reached: 0 };
    const utterance = new SpeechSynthesisUtterance(sentence.trim());
    utterance.lang = "en-US";
    utterance.addEventListener("boundary", (event) => {
      if (this.#current === current) current.reached = event.charIndex;
    });
    const over = () => {
      clearTimeout(late);
      if (this.#generation !== generation || this.#current !== current) return;
      item.spoken += sentence;
      this.#current = null;
      this.#next();
      this.#onChange();
    };
    utterance.addEventListener("end", over);
    // A voice that cannot speak is no voice: from here on the words are only shown.
    const fail = () => {
      if (this.#generation === generation && this.#current === current) this.#failed = true;
      over();
    };
    utterance.addEventListener("error", fail);
    const late = setTimeout(fail, SLOWEST_MS + sentence.length * SLOWEST_MS_PER_CHARACTER);
    this.#current = current;
    synth.speak(utterance);
    this.#onChange();
  }

  /** @param {Item} item */
  #done(item) {
    this.#items.shift();
    this.#onSpoken({ id: item.id, spoken: item.spoken });
  }

  #skipCurrent() {
    const item = this.#items[0];
    if (item && this.#current) item.spoken += this.#current.text;
    this.#silence();
    this.#next();
  }

  #silence() {
    this.#generation += 1;
    this.#current = null;
    this.#synth?.cancel();
  }
}
