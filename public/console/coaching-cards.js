// @ts-check
import { html } from "/assets/vendor/htm.js";
import { duration, words } from "../shared/format.js";
import { ruleName } from "../shared/names.js";

/** The coach's alerts, latest first. @param {{ alerts: readonly import("./live-state.js").Alert[], startedAt: number }} props */
export function CoachingCards({ alerts, startedAt }) {
  return html`<section class="panel" aria-label="Coaching">
    <h3>Coaching</h3>
    ${alerts.length === 0 && html`<p class="muted small">No alerts. They appear when a rule of the coach is met.</p>`}
    <ol class="cards" aria-live="polite">
      ${alerts.toReversed().map(
        (alert) => html`<li key=${`${alert.rule} ${alert.at}`} class="card ${alert.severity}">
          <p class="card-head">
            <span class="chip ${alert.severity}">${alert.severity}</span>
            <b>${ruleName(alert.rule)}</b>
            <span class="muted small">${duration(alert.at - startedAt)}</span>
          </p>
          <p>${alert.message}</p>
          <p class="muted small" dir="auto">${describeEvidence(alert.evidence)}</p>
        </li>`,
      )}
    </ol>
  </section>`;
}

/** @param {Record<string, unknown>} evidence */
function describeEvidence(evidence) {
  return Object.entries(evidence)
    .map(([name, value]) => `${words(name)}: ${Array.isArray(value) ? value.join(", ") : String(value)}`)
    .join(" · ");
}
