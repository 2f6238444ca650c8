import { Readable } from "node:stream";
import type { FastifyReply } from "fastify";
import { csvLine } from "./csv.ts";
import type { ScoringForm } from "./review/form.ts";
import { readMeanAnswers } from "./review/scorecards.ts";
import { type CallFilter, pagesOfCalls } from "./store/read.ts";
import type { CallListItem } from "./store/rows.ts";
import type { Db } from "./store/schema.ts";
import { readCallsForWire } from "./wire-call.ts";

type Cell = string | number | boolean | null;

const COLUMNS: readonly (readonly [name: string, cell: (call: CallListItem) => Cell])[] = [
  ["session_id", (call) => call.sessionId],
  ["call_id", (call) => call.callId],
  ["direction", (call) => call.direction],
  ["conversation_type", (call) => call.conversationType],
  ["started_at", (call) => new Date(call.startedAt).toISOString()],
  ["ended_at", (call) => (call.endedAt === null ? null : new Date(call.endedAt).toISOString())],
  ["end_reason", (call) => call.endReason],
  ["duration_ms", (call) => call.durationMs],
  ["user_turns", (call) => call.userTurns],
  ["assistant_turns", (call) => call.assistantTurns],
  ["score", (call) => call.score],
  ["label", (call) => call.label],
  ["negative_share", (call) => call.negativeShare],
  ["escalated", (call) => call.escalated],
  ["reply_p50_ms", (call) => call.replyP50Ms],
  ["reply_p95_ms", (call) => call.replyP95Ms],
  ["alerts", (call) => call.alerts],
  ["agent", (call) => call.agent],
  ["agent_version", (call) => call.agentVersion],
  ["model", (call) => call.model],
  ["review_score", (call) => call.reviewScore],
];

/** Calls as CSV, page by page: the header, then a line for each. Each question of the form has a column at the end. */
export async function* csvOf(
  db: Db,
  form: ScoringForm,
  pages: AsyncIterable<readonly CallListItem[]>,
): AsyncGenerator<string, void, void> {
  yield csvLine([...COLUMNS.map(([name]) => name), ...form.questions.map(({ id }) => `answer_${id}`)]);
  for await (const page of pages) {
    const ids = page.map(({ sessionId }) => sessionId);
    const answers = await readMeanAnswers(db, form, ids);
    const unanswered = form.questions.map(() => null);
    yield page
      .map((call) =>
        csvLine([...COLUMNS.map(([, cell]) => cell(call)), ...(answers.get(call.sessionId) ?? unanswered)]),
      )
      .join("");
  }
}

/** Calls in full, a line of JSON for each. */
export async function* jsonLinesOf(db: Db, filter: CallFilter): AsyncGenerator<string, void, void> {
  for await (const page of pagesOfCalls(db, filter)) {
    const calls = await readCallsForWire(
      db,
      page.map(({ sessionId }) => sessionId),
    );
    yield calls.map((call) => `${JSON.stringify(call)}\n`).join("");
  }
}

/** Streams the answer; the next page is read when the client has taken the one before. */
export async function sendCsv(
  reply: FastifyReply,
  db: Db,
  form: ScoringForm,
  filter: CallFilter,
): Promise<FastifyReply> {
  const body = isHead(reply) ? "" : toStream(csvOf(db, form, await begun(pagesOfCalls(db, filter))));
  return reply
    .type("text/csv; charset=utf-8")
    .header("content-disposition", 'attachment; filename="calls.csv"')
    .send(body);
}

export async function sendJsonLines(reply: FastifyReply, db: Db, filter: CallFilter): Promise<FastifyReply> {
  const body = isHead(reply) ? "" : toStream(await begun(jsonLinesOf(db, filter)));
  return reply
    .type("application/x-ndjson; charset=utf-8")
    .header("content-disposition", 'attachment; filename="calls.jsonl"')
    .send(body);
}

/** Reads the first piece at once: a database that is away is to be an error, not an empty file. */
async function begun<T>(pieces: AsyncGenerator<T, void, void>): Promise<AsyncIterable<T>> {
  const first = await pieces.next();
  return (async function* () {
    if (first.done) return;
    yield first.value;
    yield* pieces;
  })();
}

/** A HEAD asks for no body, and nothing is read for it. */
function isHead(reply: FastifyReply): boolean {
  return reply.request.method === "HEAD";
}

function toStream(pieces: AsyncIterable<string>): Readable {
  return Readable.from(pieces, { highWaterMark: 1 });
}
