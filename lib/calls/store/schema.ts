import { type Generated, type Kysely, type Migration, PostgresAdapter, sql } from "kysely";

/*
 * The tables, the same in SQLite and PostgreSQL. Times are epoch ms, JSON is kept as text, yes and no are 1 and 0:
 * what both databases agree on. snake_case, for people who look with a database client.
 */

export type CallsTable = {
  id: string;
  call_id: string | null;
  direction: string | null;
  conversation_type: string;
  agent: string | null;
  agent_version: string | null;
  model: string | null;
  variables: string;
  started_at: number;
  ended_at: number | null;
  end_reason: string | null;
  /** The server process whose call it is. */
  instance: string;
  escalation: string | null;
  usage: Generated<string>;
  summary: string | null;
  // Figures of the report, written when the call ends, so that lists and filters read nothing else.
  user_turns: number | null;
  assistant_turns: number | null;
  score: number | null;
  label: string | null;
  negative_share: number | null;
  escalated: number | null;
  reply_p50_ms: number | null;
  reply_p95_ms: number | null;
  alerts: number | null;
  duration_ms: number | null;
  /** See `SentimentReport.risk`. */
  risk: number | null;
  /** Its number in the index of words, see search.ts; null while it is not there. */
  doc: number | null;
  /** What the call added to `quality`, so that its deletion can take it back. */
  tally: string | null;
};

export type TurnsTable = {
  session_id: string;
  number: number;
  role: string;
  speaker: string | null;
  offset_ms: number;
  text: string | null;
  written: string | null;
  words: number;
  utterance: number | null;
  verdict: string | null;
  upset: number | null;
  cause: string | null;
  score: number | null;
  source: string | null;
  analysis_ms: number | null;
  repeated: number;
  first_chunk_ms: number | null;
  thinking_ms: number | null;
  model: string | null;
  reply_ms: number | null;
  answer_ms: number | null;
  interrupted: number;
  outcome: string | null;
  tools: string;
};

export type NotesTable = {
  session_id: string;
  number: number;
  kind: string;
  body: string;
};

/** What a call can be found by, of which it may have many: an alert's rule, a topic, a label. */
export type TagsTable = {
  session_id: string;
  kind: string;
  value: string;
};

/** Counts of ended calls by the hour they started in: `/quality` reads these and no call. */
export type QualityTable = {
  hour: number;
  measure: string;
  key: string;
  n: number;
  total: number;
};

/** The server processes that write to this database, and when each was last heard of. */
export type InstancesTable = {
  id: string;
  pid: number;
  heartbeat_at: number;
};

/** Calls whose end the webhook has not been told yet. */
export type WebhooksTable = {
  session_id: string;
  attempts: number;
  next_at: number;
};

/** What somebody says that a verdict should have been. */
export type VerdictLabelsTable = {
  session_id: string;
  turn: number;
  author: string;
  verdict: string;
  at: number;
};

/** Somebody's answers to the scoring form, or a model's. */
export type ScorecardsTable = {
  session_id: string;
  source: string;
  author: string;
  form: string;
  answers: string;
  reasons: string;
  comment: string;
  score: number | null;
  at: number;
};

/** What people wrote on a call or on one of its turns: labels and notes. */
export type RemarksTable = {
  id: string;
  session_id: string;
  turn: number | null;
  author: string;
  kind: string;
  text: string;
  at: number;
};

export type Schema = {
  calls: CallsTable;
  turns: TurnsTable;
  notes: NotesTable;
  tags: TagsTable;
  verdict_labels: VerdictLabelsTable;
  scorecards: ScorecardsTable;
  remarks: RemarksTable;
  quality: QualityTable;
  instances: InstancesTable;
  webhooks: WebhooksTable;
};

export type Db = Kysely<Schema>;

/** Migrations in the order of their names; one that has been released is never changed. */
export const migrations: Record<string, Migration> = {
  "001_calls": {
    async up(db: Kysely<unknown>) {
      await db.schema
        .createTable("calls")
        .addColumn("id", "text", (column) => column.primaryKey())
        .addColumn("call_id", "text")
        .addColumn("direction", "text")
        .addColumn("conversation_type", "text", (column) => column.notNull())
        .addColumn("variables", "text", (column) => column.notNull())
        .addColumn("started_at", "bigint", (column) => column.notNull())
        .addColumn("ended_at", "bigint")
        .addColumn("end_reason", "text")
        .addColumn("instance", "text", (column) => column.notNull())
        .addColumn("escalation", "text")
        .addColumn("usage", "text", (column) => column.notNull().defaultTo("[]"))
        .addColumn("summary", "text")
        .addColumn("user_turns", "integer")
        .addColumn("assistant_turns", "integer")
        .addColumn("score", "double precision")
        .addColumn("label", "text")
        .addColumn("negative_share", "double precision")
        .addColumn("escalated", "integer")
        .addColumn("reply_p50_ms", "integer")
        .addColumn("reply_p95_ms", "integer")
        .addColumn("alerts", "integer")
        .addColumn("tally", "text")
        .execute();
      await db.schema.createIndex("calls_by_time").on("calls").columns(["started_at", "id"]).execute();
      await db.schema
        .createIndex("calls_by_label")
        .on("calls")
        .columns(["label", "started_at", "id"])
        .execute();
      await db.schema
        .createIndex("calls_by_escalated")
        .on("calls")
        .columns(["escalated", "started_at", "id"])
        .execute();
      // Few calls are open at a time: a start after a crash finds them without reading the rest.
      await db.schema.createIndex("calls_open").on("calls").columns(["ended_at", "instance"]).execute();
      await db.schema
        .createTable("turns")
        .addColumn("session_id", "text", (column) => column.notNull())
        .addColumn("number", "integer", (column) => column.notNull())
        .addColumn("role", "text", (column) => column.notNull())
        .addColumn("offset_ms", "bigint", (column) => column.notNull())
        .addColumn("text", "text")
        .addColumn("words", "integer", (column) => column.notNull())
        .addColumn("utterance", "integer")
        .addColumn("verdict", "text")
        .addColumn("score", "double precision")
        .addColumn("source", "text")
        .addColumn("analysis_ms", "integer")
        .addColumn("repeated", "integer", (column) => column.notNull())
        .addColumn("first_chunk_ms", "integer")
        .addColumn("reply_ms", "integer")
        .addColumn("interrupted", "integer", (column) => column.notNull())
        .addColumn("tools", "text", (column) => column.notNull())
        .addPrimaryKeyConstraint("turns_key", ["session_id", "number"])
        .execute();
      await db.schema
        .createTable("notes")
        .addColumn("session_id", "text", (column) => column.notNull())
        .addColumn("number", "integer", (column) => column.notNull())
        .addColumn("kind", "text", (column) => column.notNull())
        .addColumn("body", "text", (column) => column.notNull())
        .addPrimaryKeyConstraint("notes_key", ["session_id", "number"])
        .execute();
      await db.schema
        .createTable("quality")
        .addColumn("hour", "bigint", (column) => column.notNull())
        .addColumn("measure", "text", (column) => column.notNull())
        .addColumn("key", "text", (column) => column.notNull())
        .addColumn("n", "bigint", (column) => column.notNull())
        .addColumn("total", "bigint", (column) => column.notNull())
        .addPrimaryKeyConstraint("quality_key", ["hour", "measure", "key"])
        .execute();
      await db.schema
        .createTable("instances")
        .addColumn("id", "text", (column) => column.primaryKey())
        .addColumn("pid", "integer", (column) => column.notNull())
        .addColumn("heartbeat_at", "bigint", (column) => column.notNull())
        .execute();
      await db.schema
        .createTable("webhooks")
        .addColumn("session_id", "text", (column) => column.primaryKey())
        .addColumn("attempts", "integer", (column) => column.notNull())
        .addColumn("next_at", "bigint", (column) => column.notNull())
        .execute();
    },
  },
  "002_agent_and_answers": {
    async up(db: Kysely<unknown>) {
      for (const column of ["agent", "agent_version", "model"]) {
        await db.schema.alterTable("calls").addColumn(column, "text").execute();
      }
      await db.schema.alterTable("turns").addColumn("answer_ms", "integer").execute();
      await db.schema.alterTable("turns").addColumn("outcome", "text").execute();
    },
  },
  "003_written": {
    async up(db: Kysely<unknown>) {
      await db.schema.alterTable("turns").addColumn("written", "text").execute();
    },
  },
  "004_thinking": {
    async up(db: Kysely<unknown>) {
      await db.schema.alterTable("turns").addColumn("thinking_ms", "integer").execute();
    },
  },
  "005_speaker": {
    async up(db: Kysely<unknown>) {
      await db.schema.alterTable("turns").addColumn("speaker", "text").execute();
    },
  },
  "006_search": {
    async up(db: Kysely<unknown>) {
      await db.schema.alterTable("calls").addColumn("duration_ms", "bigint").execute();
      await db.schema.alterTable("calls").addColumn("risk", "double precision").execute();
      await db.schema.alterTable("calls").addColumn("doc", "bigint").execute();
      for (const column of ["score", "duration_ms", "reply_p95_ms", "risk"]) {
        await db.schema.createIndex(`calls_by_${column}`).on("calls").columns([column, "id"]).execute();
      }
      await db.schema.createIndex("calls_by_doc").on("calls").column("doc").execute();
      // The two names of a call, so that a search for a part of one reads these and no call.
      await db.schema.createIndex("calls_by_name").on("calls").columns(["call_id", "id"]).execute();
      await db.schema
        .createTable("tags")
        .addColumn("session_id", "text", (column) => column.notNull())
        .addColumn("kind", "text", (column) => column.notNull())
        .addColumn("value", "text", (column) => column.notNull())
        .addPrimaryKeyConstraint("tags_key", ["kind", "value", "session_id"])
        .execute();
      await db.schema.createIndex("tags_by_call").on("tags").column("session_id").execute();
      await createWordIndex(db);
    },
  },
  "007_verdicts": {
    async up(db: Kysely<unknown>) {
      await db.schema.alterTable("turns").addColumn("upset", "double precision").execute();
      await db.schema.alterTable("turns").addColumn("cause", "text").execute();
    },
  },
  "009_models": {
    async up(db: Kysely<unknown>) {
      await db.schema.alterTable("turns").addColumn("model", "text").execute();
    },
  },
  "010_scoring": {
    async up(db: Kysely<unknown>) {
      await db.schema
        .createTable("verdict_labels")
        .addColumn("session_id", "text", (column) => column.notNull())
        .addColumn("turn", "integer", (column) => column.notNull())
        .addColumn("author", "text", (column) => column.notNull())
        .addColumn("verdict", "text", (column) => column.notNull())
        .addColumn("at", "bigint", (column) => column.notNull())
        .addPrimaryKeyConstraint("verdict_labels_key", ["session_id", "turn", "author"])
        .execute();
      await db.schema
        .createTable("scorecards")
        .addColumn("session_id", "text", (column) => column.notNull())
        .addColumn("source", "text", (column) => column.notNull())
        .addColumn("author", "text", (column) => column.notNull())
        .addColumn("form", "text", (column) => column.notNull())
        .addColumn("answers", "text", (column) => column.notNull())
        .addColumn("reasons", "text", (column) => column.notNull())
        .addColumn("comment", "text", (column) => column.notNull())
        .addColumn("score", "integer")
        .addColumn("at", "bigint", (column) => column.notNull())
        .addPrimaryKeyConstraint("scorecards_key", ["session_id", "source", "author"])
        .execute();
      await db.schema
        .createTable("remarks")
        .addColumn("id", "text", (column) => column.primaryKey())
        .addColumn("session_id", "text", (column) => column.notNull())
        .addColumn("turn", "integer")
        .addColumn("author", "text", (column) => column.notNull())
        .addColumn("kind", "text", (column) => column.notNull())
        .addColumn("text", "text", (column) => column.notNull())
        .addColumn("at", "bigint", (column) => column.notNull())
        .execute();
      await db.schema.createIndex("remarks_by_call").on("remarks").columns(["session_id", "at"]).execute();
    },
  },
};

/** The words are taken apart before they come here, see search-words.ts; the databases only have to keep them. */
async function createWordIndex(db: Kysely<unknown>): Promise<void> {
  if (db.getExecutor().adapter instanceof PostgresAdapter) {
    await sql`create table call_words (doc bigserial primary key, words tsvector not null)`.execute(db);
    await sql`create index call_words_index on call_words using gin (words)`.execute(db);
  } else {
    await sql`create virtual table call_words using fts5(words, content='', contentless_delete=1, prefix='3')`.execute(
      db,
    );
  }
}
