// @ts-check
import { html, useRef } from "/assets/vendor/htm.js";
import { duration, plural, words } from "../shared/format.js";
import { ruleName } from "../shared/names.js";
import { describeEvidence } from "./evidence.js";

/**
 * @typedef {import("./live-state.js").Alert} Alert
 * @typedef {import("./live-state.js").Feedback} Feedback
 * @typedef {{ onFeedback: ((alert: Alert, feedback: Feedback) => void) | null, onUse: ((words: string) => void) | null }} Desk
 *   null: not any more
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

/** How much it matters, in a word. @type {Readonly<Record<Alert["severity"], string>>} */
const SEVERITIES = { alert: "urgent", warn: "warning", info: "note" };

/**
 * The coach's alerts, latest first. At the desk, what was judged makes room for what is open.
 * @param {{ alerts: readonly Alert[], startedAt: number, desk?: Desk | null }} props `desk`: what the one who acts on
 *   them may do with a card
 */
export function CoachingCards({ alerts, startedAt, desk = null }) {
  const heading = useRef(/** @type {HTMLElement | null} */ (null));
  const latestFirst = alerts.toReversed();
  const shown = desk ? latestFirst.filter(({ feedback }) => feedback === null) : latestFirst;
  const done = desk
    ? latestFirst.filter(({ feedback }) => feedback !== null && feedback !== "dismissed")
    : [];
  const judge =
    desk?.onFeedback &&
    ((/** @type {Alert} */ alert, /** @type {Feedback} */ feedback) => {
      // The button goes with its card.
      heading.current?.focus();
      desk.onFeedback?.(alert, feedback);
    });
  const acts = desk && { ...desk, onFeedback: judge ?? null };
  const cards = (/** @type {readonly Alert[]} */ some) =>
    some.map(
      (alert) =>
        html`<${Card} key=${`${alert.rule} ${alert.at}`} alert=${alert} offsetMs=${alert.at - startedAt} desk=${acts} />`,
    );
  return html`<section class="panel coaching" aria-label="Coaching">
    <h3 tabindex="-1" ref=${heading}>${desk ? "What to do now" : "Coaching"}</h3>
    ${
      shown.length === 0 &&
      html`<p class="muted small">${done.length > 0 ? "Nothing more." : "No alerts yet. They appear here when a rule of the coach applies."}</p>`
    }
    <ol class="cards" aria-live="polite">${cards(shown)}</ol>
    ${
      done.length > 0 &&
      html`<details class="judged"><summary class="muted small">${plural(done.length, "judged card")}</summary><ol class="cards">${cards(done)}</ol></details>`
    }
  </section>`;
}

/** @param {{ alert: Alert, offsetMs: number, desk: Desk | null }} props */
function Card({ alert, offsetMs, desk }) {
  const { rule, severity, message, evidence, feedback } = alert;
  const next = desk && SAY_NEXT[rule];
  const judge = feedback === null ? desk?.onFeedback : null;
  return html`<li class="card ${severity}">
    <p class="card-head">
      <b>${ruleName(rule)}</b>
      <span class="chip ${severity}">${SEVERITIES[severity]}</span>
      <span class="muted small">${duration(offsetMs)}</span>
      ${feedback && html`<span class="chip">${words(feedback)}</span>`}
    </p>
    <p>${message}</p>
    ${
      next &&
      html`<p class="say-next">“${next}” ${desk.onUse && html`<button class="button small" onClick=${() => desk.onUse?.(next)}>Use these words</button>`}</p>`
    }
    ${!desk && html`<p class="muted small" dir="auto">${describeEvidence(rule, evidence)}</p>`}
    ${judge && html`<${Opinion} name=${ruleName(rule)} onFeedback=${(/** @type {Feedback} */ given) => judge(alert, given)} />`}
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
