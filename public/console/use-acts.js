// @ts-check
import { useState } from "/assets/vendor/htm.js";
import { keepName, readName } from "../shared/me.js";
import { ApiError, post } from "./api.js";

/**
 * @typedef {"whisper" | "say" | "transfer" | "end" | "mute" | "unmute" | "take_over" | "hand_back" | "claim" | "release"
 *   | "acknowledge" | "feedback"} Action
 * @typedef {{ failed: boolean, message: string }} Outcome
 * @typedef {{
 *   outcome: Outcome,
 *   asking: boolean,
 *   act: (action: Action, body?: object, done?: string) => Promise<boolean>,
 *   answer: (name: string) => void,
 * }} Acts `act` says whether it was done. `asking`: it waits for the name of who does it, which `answer` gives
 */

/**
 * What one may do to a call. All see who did it, so the first act asks for a name.
 * @param {string} id @param {string | null} you the name that one's token has
 * @param {(problem: string) => void} onUnauthorised @returns {Acts}
 */
export function useActs(id, you, onUnauthorised) {
  const [outcome, setOutcome] = useState({ failed: false, message: "" });
  const [waiting, setWaiting] = useState(/** @type {{ goOn: (name: string) => void } | null} */ (null));

  /** @param {Action} action @param {object} body @param {string} done @param {string} name */
  const send = async (action, body, done, name) => {
    try {
      await post(`/live/${encodeURIComponent(id)}/${action}`, { ...body, as: name });
      setOutcome({ failed: false, message: done });
      return true;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (error.status === 401) onUnauthorised(error.message);
      setOutcome({ failed: true, message: error.message });
      return false;
    }
  };
  /** @type {Acts["act"]} */
  const act = (action, body = {}, done = "") => {
    const name = you ?? readName();
    if (name !== null) return send(action, body, done, name);
    return new Promise((resolve) => {
      setWaiting({ goOn: (given) => resolve(send(action, body, done, given)) });
    });
  };
  return {
    outcome,
    act,
    asking: waiting !== null,
    answer: (name) => {
      keepName(name);
      waiting?.goOn(name);
      setWaiting(null);
    },
  };
}
