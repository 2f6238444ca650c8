import { findPhrases, type Step } from "./phrases.ts";

/** Characters of an utterance that are looked at: some two minutes of speech. */
const MAX_CHARS = 2_000;

/** A word, a number, marks of stress. Every alternative takes all it can, so that the search is linear. */
const TOKEN = /[a-z]+|\d+|[!?]+|\.{2,}/g;

/**
 * What an utterance is made of, for the linear model: words, pairs and triples of words in lower case, all numbers as "0",
 * marks and capitals that stress, a class of length, and classes of phrases (`phrases.txt`); each once. "^" is its beginning, "$" its end.
 * Linear in the length of the text; looks at the first 2,000 characters.
 * @param phrases is given the words in which each class of phrases was said last.
 * @param grams the words, pairs and triples that are asked for; null: all, which takes twice the time.
 */
export function featuresOf(
  text: string,
  phrases = new Map<string, string>(),
  grams: Step | null = null,
): ReadonlySet<string> {
  const said = text.slice(0, MAX_CHARS).replace(/[‘’]/g, "'");
  const plain = said.toLowerCase();
  const names = new Set<string>();
  const words = ["^"];
  for (const token of spell(plain).match(TOKEN) ?? []) {
    const first = token.charCodeAt(0);
    if (first === 33 || first === 63) {
      names.add(token.includes("!") ? (token.length > 1 ? "!!" : "!") : token.length > 1 ? "??" : "?");
    } else if (first === 46) {
      names.add("...");
    } else if (first < 58) {
      if (words.at(-1) !== "0") words.push("0");
    } else {
      words.push(token);
    }
  }
  names.add(lengthOf(words.length - 1));
  words.push("$");
  if (grams) findPhrases(words, (gram) => names.add(gram), grams);
  else addGrams(words, names);
  addPhrases(words, names, phrases);
  addStress(said, names);
  return names;
}

/** A word of an utterance as the model looks at it, and where it stands in the text. */
export type WordSaid = { word: string; from: number; to: number };

/** A word with its apostrophes, or a number. */
const SAID = /[a-z]+(?:['‘’][a-z]+)*|\d+/gi;

/** The words of an utterance, of its first 2,000 characters, as {@link featuresOf} spells them. */
export function wordsSaid(text: string): WordSaid[] {
  const words: WordSaid[] = [];
  for (const { 0: said, index: from } of text.slice(0, MAX_CHARS).matchAll(SAID)) {
    const to = from + said.length;
    const word = /^\d/.test(said) ? "0" : spell(said.toLowerCase());
    const before = words.at(-1);
    if (word === "0" && before?.word === "0") before.to = to;
    else words.push({ word, from, to });
  }
  return words;
}

/** "can't" is one word, and "sooooo" is as long as "soo". */
function spell(said: string): string {
  return said.replace(/(?<=[a-z])['‘’](?=[a-z])/g, "").replace(/([a-z])\1{2,}/g, "$1$1");
}

function addGrams(words: readonly string[], names: Set<string>): void {
  let before = "";
  let pair = "";
  for (const word of words) {
    if (word !== "^" && word !== "$") names.add(word);
    if (pair !== "") names.add(`${pair} ${word}`);
    pair = before === "" ? "" : `${before} ${word}`;
    if (pair !== "") names.add(pair);
    before = word;
  }
}

/** The classes of the phrases that are said, and those of which several are. */
function addPhrases(words: readonly string[], names: Set<string>, phrases: Map<string, string>): void {
  findPhrases(words, (name, from, to) => {
    const feature = names.has(`@${name}`) ? `@${name} twice` : `@${name}`;
    names.add(feature);
    phrases.set(feature, words.slice(from, to).join(" "));
  });
}

function lengthOf(words: number): string {
  if (words <= 2) return "#short";
  if (words <= 6) return "#clause";
  return words <= 20 ? "#sentence" : "#long";
}

/** Capitals: a word among others is stressed, a whole utterance is shouted. "PIN" and "USB" are neither. */
function addStress(said: string, names: Set<string>): void {
  const stressed = said.match(/\b[A-Z]{4,}\b/g)?.length ?? 0;
  if (stressed === 0) return;
  const small = said.match(/[a-z]+/g)?.length ?? 0;
  names.add(small <= stressed ? "#shout" : "#stress");
}
