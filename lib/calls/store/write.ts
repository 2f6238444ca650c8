import { addTally, parseTally, tallyCall } from "../quality.ts";
import type { CallOutcome, SummaryItem } from "../record.ts";
import { reportCall } from "../report.ts";
import { readCall } from "./read.ts";
import type { Db } from "./schema.ts";

/** Deleting goes in steps of so many calls, so that nothing else has to wait long. */
const DELETE_BATCH = 200;

export async function setSummary(db: Db, sessionId: string, summary: readonly SummaryItem[]): Promise<void> {
  await db
    .updateTable("calls")
    .set({ summary: JSON.stringify(summary) })
    .where("id", "=", sessionId)
    .execute();
}

/**
 * Ends a call: its figures are worked out from what is stored and kept beside it. An end as `crashed` is another
 * server's guess, and whoever knows better ends the call once more. Run it in a transaction.
 * @returns false if there is no such call, or it has ended already.
 */
export async function finishCall(db: Db, sessionId: string, outcome: CallOutcome): Promise<boolean> {
  const state = await lockCall(db, sessionId);
  // Its beginning could not be written: nobody would ever find the rest.
  if (!state) await deleteParts(db, [sessionId]);
  const isGuess = state?.end_reason === "crashed" && outcome.endReason !== "crashed";
  if (!state || (state.ended_at !== null && !isGuess)) return false;
  if (state.tally !== null) await addTally(db, parseTally(state.tally), -1);
  const open = await readCall(db, sessionId);
  if (!open) return false;
  const call = { ...open, ...outcome };
  const report = reportCall(call);
  const tally = tallyCall(call, report);
  await db
    .updateTable("calls")
    .set({
      ended_at: outcome.endedAt,
      end_reason: outcome.endReason,
      user_turns: report.quality.turns.user,
      assistant_turns: report.quality.turns.assistant,
      score: report.sentiment.score,
      label: report.sentiment.label,
      negative_share: report.sentiment.negativeShare,
      escalated: report.escalation.triggered ? 1 : 0,
      reply_p50_ms: report.quality.replyP50Ms,
      reply_p95_ms: report.quality.replyP95Ms,
      alerts: call.alerts.length,
      tally: JSON.stringify(tally),
    })
    .where("id", "=", sessionId)
    .execute();
  await addTally(db, tally, 1);
  return true;
}

/**
 * Takes back that a call was ended as `crashed`, for it goes on. Run it in a transaction.
 * @returns false if it was not.
 */
export async function reopenCall(db: Db, sessionId: string): Promise<boolean> {
  const state = await lockCall(db, sessionId);
  if (state?.end_reason !== "crashed") return false;
  if (state.tally !== null) await addTally(db, parseTally(state.tally), -1);
  const unknown = { user_turns: null, assistant_turns: null, score: null, label: null, negative_share: null };
  const figures = { ...unknown, escalated: null, reply_p50_ms: null, reply_p95_ms: null, alerts: null };
  await db
    .updateTable("calls")
    .set({ ended_at: null, end_reason: null, tally: null, ...figures })
    .where("id", "=", sessionId)
    .execute();
  // Nobody has to be told any more, if nobody has been.
  await db.deleteFrom("webhooks").where("session_id", "=", sessionId).execute();
  return true;
}

/** How the call's end stands. Nobody else ends it meanwhile: both databases lock a row by changing it. */
function lockCall(db: Db, sessionId: string) {
  return db
    .updateTable("calls")
    .set({ id: sessionId })
    .where("id", "=", sessionId)
    .returning(["ended_at", "end_reason", "tally"])
    .executeTakeFirst();
}

/** Deletes a call that has ended, and takes its figures back. */
export async function deleteCall(db: Db, sessionId: string): Promise<"deleted" | "unknown" | "going_on"> {
  return db.transaction().execute(async (trx) => {
    if (await deleteEnded(trx, [sessionId])) return "deleted";
    const call = await trx.selectFrom("calls").select("id").where("id", "=", sessionId).executeTakeFirst();
    return call ? "going_on" : "unknown";
  });
}

/** Deletes the ended calls that began before `before`, epoch ms. @returns how many. */
export async function deleteCallsBefore(db: Db, before: number, signal: AbortSignal): Promise<number> {
  let deleted = 0;
  while (!signal.aborted) {
    const old = await db
      .selectFrom("calls")
      .select("id")
      .where("started_at", "<", before)
      .where("ended_at", "is not", null)
      .orderBy("started_at")
      .limit(DELETE_BATCH)
      .execute();
    const ids = old.map(({ id }) => id);
    if (ids.length > 0) deleted += await db.transaction().execute((trx) => deleteEnded(trx, ids));
    if (ids.length < DELETE_BATCH) break;
  }
  await db.deleteFrom("quality").where("n", "=", 0).execute();
  return deleted;
}

/** @returns how many of them had ended, and are gone. */
async function deleteEnded(db: Db, ids: readonly string[]): Promise<number> {
  const gone = await db
    .deleteFrom("calls")
    .where("id", "in", ids)
    .where("ended_at", "is not", null)
    .returning(["id", "tally"])
    .execute();
  if (gone.length === 0) return 0;
  await deleteParts(
    db,
    gone.map(({ id }) => id),
  );
  for (const { tally } of gone) if (tally !== null) await addTally(db, parseTally(tally), -1);
  return gone.length;
}

async function deleteParts(db: Db, ids: readonly string[]): Promise<void> {
  for (const table of ["turns", "notes", "webhooks"] as const) {
    await db.deleteFrom(table).where("session_id", "in", ids).execute();
  }
}
