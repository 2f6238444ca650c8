// @ts-check

/**
 * The order of a list that must not move under the pointer: what was there stays where it was, what has come since
 * waits to be taken.
 * @param {readonly string[] | null} held the order that is shown; null when none is held
 * @param {readonly string[]} fresh the order as it would be now
 * @returns {{ shown: readonly string[], changed: number }} `changed`: so many have come, gone or moved
 */
export function holdOrder(held, fresh) {
  if (held === null) return { shown: fresh, changed: 0 };
  const places = new Map(fresh.map((id, index) => [id, index]));
  const before = new Set(held);
  const stayed = held.flatMap((id) => places.get(id) ?? []);
  const gone = held.length - stayed.length;
  const come = fresh.filter((id) => !before.has(id)).length;
  return { shown: held, changed: gone + come + stayed.length - longestRise(stayed) };
}

/** How many can stay where they are: the length of the longest rising subsequence. @param {readonly number[]} places */
function longestRise(places) {
  /** `ends[n]`: the lowest end of a rise of n + 1. @type {number[]} */
  const ends = [];
  for (const place of places) {
    let low = 0;
    let high = ends.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((ends[middle] ?? 0) < place) low = middle + 1;
      else high = middle;
    }
    ends[low] = place;
  }
  return ends.length;
}
