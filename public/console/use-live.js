// @ts-check
import { useEffect, useState } from "/assets/vendor/htm.js";
import { followLive } from "./live-feed.js";
import { applyEvents, fromPicture, NO_CALLS } from "./live-state.js";

/**
 * The live calls, or one of them, as they are at this moment.
 * @param {string | null} session
 * @param {(problem: string) => void} onUnauthorised
 */
export function useLive(session, onUnauthorised) {
  const [state, setState] = useState(NO_CALLS);
  const [feed, setFeed] = useState({
    status: /** @type {import("./live-feed.js").FeedStatus} */ ("loading"),
    message: "",
    /** Since when nothing is known, ms since 1970: a call's clock stands still from then on. */
    lostAt: /** @type {number | null} */ (null),
  });
  useEffect(() => {
    const watching = new AbortController();
    setState(NO_CALLS);
    void followLive(
      session,
      {
        onPicture: (picture) => setState(fromPicture(picture)),
        onEvents: (events) => {
          setState((before) => applyEvents(before, events, session === null ? "drop" : "keep"));
          // Nothing comes after the end of the one call that is watched.
          if (session !== null && events.some(({ type }) => type === "call.ended")) watching.abort();
        },
        onStatus: (status, message) => {
          const lost = status === "disconnected";
          setFeed(({ lostAt }) => ({ status, message, lostAt: lost ? (lostAt ?? Date.now()) : null }));
          if (status === "unauthorised") onUnauthorised(message);
        },
      },
      watching.signal,
    );
    return () => watching.abort();
  }, [session]);
  return { state, feed };
}
