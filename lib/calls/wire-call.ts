import type { CallRecord } from "./record.ts";
import { reportCall } from "./report.ts";
import { toWire } from "./wire.ts";

/** One call in full as it goes out: the figures that lists show, too, worked out for a call that goes on as far as it has come. */
export function toCallWire(call: CallRecord): unknown {
  const { durationMs, sentiment, escalation, quality } = reportCall(call);
  return toWire({
    ...call,
    durationMs,
    userTurns: quality.turns.user,
    assistantTurns: quality.turns.assistant,
    score: sentiment.score,
    label: sentiment.label,
    negativeShare: sentiment.negativeShare,
    escalated: escalation.triggered,
    replyP50Ms: quality.replyP50Ms,
    replyP95Ms: quality.replyP95Ms,
    risk: sentiment.risk,
  });
}
