import { z } from "zod";
import { ANSWER_OUTCOMES } from "../session/moments.ts";
import { CONVERSATION_TYPES } from "../wire/events.ts";
import { TRANSFER_OUTCOMES } from "../wire/line-events.ts";
import { FEEDBACK, SENTIMENTS, SUPERVISOR_ACTIONS } from "../wire/log-events.ts";
import { COMPARISONS } from "./compare.ts";
import { CALL_ENDS } from "./record.ts";
import { LABELS } from "./report-sentiment.ts";
import { reviewScoreWire, scorecardWire } from "./review/wire.ts";
import { OUTCOMES } from "./topics.ts";

/*
 * The JSON of these routes: its schemas, which are also the OpenAPI description, and the one function that turns
 * records and reports (camelCase, epoch ms) into it (snake_case, ISO 8601).
 */

const ms = z.number().int().describe("ms");
const msOrNull = ms.nullable();
const time = z.iso.datetime();
const score = z.number().min(-5).max(5).nullable();
const share = z.number().min(0).max(1).nullable();
const count = z.number().int().min(0);
const text = z.string().nullable();

const summary = z
  .array(
    z.object({
      identifier: z.string(),
      value: z.string(),
      confidence: z.number().min(0).max(1),
      reasoning: z.string(),
      type: z.enum(["summary", "disposition", "topics"]),
    }),
  )
  .nullable();

const callFields = {
  session_id: z.string(),
  call_id: text,
  direction: text,
  conversation_type: z.enum(CONVERSATION_TYPES),
  agent: text,
  agent_version: text,
  model: text,
  started_at: time,
  ended_at: time.nullable(),
  end_reason: z.enum(CALL_ENDS).nullable(),
  duration_ms: msOrNull,
  user_turns: count.nullable(),
  assistant_turns: count.nullable(),
  score,
  label: z.enum(LABELS).nullable(),
  negative_share: share,
  escalated: z.boolean().nullable(),
  reply_p50_ms: msOrNull,
  reply_p95_ms: msOrNull,
  risk: z.number().min(0).nullable(),
  review_score: reviewScoreWire.nullable().describe("the mean of what people scored the call, by the form"),
};

export const callListWire = z.object({
  calls: z.array(
    z.object({
      ...callFields,
      alerts: count.nullable(),
      match: z
        .object({ turn: count, before: z.string(), found: z.string(), after: z.string() })
        .nullable()
        .describe("where the words of `q` stand; null without `q`"),
    }),
  ),
  next_cursor: text,
});

const turnWire = z.object({
  number: count,
  role: z.enum(["user", "assistant"]),
  speaker: z.enum(["agent", "supervisor"]).nullable(),
  offset_ms: ms,
  text,
  /** As the model wrote it, where it was cleaned for a voice. */
  written: z.string().nullable(),
  words: count,
  utterance: count.nullable(),
  verdict: z.enum(SENTIMENTS).nullable(),
  upset: share,
  cause: text,
  score,
  source: z.enum(["model", "fallback"]).nullable(),
  analysis_ms: msOrNull,
  repeated: z.boolean(),
  first_chunk_ms: msOrNull,
  thinking_ms: msOrNull,
  model: z.string().nullable(),
  reply_ms: msOrNull,
  answer_ms: msOrNull,
  interrupted: z.boolean(),
  outcome: z.enum(ANSWER_OUTCOMES).nullable(),
  tools: z.array(
    z.object({
      name: z.string(),
      outcome: z.enum(["ok", "error", "unfinished"]),
      latency_ms: msOrNull,
    }),
  ),
});

const action = z.enum(["cold_transfer", "warm_transfer", "none"]);
const transfers = z.array(
  z.object({
    number: count,
    kind: z.enum(["cold", "warm"]),
    requested_at_ms: ms,
    outcome: z.enum(TRANSFER_OUTCOMES),
    took_ms: msOrNull,
    returned: z.boolean(),
  }),
);
const outcome = z.enum(["requested", "no_number", "socket_closed"]);

export const callWire = z.object({
  ...callFields,
  variables: z.record(z.string(), z.unknown()),
  turns: z.array(turnWire),
  alerts: z.array(
    z.object({
      offset_ms: ms,
      rule: z.string(),
      severity: z.enum(["info", "warn", "alert"]),
      message: z.string(),
      evidence: z.record(z.string(), z.unknown()),
    }),
  ),
  escalation: z
    .object({
      reason: z.string(),
      utterance: count,
      offset_ms: ms,
      frustration_count: count.nullable(),
      threshold: z.number().nullable(),
      same_turn: z.boolean(),
      action,
      outcome,
    })
    .nullable(),
  usage: z.array(
    z.object({
      model: z.string(),
      requests: count,
      cancelled: count,
      failed: count,
      input_tokens: count.nullable(),
      output_tokens: count.nullable(),
    }),
  ),
  errors: z.array(z.object({ offset_ms: ms, message: z.string(), severity: z.enum(["warning", "fatal"]) })),
  supervisor: z.array(
    z.object({
      offset_ms: ms,
      action: z.enum(SUPERVISOR_ACTIONS),
      text,
      by: text,
    }),
  ),
  transfers,
  feedback: z.array(z.object({ offset_ms: ms, rule: z.string(), feedback: z.enum(FEEDBACK), by: text })),
  summary,
  scorecards: z.array(scorecardWire),
});

export const reportWire = z.object({
  session_id: z.string(),
  started_at: time,
  ended_at: time.nullable(),
  end_reason: z.enum(CALL_ENDS).nullable(),
  duration_ms: msOrNull,
  sentiment: z.object({
    score,
    label: z.enum(LABELS),
    source: z.enum(["model", "fallback", "none"]),
    model_verdicts: count,
    fallback_verdicts: count,
    scores: z.array(
      z.object({
        turn: count,
        offset_ms: ms,
        score: z.number(),
        verdict: z.enum(SENTIMENTS),
        upset: share,
        cause: text,
        source: z.enum(["model", "fallback"]),
        counted: z.boolean(),
      }),
    ),
    periods: z.object({
      by: z.enum(["quarter", "turn"]),
      values: z.array(z.object({ begin_ms: ms, end_ms: ms, score, turns: count })),
    }),
    shift: z.number().min(-10).max(10).nullable(),
    trend: z.enum(["UP", "DOWN", "FLAT"]).nullable(),
    lowest: z.object({ score: z.number(), first_turn: count, last_turn: count }).nullable(),
    longest_negative_run: count,
    negative_share: share,
    frustrated_share: share,
    recovered: z.object({ turn: count, offset_ms: ms }).nullable(),
    peak_frustration: count,
    risk: z.number().min(0).nullable(),
  }),
  escalation: z.object({
    triggered: z.boolean(),
    utterance: count.nullable(),
    offset_ms: msOrNull,
    threshold: z.number().nullable(),
    same_turn: z.boolean().nullable(),
    action: action.nullable(),
    outcome: outcome.nullable(),
    note: text,
  }),
  transfers,
  quality: z.object({
    turns: z.object({ user: count, assistant: count }),
    words: z.object({ user: count, assistant: count }),
    talk_ratio: share,
    talk_ratio_basis: z.literal("words"),
    reply_p50_ms: msOrNull,
    reply_p95_ms: msOrNull,
    reply_max_ms: msOrNull,
    gaps_over_3s: count,
    interruptions: count,
    unanswered: count,
    repeated_requests: count,
    tool_calls: count,
    tool_errors: count,
  }),
  alerts_by_rule: z.record(z.string(), count),
  topics: z.object({ names: z.array(z.string()), by: z.enum(["rules", "model"]) }),
  outcome: z.object({ name: z.enum(OUTCOMES).nullable(), by: z.enum(["rules", "model"]) }),
  summary,
});

const figures = {
  calls: count,
  escalated: count,
  escalation_rate: share,
  score,
  negative_share: share,
  reply_p50_ms: msOrNull,
  reply_p95_ms: msOrNull,
  alerts: z.record(z.string(), count),
  transfers: z.record(z.string(), count),
  transfer_answered_ms: msOrNull,
  feedback: z.record(z.string(), z.object({ helpful: count, not_helpful: count, dismissed: count })),
};

export const qualityWire = z.object({
  from: time,
  to: time,
  bucket: z.enum(["hour", "day"]),
  totals: z.object(figures),
  usage: z.array(
    z.object({
      model: z.string(),
      requests: count,
      input_tokens: count,
      output_tokens: count,
      cost: z.number().nullable().describe("dollars; null where MODEL_PRICES does not name the model"),
    }),
  ),
  buckets: z.array(z.object({ start: time, ...figures })),
});

export const compareWire = z.object({
  by: z.enum(COMPARISONS),
  groups: z.array(
    z.object({
      key: text,
      calls: count,
      escalated: count,
      escalation_rate: share,
      score,
      negative_share: share,
      duration_ms: msOrNull,
      reply_p50_ms: msOrNull,
      alerts_per_call: z.number().min(0),
    }),
  ),
});

export const badRequestWire = z.object({
  error: z.literal("bad_request"),
  parameter: z.string(),
  message: z.string(),
});
export const notFoundWire = z.object({ error: z.literal("not_found"), message: z.string() });
export const conflictWire = z.object({ error: z.literal("going_on"), message: z.string() });

/** Epoch ms inside, ISO 8601 on the wire. */
const TIMES = new Set(["startedAt", "endedAt", "from", "to", "start", "at"]);
/** Their keys are names of somebody else's and stay as they are. */
const AS_IS = new Set([
  "variables",
  "outcomes",
  "labels",
  "answers",
  "reasons",
  "evidence",
  "alertsByRule",
  "alerts",
  "transfers",
  "feedback",
]);

/** A record, a report or figures as they go out. */
export function toWire(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(toWire);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => {
      if (TIMES.has(key) && typeof inner === "number") return [snake(key), new Date(inner).toISOString()];
      return [snake(key), AS_IS.has(key) && !Array.isArray(inner) ? inner : toWire(inner)];
    }),
  );
}

function snake(key: string): string {
  return key.replace(/(?<=[a-z\d])[A-Z]|(?<=Over)\d/g, (match) => `_${match.toLowerCase()}`);
}
