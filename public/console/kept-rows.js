// @ts-check

/**
 * @typedef {{ search: string, calls: any[], cursor: string | null, scroll: number }} Kept
 */

/** The rows of earlier lists, for those who come back to one; by a key that stands in the history. @type {Map<number, Kept>} */
const kept = new Map();
/** Lists kept, the latest; of older ones the rows are loaded again. */
const MAX_KEPT = 10;

/** What was kept for this entry of the history, or null: a link that is followed makes a new one. @param {string} search */
export function keptHere(search) {
  const rows = kept.get(history.state?.rows);
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
  const key = history.state?.rows ?? Date.now() + Math.random();
  kept.delete(key);
  kept.set(key, rows);
  for (const oldest of kept.keys()) {
    if (kept.size <= MAX_KEPT) break;
    kept.delete(oldest);
  }
  history.replaceState({ ...history.state, rows: key }, "");
}
