import { z } from "zod";
import { problemWire } from "../route-schema.ts";
import { ANSWER_OUTCOMES } from "../session/moments.ts";
import { CONVERSATION_TYPES } from "../wire/events.ts";
import { TRANSFER_OUTCOMES } from "../wire/line-events.ts";
import { FEEDBACK, SENTIMENTS, SUPERVISOR_ACTIONS } from "../wire/log-events.ts";
import { personName } from "../wire/person-name.ts";
import { alertFeedback, supervisorText } from "./supervisor-command.ts";

/* The JSON of these routes: the picture of a live call as `board.ts` makes it, and what a supervisor sends. */

const time = z.iso.datetime();
const count = z.number().int().min(0);
const ms = z.number().int().describe("ms");
const text = z.string().nullable();
const sentiment = z.enum(SENTIMENTS);
const score = z.number().min(-5).max(5);

const pictureFields = {
  session_id: z.string(),
  call_id: text,
  caller_number: text,
  direction: text,
  conversation_type: z.enum(CONVERSATION_TYPES),
  agent: text,
  agent_version: text,
  model: text,
  started_at: time,
  muted: z.boolean(),
  sentiment: sentiment.nullable(),
  score: score.nullable(),
  frustration_count: count,
  scores: z.array(
    z.object({
      at: time,
      utterance: count,
      sentiment,
      upset: z.number().min(0).max(1),
      cause: text,
      score,
      source: z.enum(["model", "fallback"]),
    }),
  ),
  alerts: z.array(
    z.object({
      at: time,
      rule: z.string(),
      severity: z.enum(["info", "warn", "alert"]),
      message: z.string(),
      evidence: z.record(z.string(), z.unknown()),
      feedback: z.enum(FEEDBACK).nullable(),
    }),
  ),
  escalation: z
    .object({
      at: time,
      reason: z.string(),
      same_turn: z.boolean(),
      action: z.enum(["cold_transfer", "warm_transfer", "none"]),
      outcome: z.string(),
      frustration_count: count.nullable(),
    })
    .nullable(),
  supervisor: z.array(
    z.object({ at: time, action: z.enum(SUPERVISOR_ACTIONS), text, by: text, used: z.boolean() }),
  ),
  transfers: z.array(
    z.object({
      at: time,
      number: count,
      kind: z.enum(["cold", "warm"]),
      requested_at_ms: ms,
      outcome: z.enum(TRANSFER_OUTCOMES),
      took_ms: ms.nullable(),
      returned: z.boolean(),
    }),
  ),
  holder: text,
  acknowledged: z.object({ at: time, by: text }).nullable(),
  last_words: z.object({ at: time, text: z.string() }).nullable(),
  last_said_at: time.nullable(),
  turn_count: count,
};

const turnFields = { at: time, number: count, text: z.string(), offset_ms: ms };
const turnWire = z.discriminatedUnion("role", [
  z.object({ ...turnFields, role: z.literal("user"), utterance: count }),
  z.object({
    ...turnFields,
    role: z.literal("agent"),
    speaker: z.enum(["agent", "supervisor"]),
    first_chunk_ms: ms.nullable(),
    reply_ms: ms.nullable(),
    answer_ms: ms.nullable(),
    interrupted: z.boolean(),
    outcome: z.enum(ANSWER_OUTCOMES).nullable(),
  }),
]);

const rights = {
  last_event_id: count.describe("the latest event that is in this picture"),
  you: text.describe("whose token it is"),
  can_supervise: z.boolean(),
  can_speak: z.boolean(),
  can_suggest: z.boolean(),
  transfer_number: text,
};

export const liveCallsWire = z.object({ ...rights, calls: z.array(z.object(pictureFields)) });
export const liveCallWire = z.object({
  ...rights,
  call: z.object({ ...pictureFields, turns: z.array(turnWire) }),
});
export const suggestionWire = z.object({ text: z.string() });
export const actWire = z.object({ session_id: z.string(), action: z.string(), at: time });

/** Which call, by the session's id. */
export const sessionParams = z.object({ session: z.string() });
/** Who acts, where the token is not a person's own. */
export const signedBody = z.object({ as: personName.nullish() });
export const spokenBody = z.object({ text: supervisorText });
export const opinionBody = z.object({
  rule: alertFeedback.shape.rule,
  alert_at: z.iso.datetime({ offset: true }).transform((at) => new Date(at).toISOString()),
  feedback: alertFeedback.shape.feedback,
});

/** What acts and suggestions are refused with. */
export const refusals = { 404: problemWire, 409: problemWire, 503: problemWire, 504: problemWire } as const;
