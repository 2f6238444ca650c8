// @ts-check
import { useState } from "/assets/vendor/htm.js";

/**
 * A choice that this browser remembers.
 * @template T
 * @param {string} key
 * @param {T} initial
 * @param {Storage} [storage] what keeps it: by default for ever, `sessionStorage` for this tab
 * @returns {[T, (value: T) => void]}
 */
export function useKept(key, initial, storage = localStorage) {
  const [value, setValue] = useState(() => readKept(key, initial, storage));
  return [
    value,
    (next) => {
      storage.setItem(key, JSON.stringify(next));
      setValue(next);
    },
  ];
}

/**
 * @template T
 * @param {string} key @param {T} initial @param {Storage} storage @returns {T}
 */
function readKept(key, initial, storage) {
  const kept = storage.getItem(key);
  if (kept === null) return initial;
  try {
    return JSON.parse(kept);
  } catch {
    // Somebody has written over it.
    return initial;
  }
}
