// @ts-check
import { html } from "/assets/vendor/htm.js";
import { duration, milliseconds, percent, score } from "../shared/format.js";
import { channelName } from "../shared/names.js";
import { formatRoute } from "./route.js";
import { Loading, Problem } from "./states.js";
import { useFetched } from "./use-fetched.js";

const KINDS = /** @type {const} */ ([
  ["agent_version", "Agent version"],
  ["agent", "Agent"],
  ["model", "Model"],
  ["conversation_type", "Channel"],
  ["weekday", "Weekday"],
]);
/** A Monday. */
const MONDAY = new Date(2026, 0, 5);

/**
 * Calls beside each other by what they have in common.
 * @param {{ query: Record<string, string>, bounds: URLSearchParams, days: { from: string, to: string }, onUnauthorised: (problem: string) => void }} props
 */
export function Comparison({ query, bounds, days, onUnauthorised }) {
  const by = KINDS.find(([kind]) => kind === query.by)?.[0] ?? "agent_version";
  const { answers, error, retry } = useFetched([`/quality/compare?by=${by}&${bounds}`], onUnauthorised);
  const answer = answers?.[0]?.by === by ? answers[0] : null;
  return html`<section class="panel comparison" aria-label="Comparison">
    <div class="view-head">
      <h3>Compare</h3>
      <nav class="segments" aria-label="Compare by">
        ${KINDS.map(
          ([kind, name]) =>
            html`<a key=${kind} href=${formatRoute("quality", null, { ...query, by: kind })} aria-current=${kind === by ? "true" : undefined}>${name}</a>`,
        )}
      </nav>
    </div>
    ${error && html`<${Problem} error=${error} onRetry=${retry} />`}
    ${!answer && !error && html`<${Loading} what="the comparison" />`}
    ${answer && html`<${Groups} by=${by} groups=${answer.groups} days=${days} />`}
  </section>`;
}

/** @param {{ by: string, groups: any[], days: { from: string, to: string } }} props */
function Groups({ by, groups, days }) {
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Comparison of calls"><table>
    <thead>
      <tr><th>${KINDS.find(([kind]) => kind === by)?.[1]}</th><th>Calls</th><th>Mood score</th><th>Escalated</th><th>Negative</th><th>Length</th><th>Reply, p50</th><th>Alerts a call</th></tr>
    </thead>
    <tbody>
      ${groups.map(
        (group) => html`<tr key=${group.key}>
          <th scope="row">${
            group.key === null || by === "weekday"
              ? nameOf(by, group.key)
              : html`<a href=${formatRoute("calls", null, { ...days, [by]: group.key })}>${nameOf(by, group.key)}</a>`
          }</th>
          <td>${group.calls}</td><td>${score(group.score)}</td><td>${percent(group.escalation_rate)}</td><td>${percent(group.negative_share)}</td>
          <td>${group.duration_ms === null ? "–" : duration(group.duration_ms)}</td><td>${milliseconds(group.reply_p50_ms)}</td><td>${group.alerts_per_call}</td>
        </tr>`,
      )}
    </tbody>
  </table></div>`;
}

/** @param {string} by @param {string | null} key */
function nameOf(by, key) {
  if (key === null) return "not given";
  if (by === "conversation_type") return channelName(key);
  if (by !== "weekday") return key;
  const day = new Date(MONDAY);
  day.setDate(MONDAY.getDate() + Number(key));
  return day.toLocaleDateString(undefined, { weekday: "long" });
}
