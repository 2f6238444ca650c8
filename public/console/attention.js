// @ts-check
import { ruleName } from "../shared/names.js";

/**
 * @typedef {import("./live-state.js").LiveCall} LiveCall
 * @typedef {import("./live-state.js").Alert} Alert
 * @typedef {import("./live-state.js").Score} Score
 * @typedef {{ kind: "person" | "leaving" | "upset" | "silence" | "other", weight: number, text: string, since: number }} Need
 *   something in a call that is open now and wants a person. `since`: ms since 1970
 * @typedef {"needs" | "fine" | "handedOver"} Group
 */

/** What an open alert of a rule weighs; a rule that is not here, such as one of one's own, weighs by its severity. */
const WEIGHTS = new Map([
  ["human_request", 500],
  ["churn_or_legal", 400],
  ["unanswered", 250],
  ["dead_air", 200],
]);
const NO_NUMBER = 500;
const UPSET = 300;
const ONCE_UPSET = 110;
/** What is left of the risk after an utterance that is calm for certain, and how much less after a pleased one: see lib/mood/policy.ts. */
const CALM_KEEPS = 0.6;
const PLEASED_KEEPS = 0.5;
/** Verdicts on a caller who is upset: the row never says "Upset" beside "neutral". */
const UPSET_MOODS = new Set(["negative", "frustrated"]);
/** Somebody sees to it already. */
const CLAIMED = 50;
const SEVERITIES = { info: 0, warn: 100, alert: 150 };
/** Over when somebody has spoken since. */
const SILENCES = new Set(["unanswered", "dead_air"]);
/** Over when the caller sounds well again. */
const MOODS = new Set([
  "churn_or_legal",
  "negative_sustained",
  "sentiment_drop",
  "no_empathy",
  "frustration_threshold",
]);

/**
 * What is open in a call now, the weightiest first. What was answered, seen or has passed is not.
 * @param {LiveCall} call
 * @returns {Need[]}
 */
export function needsOf(call) {
  if (groupByOutcome(call) === "handedOver") return [];
  /** @type {Need[]} */
  const needs = [];
  const seenAt = call.acknowledgedAt ?? 0;
  if (call.escalation && call.escalation.at > seenAt) {
    // There was nobody to transfer to, and a supervisor was promised.
    needs.push({
      kind: "person",
      weight: NO_NUMBER,
      text: "Was promised a supervisor",
      since: call.escalation.at,
    });
  }
  const upset = upsetOf(call);
  if (upset && upset.since > seenAt) needs.push(upset);
  for (const rule of new Set(call.alerts.map((alert) => alert.rule))) {
    const alert = call.alerts.findLast((each) => each.rule === rule);
    if (!alert || alert.at <= seenAt || isOver(alert, call)) continue;
    const weight = WEIGHTS.get(rule) ?? SEVERITIES[alert.severity];
    if (weight > 0) needs.push({ kind: kindOf(rule), weight, text: ruleName(rule), since: alert.at });
  }
  return needs.sort((a, b) => b.weight - a.weight || a.since - b.since);
}

/** Where a call stands in the list. @param {LiveCall} call @param {readonly Need[]} needs @returns {Group} */
export function groupOf(call, needs) {
  if (groupByOutcome(call) === "handedOver") return "handedOver";
  return needs.length > 0 ? "needs" : "fine";
}

/**
 * How much a call wants a person's eye. What is in somebody's hands comes after all that is in nobody's.
 * @param {LiveCall} call @param {readonly Need[]} needs
 */
export function urgency(call, needs) {
  const [first, ...more] = needs;
  if (!first) return 0;
  const whole = first.weight + Math.min(40, more.length * 10);
  return isInHand(call) ? Math.min(CLAIMED, whole) : whole;
}

/** Whether somebody sees to the call. @param {LiveCall} call */
export function isInHand(call) {
  return call.holder !== null || call.muted;
}

/** Handed over, unless the transfer has failed and the caller is back with the agent. @param {LiveCall} call @returns {"handedOver" | null} */
function groupByOutcome({ escalation, transfers }) {
  if (transfers.at(-1)?.returned) return null;
  return escalation?.outcome === "requested" ? "handedOver" : null;
}

/**
 * The caller is upset, and more so than a while ago: by a sum of probabilities that fades with each calm remark, as the
 * server's own risk does.
 * @param {LiveCall} call @returns {Need | null}
 */
function upsetOf({ scores }) {
  const last = scores.at(-1);
  if (!last || !UPSET_MOODS.has(last.sentiment)) return null;
  const risk = scores.reduce(addRisk, 0);
  // More than a single remark can make it.
  if (risk > 1) {
    const weight = UPSET + Math.min(99, Math.round(risk * 25));
    return { kind: "upset", weight, text: "Upset, getting worse", since: last.at };
  }
  return { kind: "upset", weight: ONCE_UPSET + Math.round(risk * 25), text: "Upset", since: last.at };
}

/** @param {number} risk @param {Score} score */
function addRisk(risk, score) {
  const upset = likelihood(score);
  const kept = score.sentiment === "positive" ? risk * PLEASED_KEEPS : risk;
  return kept * (CALM_KEEPS + (1 - CALM_KEEPS) * upset) + upset;
}

/** How likely it is that the caller is upset, 0…1; of an older server, which does not say, by the score. @param {Score} score */
function likelihood({ upset, score }) {
  return upset ?? Math.max(0, -score / 5);
}

/** @param {Alert} alert @param {LiveCall} call */
function isOver({ rule, at }, { lastSaidAt, scores }) {
  if (SILENCES.has(rule)) return (lastSaidAt ?? 0) > at;
  if (!MOODS.has(rule)) return false;
  const last = scores.at(-1);
  // Who talks calmly of leaving is still leaving.
  if (!last || last.at <= at) return false;
  return rule === "churn_or_legal" ? last.score > 0 : !UPSET_MOODS.has(last.sentiment);
}

/** @param {string} rule @returns {Need["kind"]} */
function kindOf(rule) {
  if (rule === "human_request") return "person";
  if (rule === "churn_or_legal") return "leaving";
  if (SILENCES.has(rule)) return "silence";
  return MOODS.has(rule) ? "upset" : "other";
}
