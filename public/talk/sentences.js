// @ts-check

/** A full stop after one of these does not end a sentence. */
const ABBREVIATION = /(?:^|[\s(])(?:mr|mrs|ms|dr|st|no|e\.g|i\.e|approx|ext|vs|[a-z])\.$/i;
/** The end of a sentence: its mark, closing quotes or brackets, and the white space that follows. */
const END = /[.!?…]+["'”’)\]]*\s+|\n+/g;
/** A run of words without an end is spoken from this many characters on, at a pause inside it. */
const LONG_CHARS = 180;

/** Cuts a text that arrives in pieces into sentences, each as soon as it is complete. */
export class SentenceSplitter {
  #rest = "";

  /**
   * @param {string} text
   * @returns {string[]} the sentences that are now complete, white space included: joined, they are what was pushed
   */
  push(text) {
    this.#rest += text;
    /** @type {string[]} */
    const sentences = [];
    let start = 0;
    for (const match of this.#rest.matchAll(END)) {
      const end = match.index + match[0].length;
      const sentence = this.#rest.slice(start, end);
      if (sentence.trim() === "" || ABBREVIATION.test(sentence.trimEnd())) continue;
      sentences.push(sentence);
      start = end;
    }
    this.#rest = this.#rest.slice(start);
    if (this.#rest.length > LONG_CHARS) {
      const pause = lastPause(this.#rest);
      sentences.push(this.#rest.slice(0, pause));
      this.#rest = this.#rest.slice(pause);
    }
    return sentences;
  }

  /** @returns {string[]} what is left, at the end of the answer */
  flush() {
    const rest = this.#rest;
    this.#rest = "";
    return rest === "" ? [] : [rest];
  }
}

/** @param {string} text */
function lastPause(text) {
  for (const mark of [", ", "; ", " – ", " "]) {
    const at = text.lastIndexOf(mark, LONG_CHARS);
    if (at > LONG_CHARS / 3) return at + mark.length;
  }
  return LONG_CHARS;
}
