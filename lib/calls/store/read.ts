import { sql } from "kysely";
import type { ConversationType } from "../../wire/events.ts";
import { groupBy } from "../group-by.ts";
import type { CallRecord } from "../record.ts";
import type { Label } from "../report-sentiment.ts";
import { type CallListItem, toListItem, toRecord } from "./rows.ts";
import type { Db } from "./schema.ts";

/** Calls read at a time by whoever reads them all. */
const EXPORT_PAGE = 200;

export type CallFilter = {
  sessionId?: string | undefined;
  /** On the start, epoch ms; `from` included, `to` not. */
  from?: number | undefined;
  to?: number | undefined;
  escalated?: boolean | undefined;
  label?: Label | undefined;
  conversationType?: ConversationType | undefined;
  /** −5…5, both included. */
  minScore?: number | undefined;
  maxScore?: number | undefined;
};

/** The call after which a page begins. Calls are in the order of their start, the newest first. */
export type Position = { startedAt: number; sessionId: string };

/** A call in full, or null. */
export async function readCall(db: Db, sessionId: string): Promise<CallRecord | null> {
  const [call] = await readCalls(db, [sessionId]);
  return call ?? null;
}

/** The newest call in full, or null. */
export async function readLastCall(db: Db): Promise<CallRecord | null> {
  const [last] = await listCalls(db, {}, null, 1);
  return last ? readCall(db, last.sessionId) : null;
}

/** One page of calls. A call that begins meanwhile stands before the first page and moves nothing. */
export async function listCalls(
  db: Db,
  filter: CallFilter,
  after: Position | null,
  limit: number,
): Promise<CallListItem[]> {
  let query = db.selectFrom("calls").selectAll();
  if (filter.sessionId !== undefined) query = query.where("id", "=", filter.sessionId);
  if (filter.from !== undefined) query = query.where("started_at", ">=", filter.from);
  if (filter.to !== undefined) query = query.where("started_at", "<", filter.to);
  if (filter.escalated !== undefined) query = query.where("escalated", "=", filter.escalated ? 1 : 0);
  if (filter.label !== undefined) query = query.where("label", "=", filter.label);
  if (filter.conversationType !== undefined) {
    query = query.where("conversation_type", "=", filter.conversationType);
  }
  if (filter.minScore !== undefined) query = query.where("score", ">=", filter.minScore);
  if (filter.maxScore !== undefined) query = query.where("score", "<=", filter.maxScore);
  if (after) {
    query = query.where(sql<boolean>`(started_at, id) < (${after.startedAt}, ${after.sessionId})`);
  }
  const rows = await query.orderBy("started_at", "desc").orderBy("id", "desc").limit(limit).execute();
  return rows.map(toListItem);
}

/** Every call that matches, newest first, in pages: never more than one page is in memory. */
export async function* pagesOfCalls(db: Db, filter: CallFilter): AsyncGenerator<CallListItem[], void, void> {
  let after: Position | null = null;
  for (;;) {
    const page: CallListItem[] = await listCalls(db, filter, after, EXPORT_PAGE);
    if (page.length > 0) yield page;
    const last = page.at(-1);
    if (!last || page.length < EXPORT_PAGE) return;
    after = { startedAt: last.startedAt, sessionId: last.sessionId };
  }
}

/** Several calls in full, in the order of the ids; what is not there is left out. */
export async function readCalls(db: Db, sessionIds: readonly string[]): Promise<CallRecord[]> {
  if (sessionIds.length === 0) return [];
  const calls = await db.selectFrom("calls").selectAll().where("id", "in", sessionIds).execute();
  const turns = await db
    .selectFrom("turns")
    .selectAll()
    .where("session_id", "in", sessionIds)
    .orderBy("number")
    .execute();
  const notes = await db
    .selectFrom("notes")
    .selectAll()
    .where("session_id", "in", sessionIds)
    .orderBy("number")
    .execute();
  const byId = new Map(calls.map((call) => [call.id, call]));
  const turnsOf = groupBy(turns, (turn) => turn.session_id);
  const notesOf = groupBy(notes, (note) => note.session_id);
  return sessionIds.flatMap((id) => {
    const call = byId.get(id);
    return call ? [toRecord(call, turnsOf.get(id) ?? [], notesOf.get(id) ?? [])] : [];
  });
}
