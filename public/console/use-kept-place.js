// @ts-check
import { useLayoutEffect } from "/assets/vendor/htm.js";
import { keptInHistory } from "./kept-in-history.js";

/** Pages whose place is kept. */
const MAX_PLACES = 20;
/** How far a page was scrolled, px. @type {ReturnType<typeof keptInHistory<{ y: number }>>} */
const places = keptInHistory("place", MAX_PLACES);

/** Takes whoever comes back to a page to the place they left, as soon as the page is long enough again. */
export function useKeptPlace() {
  const { hash } = location;
  useLayoutEffect(() => {
    const place = places.here() ?? { y: 0 };
    places.keepHere(place);
    const sought = place.y;
    const done = new AbortController();
    const remember = () => {
      place.y = scrollY;
    };
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
