import { findTerm, type Term, wordsOf } from "./search-words.ts";

/** How much is shown around what was found, characters. */
const BEFORE = 50;
const AFTER = 110;

/** Where in a call something was found: the turn, and its words around the place. */
export type Excerpt = { turn: number; before: string; found: string; after: string };

/** The place in a call where most of what is looked for stands together; null if no turn has any of it. */
export function excerptOf(
  turns: readonly { number: number; text: string | null }[],
  terms: readonly Term[],
): Excerpt | null {
  let best: { count: number; excerpt: Excerpt } | null = null;
  for (const { number, text } of turns) {
    if (text === null) continue;
    const words = wordsOf(text);
    const places = terms.flatMap((term) => findTerm(words, term) ?? []);
    const [place] = places;
    if (!place || places.length <= (best?.count ?? 0)) continue;
    const { index } = place.first;
    const end = place.last.index + place.last.length;
    best = {
      count: places.length,
      excerpt: {
        turn: number,
        before: cutBefore(text.slice(0, index)),
        found: text.slice(index, end),
        after: cutAfter(text.slice(end)),
      },
    };
  }
  return best?.excerpt ?? null;
}

function cutBefore(text: string): string {
  return text.length <= BEFORE ? text : `…${text.slice(-BEFORE).replace(/^\S*\s/, "")}`;
}

function cutAfter(text: string): string {
  return text.length <= AFTER ? text : `${text.slice(0, AFTER).replace(/\s\S*$/, "")}…`;
}
