import { z } from "zod";
import { CONVERSATION_TYPES } from "../../lib/wire/events.ts";
import { SENTIMENTS } from "../../lib/wire/log-events.ts";
import { type Expectation, expectationSchema, LIVE_EVENTS } from "./expectation.ts";

/*
 * One scenario, as its file has it. The words are those of Pipecat's evals where it has one.
 * Times are ms unless the name says otherwise.
 */

const ms = z.number().int().nonnegative();
const count = z.number().int().positive();
const after = {
  /** So many chunks of the answer. */
  after_chunks: count.optional(),
  /** So long after the answer was asked for. */
  after_ms: ms.optional(),
};
const needsOne = (value: { after_chunks?: number | undefined; after_ms?: number | undefined }) =>
  (value.after_chunks === undefined) !== (value.after_ms === undefined);
const NEEDS_ONE = "wants one of after_chunks and after_ms";

const sendAfterSchema = z
  .strictObject({
    event: z
      .enum([
        "response",
        "llm_response",
        "tts_response",
        "llm_started",
        "bot_started_speaking",
        "bot_stopped_speaking",
        "function_call",
      ])
      .optional(),
    delay_ms: ms.default(0),
  })
  .refine(
    ({ event, delay_ms }) => event !== undefined || delay_ms > 0,
    "wants an event, a delay_ms, or both",
  );
export type SendAfter = z.output<typeof sendAfterSchema>;

const supervisorSchema = z.strictObject({
  action: z.enum(["whisper", "say", "transfer", "end", "mute", "unmute"]),
  text: z.string().optional(),
});

const turnSchema = z
  .strictObject({
    /** What the caller says. */
    user: z.string().optional(),
    /** Keys the caller presses. */
    dtmf: z
      .union([z.string(), z.number().transform(String)])
      .pipe(z.string().regex(/^[0-9*#]+$/, "may hold 0-9, * and # only"))
      .optional(),
    /** Accepted for Pipecat's files: the turn's `user` is sent as text in its place. */
    audio: z.string().optional(),
    send_after: sendAfterSchema.optional(),
    /** The caller says nothing for so long. */
    silence: ms.optional(),
    /** The caller cuts into the answer to this turn. */
    interrupt: z.strictObject(after).refine(needsOne, NEEDS_ONE).optional(),
    /** The caller says "mhm" or the like into the answer to this turn, and means nothing by it. */
    backchannel: z
      .strictObject({ text: z.string().default("mhm"), ...after })
      .refine(needsOne, NEEDS_ONE)
      .optional(),
    /** What a supervisor does to the call, before the caller speaks. */
    supervisor: supervisorSchema.optional(),
    /** The caller's network, while this turn is answered. */
    network: z
      .union([
        z.strictObject({
          freeze: z.strictObject({ ...after, for_ms: count }).refine(needsOne, NEEDS_ONE),
        }),
        z.strictObject({ drop: z.strictObject(after).refine(needsOne, NEEDS_ONE) }),
      ])
      .optional(),
    expect: z.array(expectationSchema).default([]),
  })
  .refine(({ user, dtmf }) => user === undefined || dtmf === undefined, {
    path: ["dtmf"],
    error: "a turn either speaks (user) or presses keys (dtmf)",
  });
export type Turn = z.output<typeof turnSchema>;
export type SupervisorAct = z.output<typeof supervisorSchema>;

const onSchema = z.enum(["answer", "after_tool", "verdict", "any"]).default("answer");
const faultSchema = z
  .strictObject({
    /** Which requests to the model it meets. */
    on: onSchema,
    /** Only those about an utterance with this in it. */
    to: z.string().optional(),
    /** Only those about the caller's n-th utterance, from 1. */
    turn: count.optional(),
    /** Only the first so many. */
    times: count.optional(),
    /** The first token comes so late. */
    first_token_ms: ms.optional(),
    /** So many chunks, then silence. */
    stall_after: ms.optional(),
    /** An HTTP error in place of an answer. */
    status: z.number().int().min(400).max(599).optional(),
    /** So many chunks, then the connection is cut. */
    cut_after: ms.optional(),
  })
  .refine(
    ({ first_token_ms, stall_after, status, cut_after }) =>
      [first_token_ms, stall_after, status, cut_after].filter((each) => each !== undefined).length === 1,
    "wants one of first_token_ms, stall_after, status and cut_after",
  );
export type LlmFault = z.output<typeof faultSchema>;

const llmSchema = z.strictObject({
  /** Who answers below the faults: the rehearsal's own model, or the one the server would ask. */
  answers: z.enum(["mock", "server"]).default("mock"),
  /** Pause between two chunks. */
  pace_ms: ms.default(0),
  /** What the mock says, by a word of the caller's; the first that fits. Else the embedded rules answer. */
  replies: z
    .array(
      z.strictObject({
        to: z.string().default(""),
        text: z.string().optional(),
        calls: z
          .array(z.strictObject({ name: z.string(), args: z.record(z.string(), z.unknown()).default({}) }))
          .default([]),
      }),
    )
    .default([]),
  /** What the mock finds of an utterance, by a word in it; the first that fits. Else the embedded rules judge. */
  verdicts: z.array(z.strictObject({ to: z.string().default(""), is: z.enum(SENTIMENTS) })).default([]),
  faults: z.array(faultSchema).default([]),
});
export type LlmScript = z.output<typeof llmSchema>;

/** A model of the rehearsal's own: the judge, or the one that plays a caller. Pipecat's words. */
const serviceSchema = z
  .looseObject({
    service: z.string().default("openai"),
    /** Without one (Pipecat's `factory`) the command line's is taken. */
    model: z.string().optional(),
    endpoint: z.url().optional(),
    extra: z.record(z.string(), z.unknown()).default({}),
  })
  // Pipecat knows services of its own; those have no address here, and the command line's model is taken.
  .transform(({ service, model, endpoint, extra }) => {
    const reachable = service === "ollama" || service === "openai" || endpoint !== undefined;
    return { service, model: reachable ? model : undefined, endpoint, extra };
  });
export type ModelService = z.output<typeof serviceSchema>;
const judgeSchema = z.looseObject({ eval: serviceSchema.nullish() });

const callerSchema = z.looseObject({
  user_number: z.string().nullable().default(null),
  agent_number: z.string().nullable().default(null),
  direction: z.string().nullable().default(null),
});

const metricSchema = z.union([
  z.strictObject({
    name: z.string(),
    criterion: z.string(),
    min_score: z.number().min(0).max(1).optional(),
  }),
  z.strictObject({
    name: z.string().optional(),
    measure: z.literal("function_calls"),
    calls: z.array(
      z.union([
        z.string().transform((name) => ({ name, args: {} })),
        z.strictObject({ name: z.string(), args: z.record(z.string(), z.unknown()).default({}) }),
      ]),
    ),
  }),
  z.strictObject({
    name: z.string().optional(),
    measure: z.enum(["turns", "duration", "words", "latency"]),
    min_value: z.number().optional(),
    max_value: z.number().optional(),
  }),
]);
export type Metric = z.output<typeof metricSchema>;

const share = z.number().min(0).max(1);
const rulesSchema = z.strictObject({
  /** The first thing the caller says. */
  goal: z.string(),
  /** What the caller tells when the agent asks for it: a word of the question, and the answer. */
  facts: z.record(z.string(), z.string()).default({}),
  /** So many answers that do not help are borne before the caller gives up. */
  patience: count.default(3),
  /** 0: a word or two; 1: everything with much around it. */
  verbosity: share.default(0.3),
  /** How often the caller says the goal again in place of an answer. */
  repeats: share.default(0),
  /** How often the caller cuts in. */
  interrupts: share.default(0),
  /** How often the caller says "mhm" into an answer. */
  backchannels: share.default(0),
  /** Whether the caller gets upset when the agent says the same again. */
  upset_by_repetition: z.boolean().default(true),
  /** What tells the caller that the goal is reached: words of the agent's, one of them. */
  done_when: z.array(z.string()).default([]),
});
export type RulesCaller = z.output<typeof rulesSchema>;

const recordedSchema = z.strictObject({
  /** The call as `GET /calls/ID` gives it: a file beside the scenario. */
  call: z.string(),
  /** 1: the caller's pauses as they were; 10: a tenth of them; 0: none. */
  speed: z.number().nonnegative().default(1),
});

export const scenarioSchema = z
  .strictObject({
    name: z.string().min(1),
    description: z.string().optional(),
    /** What is used besides the frames of the call. */
    needs: z.array(z.enum(["live", "report"])).default([]),
    /** Variables of the server's environment; a scenario that has some runs only on a server the rehearsal starts. */
    env: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()]).transform(String)).default({}),
    llm: llmSchema.optional(),
    channel: z.enum(CONVERSATION_TYPES).default("telephonyInbound"),
    variables: z.record(z.string(), z.unknown()).default({}),
    caller: callerSchema.default({ user_number: null, agent_number: null, direction: null }),
    /** Whether the agent speaks first. */
    greeting: z.boolean().default(true),
    /** The caller's utterance, from 1, at which an escalation should come; never: a false one counts. */
    escalates_at: z.union([count, z.literal("never")]).optional(),
    /** Of the whole call. */
    expect: z.array(expectationSchema).default([]),
    stop_on_failure: z.boolean().default(true),
    context: z.array(z.strictObject({ role: z.string(), content: z.string() })).optional(),
    /** Pipecat's delivery block; words are sent as text whatever it says. */
    user: z.looseObject({}).optional(),
    judge: judgeSchema.default({}),
    runs: count.default(1),
    max_turns: count.default(20),
    max_duration_s: z.number().positive().default(300),
    max_silence_s: z.number().positive().default(30),
    trigger_disconnect: z.boolean().optional(),

    turns: z.array(turnSchema).min(1).optional(),
    rules: rulesSchema.optional(),
    recorded: recordedSchema.optional(),
    persona: z.string().optional(),
    goal: z.string().optional(),
    simulator: serviceSchema.optional(),
    success: z.string().optional(),
    metrics: z.array(metricSchema).default([]),
  })
  .superRefine((scenario, context) => {
    const { turns, rules, recorded, persona, goal, needs } = scenario;
    const kinds = [turns, rules, recorded, persona].filter((each) => each !== undefined);
    if (kinds.length !== 1) {
      context.addIssue("wants one of turns, persona, rules and recorded: who the caller is");
    }
    if (persona !== undefined && goal === undefined) {
      context.addIssue({ code: "custom", path: ["persona"], message: "a persona wants a goal beside it" });
    }
    const demand = (expectation: Expectation, path: (string | number)[]) => {
      const wants = needOf(expectation);
      if (wants === null || needs.includes(wants)) return;
      const message = `${expectation.event} is not seen on the wire: write needs: [${wants}]`;
      context.addIssue({ code: "custom", path, message });
    };
    for (const [at, expectation] of scenario.expect.entries()) demand(expectation, ["expect", at]);
    for (const [turn, { expect, supervisor }] of (turns ?? []).entries()) {
      for (const [at, expectation] of expect.entries()) demand(expectation, ["turns", turn, "expect", at]);
      if (supervisor && !needs.includes("live")) {
        const message = "a supervisor acts on a live call: write needs: [live]";
        context.addIssue({ code: "custom", path: ["turns", turn, "supervisor"], message });
      }
    }
  });
export type Scenario = z.output<typeof scenarioSchema>;

function needOf({ event }: Expectation): "live" | "report" | null {
  if (event === "report") return "report";
  return LIVE_EVENTS.has(event) ? "live" : null;
}

/** How the scenario's caller finds its words. */
export type CallerKind = "script" | "rules" | "llm" | "recorded";

export function callerKindOf(scenario: Scenario): CallerKind {
  if (scenario.turns) return "script";
  if (scenario.rules) return "rules";
  return scenario.recorded ? "recorded" : "llm";
}

/** The rehearsal's own model, without any script. */
export const MOCK: LlmScript = llmSchema.parse({});
