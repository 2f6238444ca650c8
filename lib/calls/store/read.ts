import { type Selectable, type SelectQueryBuilder, sql } from "kysely";
import type { ConversationType } from "../../wire/events.ts";
import { type Excerpt, excerptOf } from "../excerpt.ts";
import { groupBy } from "../group-by.ts";
import type { CallRecord } from "../record.ts";
import type { Label } from "../report-sentiment.ts";
import type { Term } from "../search-words.ts";
import { readReviewScores, reviewScores } from "./review-score.ts";
import { type CallListItem, toListItem, toRecord } from "./rows.ts";
import type { CallsTable, Db, Schema } from "./schema.ts";
import { docsWith } from "./search.ts";

/** Calls read at a time by whoever reads them all. */
const EXPORT_PAGE = 200;
/** Calls with the words looked for that are read and sorted; with more, calls are gone through in their order. */
const FEW = 2_000;

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
  /** Words that were said, all of them. */
  words?: readonly Term[] | undefined;
  /** A part of the session's id or the platform's. */
  idPart?: string | undefined;
  agent?: string | undefined;
  agentVersion?: string | undefined;
  model?: string | undefined;
  /** What it is tagged with, by kind. */
  tags?: readonly { kind: TagKind; value: string }[] | undefined;
};

export const TAG_KINDS = ["alert", "label", "topic", "outcome"] as const;
export type TagKind = (typeof TAG_KINDS)[number];

/** What calls can be sorted by. By anything but the start, those are left out that have no such figure (yet). */
export const SORTS = ["started_at", "score", "duration", "reply", "risk", "review"] as const;
export type Sort = { by: (typeof SORTS)[number]; order: "asc" | "desc" };
export const NEWEST_FIRST: Sort = { by: "started_at", order: "desc" };

const SORT_COLUMNS = {
  started_at: "started_at",
  score: "score",
  duration: "duration_ms",
  reply: "reply_p95_ms",
  risk: "risk",
  review: "reviewed.review_score",
} as const;

/** The call after which a page begins: its figure that the calls are sorted by, and its id. */
export type Position = { value: number; sessionId: string };

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

/** One page of calls. With the newest first, a call that begins meanwhile stands before the first page and moves nothing. */
export async function listCalls(
  db: Db,
  filter: CallFilter,
  after: Position | null,
  limit: number,
  sort: Sort = NEWEST_FIRST,
): Promise<CallListItem[]> {
  const column = SORT_COLUMNS[sort.by];
  const calls = db.selectFrom("calls").selectAll("calls");
  const scored = calls.$if(sort.by === "review", (all) =>
    all.innerJoin(reviewScores(db).as("reviewed"), "reviewed.session_id", "calls.id"),
  );
  let query = whereMatches(scored, filter);
  let inOrder = sql.ref(column);
  if (filter.words) {
    const docs = docsWith(db, filter.words);
    const { rows: few } = await sql<{ doc: number }>`${docs} limit ${FEW + 1}`.execute(db);
    if (few.length === 0) return [];
    if (few.length <= FEW) {
      query = query.where(
        "doc",
        "in",
        few.map(({ doc }) => doc),
      );
      // Not by its index, which would be read from one end to the other for these few.
      inOrder = sql`(${sql.ref(column)} + 0)`;
    } else {
      query = query.where(sql<boolean>`(doc + 0) in (${docs})`);
    }
  }
  if (sort.by !== "started_at") query = query.where(sql.ref(column), "is not", null);
  if (after) {
    const beyond = sql.raw(sort.order === "asc" ? ">" : "<");
    query = query.where(sql<boolean>`(${inOrder}, id) ${beyond} (${after.value}, ${after.sessionId})`);
  }
  const rows = await query.orderBy(inOrder, sort.order).orderBy("id", sort.order).limit(limit).execute();
  const scores = await readReviewScores(
    db,
    rows.map(({ id }) => id),
  );
  return rows.map((row) => toListItem(row, scores.get(row.id) ?? null));
}

/** Where a page that ends with this call ends. */
export function positionOf(call: CallListItem, { by }: Sort): Position {
  const figures = {
    started_at: call.startedAt,
    score: call.score,
    duration: call.durationMs,
    reply: call.replyP95Ms,
    risk: call.risk,
    review: call.reviewScore,
  };
  return { value: figures[by] ?? 0, sessionId: call.sessionId };
}

type CallQuery = SelectQueryBuilder<Schema, "calls", Selectable<CallsTable>>;

function whereMatches(all: CallQuery, filter: CallFilter): CallQuery {
  let query = all;
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
  if (filter.agent !== undefined) query = query.where("agent", "=", filter.agent);
  if (filter.agentVersion !== undefined) query = query.where("agent_version", "=", filter.agentVersion);
  if (filter.model !== undefined) query = query.where("model", "=", filter.model);
  if (filter.idPart !== undefined) {
    const part = `%${filter.idPart.toLowerCase().replace(/[\\%_]/g, "\\$&")}%`;
    // Found first, and once: PostgreSQL would look each call up by its key to see whether it is one of them.
    query = query.where(
      sql<boolean>`id in (with found as materialized (
        select id from calls where lower(id) like ${part} escape '\\' or lower(call_id) like ${part} escape '\\'
      ) select id from found)`,
    );
  }
  for (const { kind, value } of filter.tags ?? []) {
    query = query.where("id", "in", ({ selectFrom }) =>
      selectFrom("tags").select("session_id").where("kind", "=", kind).where("value", "=", value),
    );
  }
  return query;
}

/** Where in these calls the words stand, by call. */
export async function findExcerpts(
  db: Db,
  sessionIds: readonly string[],
  terms: readonly Term[],
): Promise<Map<string, Excerpt>> {
  if (sessionIds.length === 0) return new Map();
  const turns = await db
    .selectFrom("turns")
    .select(["session_id", "number", "text"])
    .where("session_id", "in", sessionIds)
    .orderBy("number")
    .execute();
  const excerpts = new Map<string, Excerpt>();
  for (const [sessionId, own] of groupBy(turns, (turn) => turn.session_id)) {
    const excerpt = excerptOf(own, terms);
    if (excerpt) excerpts.set(sessionId, excerpt);
  }
  return excerpts;
}

/** Every call that matches, newest first, in pages: never more than one page is in memory. */
export async function* pagesOfCalls(db: Db, filter: CallFilter): AsyncGenerator<CallListItem[], void, void> {
  let after: Position | null = null;
  for (;;) {
    const page: CallListItem[] = await listCalls(db, filter, after, EXPORT_PAGE);
    if (page.length > 0) yield page;
    const last = page.at(-1);
    if (!last || page.length < EXPORT_PAGE) return;
    after = positionOf(last, NEWEST_FIRST);
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
