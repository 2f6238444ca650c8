import type { Insertable, Selectable } from "kysely";
import { z } from "zod";
import { ANSWER_OUTCOMES } from "../../session/moments.ts";
import { CONVERSATION_TYPES } from "../../wire/events.ts";
import { TRANSFER_OUTCOMES } from "../../wire/line-events.ts";
import { FEEDBACK, SENTIMENTS, SUPERVISOR_ACTIONS } from "../../wire/log-events.ts";
import {
  CALL_ENDS,
  type CallRecord,
  type CallStart,
  type Note,
  type TransferRecord,
  type TurnRecord,
} from "../record.ts";
import { LABELS } from "../report-sentiment.ts";
import type { CallsTable, NotesTable, TurnsTable } from "./schema.ts";
import { StoreError } from "./store-error.ts";

/*
 * Rows to records and back. A row is checked as it is read: another version, or a person with a database client,
 * may have written it.
 */

const json = z.record(z.string(), z.unknown());
const flag = z.number().transform((value) => value === 1);

const tools = z.array(
  z.object({
    name: z.string(),
    outcome: z.enum(["ok", "error", "unfinished"]),
    latencyMs: z.number().nullable(),
  }),
);

const turnRow = z
  .object({
    number: z.number(),
    role: z.enum(["user", "assistant"]),
    speaker: z.enum(["agent", "supervisor"]).nullable(),
    offset_ms: z.number(),
    text: z.string().nullable(),
    written: z.string().nullable(),
    words: z.number(),
    utterance: z.number().nullable(),
    verdict: z.enum(SENTIMENTS).nullable(),
    upset: z.number().nullable(),
    cause: z.string().nullable(),
    score: z.number().nullable(),
    source: z.enum(["model", "fallback"]).nullable(),
    analysis_ms: z.number().nullable(),
    repeated: flag,
    first_chunk_ms: z.number().nullable(),
    thinking_ms: z.number().nullable(),
    model: z.string().nullable(),
    reply_ms: z.number().nullable(),
    answer_ms: z.number().nullable(),
    interrupted: flag,
    outcome: z.enum(ANSWER_OUTCOMES).nullable(),
    tools: z.string(),
  })
  .transform(
    (row): TurnRecord => ({
      number: row.number,
      role: row.role,
      speaker: row.speaker,
      offsetMs: row.offset_ms,
      text: row.text,
      written: row.written,
      words: row.words,
      utterance: row.utterance,
      verdict: row.verdict,
      upset: row.upset,
      cause: row.cause,
      score: row.score,
      source: row.source,
      analysisMs: row.analysis_ms,
      repeated: row.repeated,
      firstChunkMs: row.first_chunk_ms,
      thinkingMs: row.thinking_ms,
      model: row.model,
      replyMs: row.reply_ms,
      answerMs: row.answer_ms,
      interrupted: row.interrupted,
      outcome: row.outcome,
      tools: tools.parse(JSON.parse(row.tools)),
    }),
  );

export const noteSchema = z.discriminatedUnion("kind", [
  z.object({
    kind: z.literal("alert"),
    offsetMs: z.number(),
    rule: z.string(),
    severity: z.enum(["info", "warn", "alert"]),
    message: z.string(),
    evidence: json,
  }),
  z.object({
    kind: z.literal("error"),
    offsetMs: z.number(),
    message: z.string(),
    severity: z.enum(["warning", "fatal"]),
  }),
  z.object({
    kind: z.literal("supervisor"),
    offsetMs: z.number(),
    action: z.enum(SUPERVISOR_ACTIONS),
    text: z.string().nullable(),
    by: z.string().nullable().default(null),
  }),
  z.object({
    kind: z.literal("transfer"),
    transfer: z.object({
      number: z.number(),
      kind: z.enum(["cold", "warm"]),
      requestedAtMs: z.number(),
      outcome: z.enum(TRANSFER_OUTCOMES),
      tookMs: z.number().nullable(),
      returned: z.boolean(),
    }),
  }),
  z.object({
    kind: z.literal("feedback"),
    offsetMs: z.number(),
    rule: z.string(),
    feedback: z.enum(FEEDBACK),
    by: z.string().nullable(),
  }),
]);

const escalation = z.object({
  reason: z.string(),
  utterance: z.number(),
  offsetMs: z.number(),
  frustrationCount: z.number().nullable(),
  threshold: z.number().nullable(),
  sameTurn: z.boolean(),
  action: z.enum(["cold_transfer", "warm_transfer", "none"]),
  outcome: z.enum(["requested", "no_number", "socket_closed"]),
});

const usage = z.array(
  z.object({
    model: z.string(),
    requests: z.number(),
    cancelled: z.number(),
    failed: z.number(),
    inputTokens: z.number().nullable(),
    outputTokens: z.number().nullable(),
  }),
);

const summary = z.array(
  z.object({
    identifier: z.string(),
    value: z.string(),
    confidence: z.number(),
    reasoning: z.string(),
    type: z.enum(["summary", "disposition", "topics"]),
  }),
);

const callRow = z.object({
  id: z.string(),
  call_id: z.string().nullable(),
  direction: z.string().nullable(),
  conversation_type: z.enum(CONVERSATION_TYPES),
  agent: z.string().nullable(),
  agent_version: z.string().nullable(),
  model: z.string().nullable(),
  variables: z.string(),
  started_at: z.number(),
  ended_at: z.number().nullable(),
  end_reason: z.enum(CALL_ENDS).nullable(),
  escalation: z.string().nullable(),
  usage: z.string(),
  summary: z.string().nullable(),
});

const listRow = z
  .object({
    ...callRow.pick({
      id: true,
      call_id: true,
      direction: true,
      conversation_type: true,
      agent: true,
      agent_version: true,
      model: true,
      started_at: true,
      ended_at: true,
      end_reason: true,
    }).shape,
    user_turns: z.number().nullable(),
    assistant_turns: z.number().nullable(),
    score: z.number().nullable(),
    label: z.enum(LABELS).nullable(),
    negative_share: z.number().nullable(),
    escalated: flag.nullable(),
    reply_p50_ms: z.number().nullable(),
    reply_p95_ms: z.number().nullable(),
    alerts: z.number().nullable(),
    risk: z.number().nullable(),
  })
  .transform((row) => ({
    sessionId: row.id,
    callId: row.call_id,
    direction: row.direction,
    conversationType: row.conversation_type,
    agent: row.agent,
    agentVersion: row.agent_version,
    model: row.model,
    startedAt: row.started_at,
    endedAt: row.ended_at,
    endReason: row.end_reason,
    durationMs: row.ended_at === null ? null : row.ended_at - row.started_at,
    userTurns: row.user_turns,
    assistantTurns: row.assistant_turns,
    score: row.score,
    label: row.label,
    negativeShare: row.negative_share,
    escalated: row.escalated,
    replyP50Ms: row.reply_p50_ms,
    replyP95Ms: row.reply_p95_ms,
    alerts: row.alerts,
    risk: row.risk,
  }));

/**
 * A call in a list: what is known without its turns. The figures are null while it goes on. `reviewScore`: what people
 * have scored it, 0…100, null where nobody has.
 */
export type CallListItem = z.output<typeof listRow> & { reviewScore: number | null };

export function toListItem(row: Selectable<CallsTable>, reviewScore: number | null): CallListItem {
  return { ...check(() => listRow.parse(row), row.id), reviewScore };
}

export function fromCallStart(start: CallStart, instance: string): Insertable<CallsTable> {
  return {
    id: start.sessionId,
    call_id: start.callId,
    direction: start.direction,
    conversation_type: start.conversationType,
    agent: start.agent,
    agent_version: start.agentVersion,
    model: start.model,
    variables: JSON.stringify(start.variables),
    started_at: start.startedAt,
    instance,
  };
}

export function fromTurn(sessionId: string, turn: TurnRecord): Insertable<TurnsTable> {
  return {
    session_id: sessionId,
    number: turn.number,
    role: turn.role,
    speaker: turn.speaker,
    offset_ms: turn.offsetMs,
    text: turn.text,
    written: turn.written,
    words: turn.words,
    utterance: turn.utterance,
    verdict: turn.verdict,
    upset: turn.upset,
    cause: turn.cause,
    score: turn.score,
    source: turn.source,
    analysis_ms: turn.analysisMs,
    repeated: turn.repeated ? 1 : 0,
    first_chunk_ms: turn.firstChunkMs,
    thinking_ms: turn.thinkingMs,
    model: turn.model,
    reply_ms: turn.replyMs,
    answer_ms: turn.answerMs,
    interrupted: turn.interrupted ? 1 : 0,
    outcome: turn.outcome,
    tools: JSON.stringify(turn.tools),
  };
}

/** Puts the rows of one call together. Throws {@link StoreError} for a row that cannot be one of ours. */
export function toRecord(
  row: Selectable<CallsTable>,
  turns: readonly Selectable<TurnsTable>[],
  notes: readonly Selectable<NotesTable>[],
): CallRecord {
  return check(() => {
    const call = callRow.parse(row);
    const heard: Note[] = notes.map(({ kind, body }) =>
      noteSchema.parse({ ...json.parse(JSON.parse(body)), kind }),
    );
    return {
      sessionId: call.id,
      callId: call.call_id,
      direction: call.direction,
      conversationType: call.conversation_type,
      agent: call.agent,
      agentVersion: call.agent_version,
      model: call.model,
      variables: json.parse(JSON.parse(call.variables)),
      startedAt: call.started_at,
      endedAt: call.ended_at,
      endReason: call.end_reason,
      turns: turns.map((turn) => turnRow.parse(turn)),
      alerts: heard.filter((note) => note.kind === "alert").map(({ kind, ...alert }) => alert),
      errors: heard.filter((note) => note.kind === "error").map(({ kind, ...error }) => error),
      supervisor: heard.filter((note) => note.kind === "supervisor").map(({ kind, ...act }) => act),
      transfers: latestTransfers(heard),
      feedback: heard.filter((note) => note.kind === "feedback").map(({ kind, ...opinion }) => opinion),
      escalation: call.escalation === null ? null : escalation.parse(JSON.parse(call.escalation)),
      usage: usage.parse(JSON.parse(call.usage)),
      summary: call.summary === null ? null : summary.parse(JSON.parse(call.summary)),
    };
  }, row.id);
}

/** A transfer is noted when it is asked for and when it has ended: the later says it all. */
function latestTransfers(notes: readonly Note[]): TransferRecord[] {
  const latest = new Map<number, TransferRecord>();
  for (const note of notes) if (note.kind === "transfer") latest.set(note.transfer.number, note.transfer);
  return [...latest.values()];
}

function check<T>(read: () => T, id: string): T {
  try {
    return read();
  } catch (error) {
    throw new StoreError("bad_row", `The stored call ${id} cannot be read; DELETE /calls/${id} removes it`, {
      cause: error,
    });
  }
}
