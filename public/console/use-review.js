// @ts-check
import { useMemo, useState } from "/assets/vendor/htm.js";
import { readName } from "../shared/me.js";
import { ApiError, sendJson } from "./api.js";
import { useFetched } from "./use-fetched.js";
import { useName } from "./use-name.js";

/**
 * @typedef {import("../shared/verdict-chip.js").Sentiment} Sentiment
 * @typedef {{ turn: number, verdict: Sentiment, by: string, at: string }} VerdictLabel
 * @typedef {{ name: string, questions: readonly { id: string, text: string, type: "yes_no" | "scale", weight: number }[] }} Form
 * @typedef {{ by: string, source: "person" | "model", form: string, answers: Record<string, string>,
 *   reasons: Record<string, string>, comment: string, score: number | null, at: string }} Scorecard
 * @typedef {{ id: string, turn: number | null, by: string, kind: "label" | "note", text: string, at: string }} Remark
 * @typedef {(method: string, path: string, body: object) => Promise<string | null>} Send says what went wrong
 * @typedef {{
 *   mine: (by: string) => boolean,
 *   canReview: boolean,
 *   canManage: boolean,
 *   keepsWords: boolean,
 *   form: Form,
 *   verdicts: readonly VerdictLabel[],
 *   scorecards: readonly Scorecard[],
 *   remarks: readonly Remark[],
 *   send: Send,
 * }} Review `mine`: whether a name is that of whoever looks at this page
 */

/**
 * What people have said about a recorded call, and the way to say more. Every answer is the whole again.
 * @param {string} id
 * @param {(problem: string) => void} onUnauthorised
 */
export function useReview(id, onUnauthorised) {
  const path = `/calls/${encodeURIComponent(id)}/review`;
  const { answers, error } = useFetched([path], onUnauthorised);
  const [changed, setChanged] = useState(/** @type {any} */ (null));
  const said = changed ?? answers?.[0] ?? null;
  const name = useName(said?.you ?? null);

  /** @type {Send} */
  const send = async (method, rest, body) => {
    const as = await name.ask();
    if (as === null) return "Not saved: a review needs your name.";
    try {
      setChanged(await sendJson(method, `${path}/${rest}`, { ...body, as }));
      return null;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (error.status === 401) onUnauthorised(error.message);
      return error.message;
    }
  };
  /** The same until something is said, so that what shows it need not be drawn again. */
  const review = useMemo(
    () =>
      /** @type {Review | null} */ (
        said && {
          mine: (/** @type {string} */ by) => by === (said.you ?? readName()),
          canReview: said.can_review,
          canManage: said.can_manage,
          keepsWords: said.keeps_words,
          form: said.form,
          verdicts: said.verdicts,
          scorecards: said.scorecards,
          remarks: said.remarks,
          send,
        }
      ),
    [said],
  );
  return { review, name, isLoading: said === null && error === null };
}
