import { addTally, parseTally, tallyCall } from "../quality.ts";
import type { CallOutcome, CallRecord, SummaryItem } from "../record.ts";
import { reportCall } from "../report.ts";
import { findingsOf } from "../topics.ts";
import { readCall, type TagKind } from "./read.ts";
import type { Db } from "./schema.ts";
import { forgetWords, indexWords } from "./search.ts";
import { StoreError } from "./store-error.ts";

/** Deleting goes in steps of so many calls, so that nothing else has to wait long. */
const DELETE_BATCH = 200;

/** Keeps what a model found; its topics and outcome take the place of those by rules. */
export async function setSummary(db: Db, sessionId: string, summary: readonly SummaryItem[]): Promise<void> {
  await db.transaction().execute(async (trx) => {
    await trx
      .updateTable("calls")
      .set({ summary: JSON.stringify(summary) })
      .where("id", "=", sessionId)
      .execute();
    const call = await readCall(trx, sessionId);
    if (!call) return;
    await untag(trx, sessionId, ["topic", "outcome"]);
    await tag(trx, call);
  });
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
  // It has been ended once, as crashed.
  await forgetIndex(db, sessionId, state.doc);
  const doc = await indexCall(db, call);
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
      duration_ms: report.durationMs,
      risk: report.sentiment.risk,
      doc,
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
  await forgetIndex(db, sessionId, state.doc);
  const unknown = { user_turns: null, assistant_turns: null, score: null, label: null, negative_share: null };
  const figures = { ...unknown, escalated: null, reply_p50_ms: null, reply_p95_ms: null, alerts: null };
  const order = { duration_ms: null, risk: null, doc: null };
  await db
    .updateTable("calls")
    .set({ ended_at: null, end_reason: null, tally: null, ...figures, ...order })
    .where("id", "=", sessionId)
    .execute();
  // Nobody has to be told any more, if nobody has been.
  await db.deleteFrom("webhooks").where("session_id", "=", sessionId).execute();
  return true;
}

/** How the call's end stands. Nobody else ends or deletes it meanwhile: both databases lock a row by changing it. */
export function lockCall(db: Db, sessionId: string) {
  return db
    .updateTable("calls")
    .set({ id: sessionId })
    .where("id", "=", sessionId)
    .returning(["ended_at", "end_reason", "tally", "doc"])
    .executeTakeFirst();
}

/** Takes back what {@link indexCall} has done. */
async function forgetIndex(db: Db, sessionId: string, doc: number | null): Promise<void> {
  if (doc === null) return;
  await forgetWords(db, [doc]);
  await untag(db, sessionId, ["alert", "topic", "outcome"]);
}

/** Makes a call that has ended findable by its words, alerts, topics and outcome. @returns its number in the index of words. */
async function indexCall(db: Db, call: CallRecord): Promise<number> {
  await tag(db, call);
  return indexWords(
    db,
    call.turns.map(({ text }) => text),
  );
}

async function tag(db: Db, call: CallRecord): Promise<void> {
  const { topics, outcome } = findingsOf(call);
  const values = (kind: TagKind, own: readonly string[]) =>
    [...new Set(own)].map((value) => ({ session_id: call.sessionId, kind, value }));
  const tags = [
    ...values(
      "alert",
      call.alerts.map(({ rule }) => rule),
    ),
    ...values("topic", topics.names),
    ...values("outcome", outcome.name === null ? [] : [outcome.name]),
  ];
  if (tags.length === 0) return;
  await db
    .insertInto("tags")
    .values(tags)
    .onConflict((known) => known.doNothing())
    .execute();
}

async function untag(db: Db, sessionId: string, kinds: readonly TagKind[]): Promise<void> {
  await db.deleteFrom("tags").where("session_id", "=", sessionId).where("kind", "in", kinds).execute();
}

/**
 * Puts calls into the index that ended before there was one, the newest first.
 * @returns how many, at most `limit`; 0 when none is left.
 */
export async function indexOldCalls(db: Db, limit: number): Promise<number> {
  return db.transaction().execute(async (trx) => {
    const old = await trx
      .selectFrom("calls")
      .select("id")
      .where("doc", "is", null)
      .where("ended_at", "is not", null)
      .orderBy("started_at", "desc")
      .limit(limit)
      .execute();
    for (const { id } of old) {
      const call = await readCall(trx, id).catch((error: unknown) => {
        // It cannot be read, so it cannot be found either; whoever opens it is told what to do.
        if (error instanceof StoreError && error.code === "bad_row") return null;
        throw error;
      });
      const figures = call
        ? {
            doc: await indexCall(trx, call),
            duration_ms: reportCall(call).durationMs,
            risk: reportCall(call).sentiment.risk,
          }
        : { doc: 0 };
      await trx.updateTable("calls").set(figures).where("id", "=", id).execute();
    }
    return old.length;
  });
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
    .returning(["id", "tally", "doc"])
    .execute();
  if (gone.length === 0) return 0;
  await deleteParts(
    db,
    gone.map(({ id }) => id),
  );
  await forgetWords(
    db,
    gone.flatMap(({ doc }) => (doc === null ? [] : [doc])),
  );
  for (const { tally } of gone) if (tally !== null) await addTally(db, parseTally(tally), -1);
  return gone.length;
}

async function deleteParts(db: Db, ids: readonly string[]): Promise<void> {
  const reviews = ["verdict_labels", "scorecards", "remarks"] as const;
  for (const table of ["turns", "notes", "tags", "webhooks", ...reviews] as const) {
    await db.deleteFrom(table).where("session_id", "in", ids).execute();
  }
}
