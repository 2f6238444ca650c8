import { addTally, parseTally, tallyCall } from "../quality.ts";
import type {
  CallOutcome,
  CallStart,
  Escalation,
  ModelUsage,
  Note,
  SummaryItem,
  TurnRecord,
  Verdict,
} from "../record.ts";
import { reportCall } from "../report.ts";
import { readCall } from "./read.ts";
import { fromCallStart, fromTurn } from "./rows.ts";
import type { Db } from "./schema.ts";

/** Deleting goes in steps of so many calls, so that nothing else has to wait long. */
const DELETE_BATCH = 200;

/*
 * The parts of a call that is going on are written by queries whose rows nobody wants: `CallWriter` sends many at once.
 */

export function insertCall(db: Db, start: CallStart, instance: string) {
  return db.insertInto("calls").values(fromCallStart(start, instance));
}

export function insertTurn(db: Db, sessionId: string, turn: TurnRecord) {
  return db.insertInto("turns").values(fromTurn(sessionId, turn));
}

/** What may become known of a turn after it was written: the verdict on it, or what was spoken of it and whether it was cut short. */
export type TurnChanges =
  | (Omit<Verdict, "analysisMs"> & { analysis_ms: Verdict["analysisMs"] })
  | { text: string | null; words: number }
  | { interrupted: 1 };

export function updateTurn(db: Db, sessionId: string, number: number, changes: TurnChanges) {
  return db
    .updateTable("turns")
    .set(changes)
    .where("session_id", "=", sessionId)
    .where("number", "=", number);
}

/** Adds the verdict on what the caller said in the turn of that number, however late it comes. */
export function setVerdict(db: Db, sessionId: string, number: number, verdict: Verdict) {
  const { analysisMs, ...rest } = verdict;
  return updateTurn(db, sessionId, number, { ...rest, analysis_ms: analysisMs });
}

export function insertNote(db: Db, sessionId: string, number: number, note: Note) {
  const { kind, ...body } = note;
  return db.insertInto("notes").values({ session_id: sessionId, number, kind, body: JSON.stringify(body) });
}

export function setUsage(db: Db, sessionId: string, usage: readonly ModelUsage[]) {
  return db
    .updateTable("calls")
    .set({ usage: JSON.stringify(usage) })
    .where("id", "=", sessionId);
}

export function setEscalation(db: Db, sessionId: string, escalation: Escalation) {
  return db
    .updateTable("calls")
    .set({ escalation: JSON.stringify(escalation) })
    .where("id", "=", sessionId);
}

export async function setSummary(db: Db, sessionId: string, summary: readonly SummaryItem[]): Promise<void> {
  await db
    .updateTable("calls")
    .set({ summary: JSON.stringify(summary) })
    .where("id", "=", sessionId)
    .execute();
}

/**
 * Ends a call: its figures are worked out from what is stored and kept beside it. Run it in a transaction.
 * @returns false if there is no such call, or another has ended it already.
 */
export async function finishCall(db: Db, sessionId: string, outcome: CallOutcome): Promise<boolean> {
  const open = await readCall(db, sessionId);
  // Its beginning could not be written: nobody would ever find the rest.
  if (!open) await deleteParts(db, [sessionId]);
  if (!open || open.endedAt !== null) return false;
  const call = { ...open, ...outcome };
  const report = reportCall(call);
  const tally = tallyCall(call, report);
  const { numUpdatedRows } = await db
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
    .where("ended_at", "is", null)
    .executeTakeFirst();
  if (numUpdatedRows === 0n) return false;
  await addTally(db, tally, 1);
  return true;
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
