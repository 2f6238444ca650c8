import type { CallRecord, SummaryItem } from "./record.ts";
import { findTerm, parseSearch, type Term, wordsOf } from "./search-words.ts";

export const OUTCOMES = ["resolved", "not_resolved", "handed_over"] as const;
export type Outcome = (typeof OUTCOMES)[number];

/** What a call was about and what came of it, and who says so: rules, or the model that sums calls up. */
export type Findings = {
  topics: { names: string[]; by: "rules" | "model" };
  /** Null where the caller said nothing, and while the call goes on. */
  outcome: { name: Outcome | null; by: "rules" | "model" };
};

/** Most topics of one call, and the longest name of one, characters: what a model says is cut to that. */
const MAX_TOPICS = 3;
const MAX_NAME = 40;

/** Words that give a topic away when the caller says one of them, as in a search. In English. */
const TOPICS: readonly (readonly [topic: string, terms: readonly Term[]])[] = Object.entries({
  account: 'password login username account "log in" "sign in" "locked out"',
  appointment: "appointment reschedule booking reservation",
  billing: 'invoice billing "my bill" charged payment overcharged "credit card"',
  cancellation: 'cancel unsubscribe "close my account"',
  complaint: "complain complaint",
  delivery:
    'deliver delivery parcel package shipping shipment courier tracking "not arrived" "hasn t arrived"',
  order: "order",
  person: "supervisor manager human",
  refund: 'refund "money back" reimburse',
  return: '"send it back" exchange "return it" returning',
  technical: 'error crash broken internet reset "not working" "does not work" "doesn t work"',
}).map(([topic, query]) => [topic, parseSearch(query)] as const);

/** How callers say that they have what they wanted. */
const SETTLED = parseSearch(
  'thank thanks "that helps" "that s all" "that is all" "that s it" perfect great bye goodbye',
);

/** What a call was about and what came of it: as the model found, where one has summed it up, else by rules. */
export function findingsOf(call: CallRecord): Findings {
  const topics = call.summary?.find(({ type }) => type === "topics");
  const disposition = call.summary?.find(({ type }) => type === "disposition");
  const named = disposition ? outcomeNamed(disposition) : null;
  return {
    topics: topics
      ? { names: topicNames(topics.value), by: "model" }
      : { names: topicsOf(call), by: "rules" },
    outcome: named ? { name: named, by: "model" } : { name: outcomeOf(call), by: "rules" },
  };
}

/** By the words of the caller, in the order of the alphabet. */
function topicsOf({ turns }: CallRecord): string[] {
  const said = turns.flatMap(({ role, text }) => (role === "user" && text !== null ? [wordsOf(text)] : []));
  return TOPICS.flatMap(([topic, terms]) =>
    said.some((words) => terms.some((term) => findTerm(words, term))) ? [topic] : [],
  );
}

/**
 * Handed over when a transfer was asked for. Resolved when the caller's last words were glad, a thank you or a goodbye, or
 * when the agent ended a call whose last words were not upset; else not resolved.
 */
function outcomeOf({ turns, escalation, endReason, supervisor }: CallRecord): Outcome | null {
  if (endReason === null) return null;
  const transferred = supervisor.some(({ action }) => action === "transfer");
  if (endReason === "transferred" || escalation?.outcome === "requested" || transferred) return "handed_over";
  const last = turns.findLast(({ role }) => role === "user");
  if (!last) return null;
  if (last.verdict === "negative" || last.verdict === "frustrated") return "not_resolved";
  const words = wordsOf(last.text ?? "");
  const settled = last.verdict === "positive" || SETTLED.some((term) => findTerm(words, term));
  return settled || endReason === "end_call" ? "resolved" : "not_resolved";
}

/** A model's disposition as an outcome; null where it is none of them. */
function outcomeNamed({ value }: SummaryItem): Outcome | null {
  const name = value.toLowerCase();
  if (/escalat|hand|transfer/.test(name)) return "handed_over";
  if (/unresolved|not.resolved|abandon/.test(name)) return "not_resolved";
  return /resolved/.test(name) ? "resolved" : null;
}

/** `Delivery, refund; …` as names in small letters. */
export function topicNames(value: string): string[] {
  const names = value
    .toLowerCase()
    .split(/[,;/\n]+/)
    .map((name) => name.trim().slice(0, MAX_NAME))
    .filter((name) => name !== "");
  return [...new Set(names)].slice(0, MAX_TOPICS);
}
