import { groupBy } from "./group-by.ts";
import type { CallRecord } from "./record.ts";
import { reportCall } from "./report.ts";
import { readScorecards, type Scorecard } from "./review/scorecards.ts";
import { readCalls } from "./store/read.ts";
import { readReviewScores } from "./store/review-score.ts";
import type { Db } from "./store/schema.ts";
import { toWire } from "./wire.ts";

/** These calls in full as they go out, in the order of the ids; what is not there is left out. */
export async function readCallsForWire(db: Db, sessionIds: readonly string[]): Promise<unknown[]> {
  const [calls, scores, cards] = await Promise.all([
    readCalls(db, sessionIds),
    readReviewScores(db, sessionIds),
    readScorecards(db, sessionIds),
  ]);
  const cardsOf = groupBy(cards, ({ sessionId }) => sessionId);
  return calls.map((call) =>
    toCallWire(call, scores.get(call.sessionId) ?? null, cardsOf.get(call.sessionId) ?? []),
  );
}

/** With the figures that lists show, too, worked out for a call that goes on as far as it has come. */
function toCallWire(
  call: CallRecord,
  reviewScore: number | null,
  cards: readonly (Scorecard & { sessionId: string })[],
): unknown {
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
    reviewScore,
    scorecards: cards.map(({ sessionId: _, ...card }) => card),
  });
}
