import type { Db } from "../store/schema.ts";
import { type Remark, readRemarks } from "./remarks.ts";
import { readScorecards, type Scorecard } from "./scorecards.ts";
import { readVerdictLabels, type VerdictLabel } from "./verdict-labels.ts";

/** What people, and perhaps a model, have said about a call after its end. */
export type Review = {
  sessionId: string;
  verdicts: VerdictLabel[];
  scorecards: Scorecard[];
  remarks: Remark[];
};

/** Null where there is no such call. */
export async function readReview(db: Db, sessionId: string): Promise<Review | null> {
  const call = await db.selectFrom("calls").select("id").where("id", "=", sessionId).executeTakeFirst();
  if (!call) return null;
  const [verdicts, cards, remarks] = await Promise.all([
    readVerdictLabels(db, [sessionId]),
    readScorecards(db, [sessionId]),
    readRemarks(db, sessionId),
  ]);
  const scorecards = cards.map(({ sessionId: _, ...card }) => card);
  return { sessionId, verdicts: verdicts.get(sessionId) ?? [], scorecards, remarks };
}
