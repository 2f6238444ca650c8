// @ts-check
import { useState } from "/assets/vendor/htm.js";
import { keepName, readName } from "../shared/me.js";

/**
 * Who acts: all see who did what, so whoever has no token of their own is asked once in a browser.
 * @param {string | null} you the name that one's token has
 */
export function useName(you) {
  const [waiting, setWaiting] = useState(
    /** @type {{ goOn: (name: string | null) => void } | null} */ (null),
  );
  /** @param {string | null} name */
  const settle = (name) => {
    waiting?.goOn(name);
    setWaiting(null);
  };
  return {
    /** Whether it waits for `answer` or `cancel`. */
    asking: waiting !== null,
    /** @returns {Promise<string | null>} null when the question was sent away */
    ask: () => {
      const name = you ?? readName();
      return name === null ? new Promise((resolve) => setWaiting({ goOn: resolve })) : Promise.resolve(name);
    },
    /** @param {string} name */
    answer: (name) => {
      keepName(name);
      settle(name);
    },
    cancel: () => settle(null),
  };
}
