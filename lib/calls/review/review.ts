import type { Db } from "../store/schema.ts";
import { readVerdictLabels, type VerdictLabel } from "./verdict-labels.ts";

/** What people have said about a call after it was heard. */
export type Review = {
  sessionId: string;
  verdicts: VerdictLabel[];
};

/** Null where there is no such call. */
export async function readReview(db: Db, sessionId: string): Promise<Review | null> {
  const call = await db.selectFrom("calls").select("id").where("id", "=", sessionId).executeTakeFirst();
  if (!call) return null;
  const verdicts = await readVerdictLabels(db, [sessionId]);
  return { sessionId, verdicts: verdicts.get(sessionId) ?? [] };
}
