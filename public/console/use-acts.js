// @ts-check
import { useRef, useState } from "/assets/vendor/htm.js";
import { ApiError, post } from "./api.js";
import { useName } from "./use-name.js";

/**
 * @typedef {"whisper" | "say" | "transfer" | "end" | "mute" | "unmute" | "take_over" | "hand_back" | "claim" | "release"
 *   | "acknowledge" | "feedback"} Action
 * @typedef {{ failed: boolean, message: string }} Outcome
 * @typedef {{
 *   outcome: Outcome,
 *   asking: boolean,
 *   act: (action: Action, body?: object, done?: string) => Promise<boolean>,
 *   answer: (name: string) => void,
 * }} Acts `act` says whether it was done; the same again before that is one act, for a double click says nothing twice.
 *   `asking`: it waits for the name of who does it, which `answer` gives
 */

/**
 * What one may do to a call. All see who did it, so the first act asks for a name.
 * @param {string} id @param {string | null} you the name that one's token has
 * @param {(problem: string) => void} onUnauthorised @returns {Acts}
 */
export function useActs(id, you, onUnauthorised) {
  const [outcome, setOutcome] = useState({ failed: false, message: "" });
  const name = useName(you);
  const running = useRef(/** @type {Set<string>} */ (new Set()));

  /** @type {Acts["act"]} */
  const act = async (action, body = {}, done = "") => {
    const as = await name.ask();
    const what = JSON.stringify([action, body]);
    if (as === null || running.current.has(what)) return false;
    running.current.add(what);
    try {
      await post(`/live/${encodeURIComponent(id)}/${action}`, { ...body, as });
      setOutcome({ failed: false, message: done });
      return true;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (error.status === 401) onUnauthorised(error.message);
      setOutcome({ failed: true, message: error.message });
      return false;
    } finally {
      running.current.delete(what);
    }
  };
  return { outcome, act, asking: name.asking, answer: name.answer };
}
