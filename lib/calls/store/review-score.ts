import { sql } from "kysely";
import type { Db } from "./schema.ts";

/**
 * What people have scored calls, by the form: for each call that somebody has scored the mean of their scores, 0…100, in
 * whole points. A model's proposal is nobody's score.
 */
export function reviewScores(db: Db) {
  return db
    .selectFrom("scorecards")
    .select(["session_id", sql<number>`cast(round(avg(score)) as integer)`.as("review_score")])
    .where("source", "=", "person")
    .where("score", "is not", null)
    .groupBy("session_id");
}

/** Of these calls; those without a score are left out. */
export async function readReviewScores(db: Db, sessionIds: readonly string[]): Promise<Map<string, number>> {
  if (sessionIds.length === 0) return new Map();
  const rows = await reviewScores(db).where("session_id", "in", sessionIds).execute();
  return new Map(rows.map((row) => [row.session_id, row.review_score]));
}
