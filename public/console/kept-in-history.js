// @ts-check

/**
 * Keeps something for each entry of the history, for whoever comes back to it; a link that is followed makes a new entry.
 * @template T
 * @param {string} name of its key in the history's state
 * @param {number} most entries kept, the latest
 */
export function keptInHistory(name, most) {
  /** @type {Map<number, T>} */
  const kept = new Map();
  return {
    /** What was kept for the entry that is shown. @returns {T | null} */
    here: () => kept.get(history.state?.[name]) ?? null,
    /** @param {T} value */
    keepHere: (value) => {
      const key = history.state?.[name] ?? Date.now() + Math.random();
      kept.delete(key);
      kept.set(key, value);
      for (const oldest of kept.keys()) {
        if (kept.size <= most) break;
        kept.delete(oldest);
      }
      history.replaceState({ ...history.state, [name]: key }, "");
    },
  };
}
