import { z } from "zod";
import { SENTIMENTS } from "../../lib/wire/log-events.ts";

/*
 * What a scenario may expect. Events that Pipecat's evals know have its names and fields; ours stand beside them.
 */

const argsSchema = z.record(z.string(), z.unknown());
const callSchema = z.union([
  z.string().transform((name) => ({ name, args: {} })),
  z.strictObject({ name: z.string(), args: argsSchema.default({}) }),
]);
export type ExpectedCall = z.output<typeof callSchema>;

const timing = {
  /** Longest time from what the caller did to the event, ms. */
  within_ms: z.number().int().positive().optional(),
  /** The event must not come: within `within_ms`, or until the turn is over. */
  absent: z.boolean().default(false),
};
const texts = z.union([z.string().transform((text) => [text]), z.array(z.string())]).default([]);
const wording = {
  text_contains: texts,
  text_excludes: texts,
  /** A regular expression, read without regard to case. */
  text_matches: z.string().refine(isPattern, "is not a regular expression").optional(),
};
const textual = { ...wording, eval: z.string().optional() };

const one = <T extends string, S extends z.ZodRawShape>(event: T, shape: S) =>
  z.strictObject({ event: z.literal(event), ...timing, ...shape });

const callShape = {
  calls: z.array(callSchema).optional(),
  name: z.string().optional(),
  args: argsSchema.default({}),
  eval: z.string().optional(),
};

/** What a value of the call's report is held against. */
const valueSchema = z.union([
  z.strictObject({ min: z.number().optional(), max: z.number().optional(), contains: z.string().optional() }),
  z.string(),
  z.number(),
  z.boolean(),
  z.null(),
]);
export type ExpectedValue = z.output<typeof valueSchema>;

const interrupted = { after_chunks: z.number().int().nonnegative().optional() };

const writtenSchema = z.discriminatedUnion("event", [
  one("response", textual),
  one("llm_response", textual),
  one("tts_response", textual),
  one("llm_started", {}),
  one("bot_started_speaking", {}),
  one("bot_stopped_speaking", {}),
  one("user_transcription", wording),
  one("function_call", callShape),
  one("function_call_stopped", callShape),
  one("verdict", {
    sentiment: z.enum(SENTIMENTS).optional(),
    score: z.number().optional(),
    source: z.enum(["model", "fallback"]).optional(),
    utterance: z.number().int().optional(),
    frustration_count: z.number().optional(),
  }),
  one("escalation", {
    reason: z.string().optional(),
    same_turn: z.boolean().optional(),
    action: z.enum(["cold_transfer", "warm_transfer", "none"]).optional(),
    outcome: z.enum(["requested", "no_number"]).optional(),
  }),
  one("transfer", {
    type: z.enum(["cold_transfer", "warm_transfer"]).optional(),
    number: z.string().optional(),
    briefing_contains: texts,
  }),
  one("alert", { rule: z.string().optional(), severity: z.enum(["info", "warn", "alert"]).optional() }),
  one("interrupted", interrupted),
  one("bot_interrupted", interrupted),
  one("end_call", {}),
  one("muted", {}),
  one("unmuted", {}),
  one("error", { severity: z.enum(["warning", "fatal"]).optional(), text_contains: texts }),
  one("closed", { code: z.number().int().optional() }),
  one("supervisor", { action: z.string().optional() }),
  one("ended", { reason: z.string().optional() }),
  z.object({ event: z.literal("report") }).catchall(valueSchema),
]);

export const expectationSchema = writtenSchema.transform((written) => {
  switch (written.event) {
    // Where there is no audio, what the model wrote and what the caller hears are the same.
    case "llm_response":
    case "tts_response":
      return { ...written, event: "response" as const };
    case "bot_interrupted":
      return { ...written, event: "interrupted" as const };
    default:
      return written;
  }
});
export type Expectation = z.output<typeof expectationSchema>;
export type EventName = Expectation["event"];
export type ReportExpectation = Extract<Expectation, { event: "report" }>;
/** An expectation of something that happens during the call. */
export type EventExpectation = Exclude<Expectation, { event: "report" }>;

/** Events that only the live stream tells. */
export const LIVE_EVENTS: ReadonlySet<EventName> = new Set(["supervisor", "ended", "user_transcription"]);

/** What Pipecat has and this wire has not; naming it is a better answer than "not one of". */
export const FOREIGN_EVENTS: ReadonlySet<unknown> = new Set([
  "user_started_speaking",
  "user_stopped_speaking",
  "llm_marker",
]);

function isPattern(text: string): boolean {
  try {
    return new RegExp(text, "i") instanceof RegExp;
  } catch {
    return false;
  }
}
