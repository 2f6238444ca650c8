/** Longest part of an utterance that is compared, characters. */
const MAX_CHARS = 20_000;
/** Two utterances are the same request when they share so much of their words. */
const SAME_SHARE = 0.8;
/** "Yes" and "thank you" may be said again. */
const MIN_WORDS = 3;
const KEPT = 20;

/** Finds out whether an utterance repeats an earlier one, in nearly the same words. Remembers the last twenty. */
export class Repeats {
  readonly #earlier: Set<string>[] = [];

  /** Whether `text` says again what was said before; it is remembered. */
  isRepeat(text: string): boolean {
    const words = new Set(
      text
        .slice(0, MAX_CHARS)
        .toLowerCase()
        .match(/[\p{L}\p{N}']+/gu),
    );
    if (words.size < MIN_WORDS) return false;
    const repeated = this.#earlier.some((before) => sharedWords(before, words) >= SAME_SHARE);
    this.#earlier.push(words);
    if (this.#earlier.length > KEPT) this.#earlier.shift();
    return repeated;
  }
}

/** Words in both by words in either, 0…1. */
function sharedWords(a: ReadonlySet<string>, b: ReadonlySet<string>): number {
  const both = [...a].filter((word) => b.has(word)).length;
  return both / (a.size + b.size - both);
}
