/** Longest part of an utterance that is compared, characters. */
const MAX_CHARS = 20_000;
/** Two utterances are the same request when they share so much of their words. */
const SAME_SHARE = 0.8;
/** "Yes" and "thank you" may be said again. */
const MIN_WORDS = 3;
const KEPT = 20;

/** Finds out whether an utterance repeats earlier ones, in nearly the same words. Remembers the last twenty. */
export class Repeats {
  readonly #earlier: ReadonlySet<string>[] = [];

  /** How many of the earlier ones say what `text` says; it is remembered. */
  count(text: string): number {
    const words = wordsOf(text);
    if (words.size < MIN_WORDS) return 0;
    const same = this.#earlier.filter((before) => likeness(before, words) >= SAME_SHARE).length;
    this.#earlier.push(words);
    if (this.#earlier.length > KEPT) this.#earlier.shift();
    return same;
  }
}

/** The different words of a text, in lower case. */
export function wordsOf(text: string): ReadonlySet<string> {
  return new Set(
    text
      .slice(0, MAX_CHARS)
      .toLowerCase()
      .match(/[\p{L}\p{N}']+/gu),
  );
}

/** Words in both by words in either, 0…1. */
export function likeness(a: ReadonlySet<string>, b: ReadonlySet<string>): number {
  let both = 0;
  for (const word of a) if (b.has(word)) both += 1;
  return both === 0 ? 0 : both / (a.size + b.size - both);
}

/** "Have", "that", "what": longer words that are in every second sentence. */
const COMMON = new Set(
  "have that what this with your just from they there when been will were about would could which".split(" "),
);

/** How much of the longer words of `words` are in `before`, 0…1; of fewer than three words it is a part of three. */
export function overlap(words: ReadonlySet<string>, before: ReadonlySet<string>): number {
  let all = 0;
  let both = 0;
  for (const word of words) {
    if (word.length < 4 || COMMON.has(word)) continue;
    all += 1;
    if (before.has(word)) both += 1;
  }
  return both / Math.max(3, all);
}
