// @ts-check
import { html } from "/assets/vendor/htm.js";
import { duration, milliseconds, plural, score } from "../shared/format.js";
import { endName } from "../shared/names.js";
import { when } from "../shared/time.js";
import { VerdictChip } from "../shared/verdict-chip.js";
import { nameOf } from "./name-of.js";
import { formatRoute } from "./route.js";
import { useSteps } from "./use-steps.js";

/** Rows drawn in one go: as many as are seen at first. */
const ROWS_AT_ONCE = 12;

/**
 * The column of review scores is there where people have scored one of the calls.
 * @param {{ calls: any[], label?: string, atOnce?: boolean }} props `atOnce`: for somebody who comes back to a row far down
 */
export function CallTable({ calls, label = "Calls", atOnce = false }) {
  const steps = Math.ceil(calls.length / ROWS_AT_ONCE);
  const drawn = useSteps(steps, atOnce ? steps : 1) * ROWS_AT_ONCE;
  const reviewed = calls.some((call) => call.review_score !== null);
  return html`<table class="calls" aria-label=${label}>
    <thead>
      <tr>
        <th>Call</th><th>Began</th><th>Length</th><th>Mood</th><th>Mood score</th><th>Risk</th><th>Reply, p95</th>
        ${reviewed && html`<th>Review score</th>`}<th>Ended</th>
      </tr>
    </thead>
    <tbody>
      ${calls.slice(0, drawn).map((call) => html`<${CallRow} key=${call.session_id} call=${call} reviewed=${reviewed} />`)}
    </tbody>
  </table>`;
}

/** @param {{ call: any, reviewed: boolean }} props */
function CallRow({ call, reviewed }) {
  const live = call.ended_at === null;
  return html`<tr>
    <th scope="row">
      <a href=${live ? formatRoute("live", call.session_id) : formatRoute("calls", call.session_id)}>
        ${nameOf({ id: call.session_id, callId: call.call_id })}
      </a>
      ${call.escalated && html` <span class="chip alert">escalated</span>`}
      ${call.alerts > 0 && html` <span class="chip warn">${plural(call.alerts, "alert")}</span>`}
      ${call.match && html`<${Found} sessionId=${call.session_id} match=${call.match} />`}
    </th>
    <td data-name="Began">${when(call.started_at)}</td>
    <td data-name="Length">${live ? "live now" : duration(call.duration_ms)}</td>
    <td data-name="Mood">${call.label && call.label !== "none" ? html`<${VerdictChip} sentiment=${call.label} />` : "–"}</td>
    <td data-name="Mood score">${score(call.score)}</td>
    <td data-name="Risk">${call.risk === null ? "–" : call.risk.toFixed(1)}</td>
    <td data-name="Reply, p95">${milliseconds(call.reply_p95_ms)}</td>
    ${reviewed && html`<td data-name="Review score">${call.review_score === null ? "–" : `${call.review_score} of 100`}</td>`}
    <td data-name="Ended">${live ? "–" : endName(call.end_reason)}</td>
  </tr>`;
}

/** The words that were looked for, and the way to their turn. @param {{ sessionId: string, match: any }} props */
function Found({ sessionId, match: { turn, before, found, after } }) {
  return html`<a class="found small" dir="auto" href=${formatRoute("calls", sessionId, { turn: String(turn) })}>
    ${before}<mark>${found}</mark>${after}
  </a>`;
}
