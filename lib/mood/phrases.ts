import { readFileSync } from "node:fs";

/** One word of a phrase: the classes of the phrases that end with it, and the words that may follow. */
export type Step = { readonly classes: string[]; readonly next: Map<string, Step> };

/**
 * Reads a file of phrases: paragraphs of a class, a colon and its phrases between commas; `#` begins a remark.
 * @throws {Error} naming a paragraph without a class.
 */
export function parsePhrases(text: string): Step {
  const root: Step = { classes: [], next: new Map() };
  for (const paragraph of text.replace(/^#.*\n/gm, "").split(/\n{2,}/)) {
    if (paragraph.trim() === "") continue;
    const [, name, phrases] = /^\s*([a-z]+): ([\s\S]*)$/.exec(paragraph) ?? [];
    if (name === undefined || phrases === undefined) throw new Error(`No class of phrases: ${paragraph}`);
    for (const phrase of phrases.split(",")) addPhrase(root, phrase.trim().split(/\s+/), name);
  }
  return root;
}

/** Adds one phrase of a class to those that {@link findPhrases} knows. */
export function addPhrase(root: Step, words: readonly string[], name: string): void {
  let step = root;
  for (const word of words) {
    const next = step.next.get(word) ?? { classes: [], next: new Map() };
    step.next.set(word, next);
    step = next;
  }
  step.classes.push(name);
}

const PHRASES = parsePhrases(readFileSync(new URL("./phrases.txt", import.meta.url), "utf8"));

/** Calls `found` with the class of each known phrase, and its first word and the one after its last. Linear in the words. */
export function findPhrases(
  words: readonly string[],
  found: (name: string, from: number, to: number) => void,
  phrases = PHRASES,
): void {
  for (let from = 0; from < words.length; from += 1) {
    let step = phrases.next.get(words[from] ?? "");
    for (let to = from + 1; step !== undefined; to += 1) {
      for (const name of step.classes) found(name, from, to);
      step = step.next.get(words[to] ?? "");
    }
  }
}
