// @ts-check
import { keptInHistory } from "./kept-in-history.js";

/**
 * @typedef {{ search: string, calls: any[], cursor: string | null, scroll: number }} Kept
 */

/** Lists kept; of older ones the rows are loaded again. */
const MAX_KEPT = 10;
/** @type {ReturnType<typeof keptInHistory<Kept>>} */
const lists = keptInHistory("rows", MAX_KEPT);

/** What was kept for this entry of the history, or null: a link that is followed makes a new one. @param {string} search */
export function keptHere(search) {
  const rows = lists.here();
  return rows?.search === search ? rows : null;
}

/** The view before this one, by its address. @type {string | null} */
let before = null;
let here = location.hash;
addEventListener("hashchange", () => {
  before = here;
  here = location.hash;
});

/** Whether one step back in the history leads to a list of calls. */
export function cameFromCalls() {
  return before !== null && /^#\/calls(\?|$)/.test(before);
}

/** Keeps the rows for whoever comes back to this entry of the history. @param {Kept} rows */
export function keepHere(rows) {
  lists.keepHere(rows);
}
