/*
 * What counts as a word in a search. Texts are taken apart here, and not by the database, so that the same words are
 * found in SQLite and PostgreSQL: small letters, without accents, whatever the language.
 */

/** Longer runs of letters are nobody's search word, characters. */
const MAX_WORD = 64;
/** Of a longer text only the beginning is searched, characters: that is eight minutes of one person's speech. */
const MAX_TEXT = 8_192;
/** A query of more words than this is cut; each costs a look into the index. */
const MAX_QUERY_WORDS = 20;
/** Shorter words are found as they are; longer ones also as the beginning of a word: refund finds refunds. */
const MIN_PREFIX = 3;

/** What is its own plain form but for capitals. */
const ASCII_WORD = /^[A-Za-z0-9]+$/;
const RUN = /[\p{L}\p{N}\p{M}]+/gu;
/** Written without spaces between words. */
const UNSPACED = /[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Thai}\p{sc=Lao}\p{sc=Khmer}\p{sc=Myanmar}]/u;
const segmenter = new Intl.Segmenter(undefined, { granularity: "word" });

/** A word as it is compared, and where it stands in the text. */
export type Word = { word: string; index: number; length: number };

/** The words of a text, or of its first {@link MAX_TEXT} characters. */
export function wordsOf(text: string): Word[] {
  return [...text.slice(0, MAX_TEXT).matchAll(RUN)].flatMap((match) =>
    pieces(match[0]).flatMap(({ piece, index }) => {
      const word = plain(piece).slice(0, MAX_WORD);
      return word === "" ? [] : [{ word, index: match.index + index, length: piece.length }];
    }),
  );
}

/** The words of a text as the index takes them: between spaces. */
export function indexable(text: string): string {
  return wordsOf(text)
    .map(({ word }) => word)
    .join(" ");
}

/** One thing to be found; `words` stand next to each other. */
export type Term = { words: string[]; prefix: boolean };

/** `late "two weeks"`: late, later, … and these two words next to each other. Empty without a word in it. */
export function parseSearch(query: string): Term[] {
  const terms = [...query.matchAll(/"([^"]*)"?|[^\s"]+/g)].flatMap(([whole, quoted]): Term[] => {
    const words = wordsOf(quoted ?? whole).map(({ word }) => word);
    if (words.length === 0) return [];
    if (quoted !== undefined) return [{ words, prefix: false }];
    // What people write as one, such as a number with dashes, is looked for as one.
    return [{ words, prefix: (words.at(-1) ?? "").length >= MIN_PREFIX }];
  });
  return terms.slice(0, MAX_QUERY_WORDS);
}

/** Where a term begins in a text, or null. */
export function findTerm(text: readonly Word[], { words, prefix }: Term): { first: Word; last: Word } | null {
  for (const [start, first] of text.entries()) {
    const found = text.slice(start, start + words.length);
    const last = found.at(-1);
    const matches = words.every((word, n) => {
      const there = found[n]?.word;
      return n === words.length - 1 && prefix ? there?.startsWith(word) : there === word;
    });
    if (matches && last) return { first, last };
  }
  return null;
}

function plain(text: string): string {
  if (ASCII_WORD.test(text)) return text.toLowerCase();
  return (
    text
      .normalize("NFKD")
      // Accents, and what some signs are made of beside letters: ½ is 1⁄2.
      .replace(/[\u0300-\u036f]|[^\p{L}\p{N}\p{M}]/gu, "")
      .toLowerCase()
      .normalize("NFC")
  );
}

function pieces(run: string): { piece: string; index: number }[] {
  if (!UNSPACED.test(run)) return [{ piece: run, index: 0 }];
  return [...segmenter.segment(run)].map(({ segment, index }) => ({ piece: segment, index }));
}
