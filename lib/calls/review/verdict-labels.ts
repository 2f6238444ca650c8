import { z } from "zod";
import { SENTIMENTS, type Sentiment } from "../../wire/log-events.ts";
import { groupBy } from "../group-by.ts";
import type { Db } from "../store/schema.ts";
import { lockCall } from "../store/write.ts";

/** What somebody says that the caller's mood was in a turn: the verdict on it is right, or this is what it was. */
export type VerdictLabel = {
  /** Number of the turn, from 1. */
  turn: number;
  verdict: Sentiment;
  by: string;
  /** Epoch, ms. */
  at: number;
};

/**
 * Keeps a label in place of the one that the same person gave the turn before; a verdict of null takes it back.
 * @returns what it could not be given to, if anything.
 */
export async function setVerdictLabel(
  db: Db,
  sessionId: string,
  { turn, verdict, by, at }: Omit<VerdictLabel, "verdict"> & { verdict: Sentiment | null },
): Promise<"saved" | "no_call" | "no_turn"> {
  return db.transaction().execute(async (trx) => {
    if (!(await lockCall(trx, sessionId))) return "no_call";
    const said = await trx
      .selectFrom("turns")
      .select("role")
      .where("session_id", "=", sessionId)
      .where("number", "=", turn)
      .executeTakeFirst();
    if (said?.role !== "user") return "no_turn";
    if (verdict === null) {
      await trx
        .deleteFrom("verdict_labels")
        .where("session_id", "=", sessionId)
        .where("turn", "=", turn)
        .where("author", "=", by)
        .execute();
    } else {
      await trx
        .insertInto("verdict_labels")
        .values({ session_id: sessionId, turn, author: by, verdict, at })
        .onConflict((known) => known.columns(["session_id", "turn", "author"]).doUpdateSet({ verdict, at }))
        .execute();
    }
    return "saved";
  });
}

/** The labels of these calls, by call, each call's in the order of its turns. */
export async function readVerdictLabels(
  db: Db,
  sessionIds: readonly string[],
): Promise<Map<string, VerdictLabel[]>> {
  if (sessionIds.length === 0) return new Map();
  const rows = await db
    .selectFrom("verdict_labels")
    .selectAll()
    .where("session_id", "in", sessionIds)
    .orderBy("turn")
    .orderBy("at")
    .execute();
  const labels = rows.map(({ session_id, turn, author, verdict, at }) => ({
    sessionId: session_id,
    label: { turn, verdict: z.enum(SENTIMENTS).parse(verdict), by: author, at },
  }));
  return new Map(
    [...groupBy(labels, ({ sessionId }) => sessionId)].map(([id, own]) => [
      id,
      own.map(({ label }) => label),
    ]),
  );
}
