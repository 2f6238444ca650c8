// @ts-check
import { useLayoutEffect } from "/assets/vendor/htm.js";

/** How far pages were scrolled, px; by a key that stands in the history. @type {Map<number, number>} */
const places = new Map();
/** Pages kept, the latest. */
const MAX_PLACES = 20;

/** Takes whoever comes back to a page to the place they left, as soon as the page is long enough again. */
export function useKeptPlace() {
  const { hash } = location;
  useLayoutEffect(() => {
    const key = keyOfEntry();
    const sought = places.get(key) ?? 0;
    const done = new AbortController();
    const remember = () => places.set(key, scrollY);
    const arrive = () => {
      grown.disconnect();
      addEventListener("scroll", remember, { passive: true, signal: done.signal });
    };
    const grown = new ResizeObserver(() => {
      if (document.documentElement.scrollHeight - innerHeight < sought) return;
      scrollTo(0, sought);
      arrive();
    });
    if (sought === 0) arrive();
    else {
      grown.observe(document.body);
      // Whoever scrolls meanwhile wants to be elsewhere.
      for (const act of ["wheel", "touchstart", "keydown"])
        addEventListener(act, arrive, { passive: true, once: true, signal: done.signal });
    }
    return () => {
      grown.disconnect();
      done.abort();
    };
  }, [hash]);
}

/** The key of this entry of the history; a link that is followed makes a new one. @returns {number} */
function keyOfEntry() {
  /** @type {number} */
  const key = history.state?.place ?? Date.now() + Math.random();
  const place = places.get(key) ?? 0;
  places.delete(key);
  places.set(key, place);
  for (const oldest of places.keys()) {
    if (places.size <= MAX_PLACES) break;
    places.delete(oldest);
  }
  history.replaceState({ ...history.state, place: key }, "");
  return key;
}
