// @ts-check
import { useEffect, useState } from "/assets/vendor/htm.js";

/** The longest a step waits for a quiet moment, ms. */
const PATIENCE_MS = 100;

/**
 * Counts up to `all`, one step in each quiet moment after the page was painted: what is long is drawn piece by piece, and
 * the page answers in between.
 * @param {number} all
 * @param {number} [least] so many at once
 */
export function useSteps(all, least = 1) {
  const [done, setDone] = useState(1);
  useEffect(() => {
    if (done < all) return whenQuiet(() => setDone(done + 1));
  }, [done, all]);
  return Math.max(done, least);
}

/** Safari has no idle callbacks; there it is a task of its own. @param {() => void} callback */
function whenQuiet(callback) {
  if (typeof requestIdleCallback === "undefined") {
    const timer = setTimeout(callback);
    return () => clearTimeout(timer);
  }
  const asked = requestIdleCallback(callback, { timeout: PATIENCE_MS });
  return () => cancelIdleCallback(asked);
}
