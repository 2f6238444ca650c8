// @ts-check
import { plural, score, words } from "../shared/format.js";
import { transferName } from "../shared/names.js";

/** Rules whose limit is a time in ms. */
const LIMITED_IN_TIME = new Set(["slow_reply"]);
/** What a person need not know: the count the policy keeps, and what the action says already. */
const LEFT_OUT = new Set(["count", "threshold", "outcome"]);

/**
 * What made a rule of the coach fire, in words people use: `ms: 60001, utterances: [1, 2]` → 60 s · remarks 1, 2.
 * @param {string} rule @param {Record<string, unknown>} evidence
 */
export function describeEvidence(rule, evidence) {
  return Object.entries(evidence)
    .filter(([name]) => !LEFT_OUT.has(name))
    .map(([name, value]) => describe(rule, name, value))
    .join(" · ");
}

/** @param {string} rule @param {string} name @param {unknown} value */
function describe(rule, name, value) {
  switch (name) {
    case "action":
      return transferName(String(value));
    case "ms":
      return listOf(value).map(seconds).join(", ");
    case "limit":
      return `limit ${LIMITED_IN_TIME.has(rule) ? seconds(value) : value}`;
    case "utterance":
      return `remark ${value}`;
    case "utterances":
      return `remarks ${listOf(value).join(", ")}`;
    case "words":
      return plural(Number(value), "word");
    case "times":
      return plural(Number(value), "time");
    case "negatives":
      return `${value} upset before`;
    case "mean":
      return `mood ${score(Number(value))}`;
    case "best":
      return `before ${score(Number(value))}`;
    case "phrase":
    case "answer":
      return `“${value}”`;
    default:
      return `${words(name)}: ${listOf(value).join(", ")}`;
  }
}

/** @param {unknown} value */
function listOf(value) {
  return Array.isArray(value) ? value : [value];
}

/** @param {unknown} ms */
function seconds(ms) {
  return `${Math.round(Number(ms) / 100) / 10} s`;
}
