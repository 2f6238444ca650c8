// @ts-check
import { html } from "/assets/vendor/htm.js";
import { duration, words } from "../shared/format.js";
import { ruleName, transferName } from "../shared/names.js";

/**
 * @typedef {import("./live-state.js").Alert} Alert
 * @typedef {import("./live-state.js").Feedback} Feedback
 * @typedef {{ onFeedback: (alert: Alert, feedback: Feedback) => void, onUse: (words: string) => void }} Desk
 */

/** What a human could say, by rule; where a rule is not here, its message says what to do. @type {Readonly<Record<string, string>>} */
const SAY_NEXT = {
  human_request: "Of course. I will get a colleague who can decide about this.",
  churn_or_legal: "I understand that you are thinking of leaving. Let me see what I can do for you first.",
  negative_sustained: "I am sorry that this has been so hard. Let us try another way.",
  sentiment_drop: "I have the feeling that something I said was not right. What went wrong?",
  interruptions: "Please go on, I am listening.",
  unanswered: "One moment, please. I am looking at it.",
  dead_air: "Are you still there?",
  no_empathy: "I am sorry about that. I can see why you are upset.",
  frustration_threshold: "I am sorry. I will put you through to somebody who can decide about this.",
  slow_reply: "Thank you for your patience.",
};

/**
 * The coach's alerts, latest first.
 * @param {{ alerts: readonly Alert[], startedAt: number, desk?: Desk | null }} props `desk`: what the one who acts on
 *   them may do with a card
 */
export function CoachingCards({ alerts, startedAt, desk = null }) {
  const shown = desk ? alerts.filter(({ feedback }) => feedback !== "dismissed") : alerts;
  return html`<section class="panel" aria-label="Coaching">
    <h3>${desk ? "What to do now" : "Coaching"}</h3>
    ${shown.length === 0 && html`<p class="muted small">No alerts yet. They appear here when a rule of the coach applies.</p>`}
    <ol class="cards" aria-live="polite">
      ${shown
        .toReversed()
        .map(
          (alert) =>
            html`<${Card} key=${`${alert.rule} ${alert.at}`} alert=${alert} offsetMs=${alert.at - startedAt} desk=${desk} />`,
        )}
    </ol>
  </section>`;
}

/** @param {{ alert: Alert, offsetMs: number, desk: Desk | null }} props */
function Card({ alert, offsetMs, desk }) {
  const { rule, severity, message, evidence, feedback } = alert;
  const next = desk && SAY_NEXT[rule];
  return html`<li class="card ${severity}">
    <p class="card-head">
      <b>${ruleName(rule)}</b>
      <span class="chip ${severity}">${severity}</span>
      <span class="muted small">${duration(offsetMs)}</span>
      ${feedback && html`<span class="chip">${words(feedback)}</span>`}
    </p>
    <p>${message}</p>
    ${
      next &&
      html`<p class="say-next">“${next}” <button class="button small" onClick=${() => desk.onUse(next)}>Use these words</button></p>`
    }
    ${!desk && html`<p class="muted small" dir="auto">${describeEvidence(evidence)}</p>`}
    ${desk && !feedback && html`<${Opinion} name=${ruleName(rule)} onFeedback=${(/** @type {Feedback} */ given) => desk.onFeedback(alert, given)} />`}
  </li>`;
}

/** @param {{ name: string, onFeedback: (feedback: Feedback) => void }} props */
function Opinion({ name, onFeedback }) {
  return html`<div class="buttons" role="group" aria-label=${`Was “${name}” helpful?`}>
    <button class="button small" onClick=${() => onFeedback("helpful")}>Helpful</button>
    <button class="button small" onClick=${() => onFeedback("not_helpful")}>Not helpful</button>
    <button class="button small" onClick=${() => onFeedback("dismissed")}>Dismiss</button>
  </div>`;
}

/** @param {string} name @param {unknown} value */
function describeValue(name, value) {
  if (name === "action") return transferName(String(value));
  return Array.isArray(value) ? value.join(", ") : String(value);
}

/** @param {Record<string, unknown>} evidence */
function describeEvidence(evidence) {
  return Object.entries(evidence)
    .map(([name, value]) => `${words(name)}: ${describeValue(name, value)}`)
    .join(" · ");
}
