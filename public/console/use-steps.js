// @ts-check
import { useEffect, useState } from "/assets/vendor/htm.js";

/**
 * Counts up to `all`, one step after each time the page was painted: what is long is drawn piece by piece, and the page
 * answers in between.
 * @param {number} all
 * @param {number} [least] so many at once
 */
export function useSteps(all, least = 1) {
  const [done, setDone] = useState(1);
  useEffect(() => {
    if (done < all) setDone(done + 1);
  }, [done, all]);
  return Math.max(done, least);
}
