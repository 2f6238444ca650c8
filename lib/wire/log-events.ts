import type { LlmErrorKind } from "../errors.ts";
import type { AnyEvent, EventOf, JsonObject } from "./events.ts";

/*
 * The `agent.log` events that parts of this server say to one another over the bus.
 * Any other name is free for a node of one's own.
 */

/** The four classes of a verdict on one utterance. */
export const SENTIMENTS = ["positive", "neutral", "negative", "frustrated"] as const;
export type Sentiment = (typeof SENTIMENTS)[number];

/** Score of a sentiment on the contact-centre scale of −5…5. */
export const SENTIMENT_SCORE: Readonly<Record<Sentiment, number>> = {
  positive: 5,
  neutral: 0,
  negative: -2.5,
  frustrated: -5,
};

/** Who gave a verdict: the sentiment model, or the embedded model because that one failed. */
export type VerdictSource = "model" | "fallback";

/** What a supervisor may do to a call. */
export const SUPERVISOR_ACTIONS = [
  "whisper",
  "say",
  "transfer",
  "end",
  "mute",
  "unmute",
  /** Mutes the agent and speaks in its place, by `say`. */
  "take_over",
  "hand_back",
  /** Says that this call is in somebody's hands. */
  "claim",
  "release",
  /** Has seen the alerts so far. */
  "acknowledge",
] as const;
export type SupervisorAction = (typeof SUPERVISOR_ACTIONS)[number];

/** What somebody thinks of a coaching alert. */
export const FEEDBACK = ["helpful", "not_helpful", "dismissed"] as const;
export type Feedback = (typeof FEEDBACK)[number];

/** A request was made again, so many ms after it was first made. */
export type RequestRetry = { afterMs: number; because: LlmErrorKind };

/** A message of a request, as far as it is looked at. */
export type RequestMessage = {
  readonly role: string;
  readonly content?: unknown;
  readonly tool_calls?: readonly unknown[];
  readonly tool_call_id?: string;
};

type ToolCallLog = {
  turnId: string;
  toolCallId: string;
  functionName: string;
};

export type LogPayloads = {
  sentiment: {
    sentiment: Sentiment;
    /** Probability that the caller is upset, 0…1. */
    upset: number;
    /** What counted, in a few words, the caller's in quotation marks; null for a neutral utterance. */
    cause: string | null;
    frustrationCount: number;
    /** −5…5, see {@link SENTIMENT_SCORE}. */
    score: number;
    source: VerdictSource;
    /** Why the embedded rules judged; null where the model did. */
    fallbackBecause: LlmErrorKind | null;
    /** Number of the caller's utterance in this call, from 1. */
    utterance: number;
    /** Time from hearing the utterance to its verdict, ms. */
    analysisMs: number;
  };
  /** A caller is handed over, or would be if there were a number. */
  "escalation.triggered": {
    /** `frustration_threshold_exceeded`, `human_request`, `model`, `supervisor`, or a word of an agent's own. */
    reason: string;
    /** Null where the agent counts no frustration. */
    frustrationCount: number | null;
    threshold: number | null;
    /** Whether the hand-off line was the answer to the utterance that crossed the threshold. */
    sameTurn: boolean;
    action: "cold_transfer" | "warm_transfer" | "none";
    outcome: "requested" | "no_number";
  };
  tool_call_start: ToolCallLog & { context: { arguments: unknown } };
  tool_call_end: ToolCallLog & {
    context: { arguments: unknown; response: string };
    /** ms */
    latency: number;
    success: true;
  };
  tool_call_error: ToolCallLog & { context: { arguments: unknown }; error: string; success: false };
  /** A coaching rule's alert, see lib/coach. */
  coaching: {
    rule: string;
    severity: "info" | "warn" | "alert";
    message: string;
    /** The turns and figures that made the rule fire. */
    evidence: JsonObject;
  };
  /** What a supervisor did to the call, for its record. `by`: who it was. */
  supervisor: { action: SupervisorAction; text: string | null; by: string | null };
  /** The agent has begun an answer with so many of the oldest whispers that waited. */
  "whisper.used": { count: number };
  /** What the human beside the call thinks of an alert: that of this rule told at this time, ISO 8601. */
  feedback: { rule: string; alertAt: string; feedback: Feedback; by: string | null };
  /** One answer that has ended, however it did. */
  "turn.ended": {
    turnId: string;
    outcome: "completed" | "failed" | "interrupted" | "replaced";
    /** As the model wrote it, where other words were sent to be spoken; else null. */
    written: string | null;
    /** The model that spoke; null where none did. */
    model: string | null;
  };
  /** The same request, as whoever looks into a call wants to see it; told right after its usage. */
  "llm.request": {
    usage: LogPayloads["llm.usage"];
    purpose: "answer" | "verdict";
    /** Verdict: number of the utterance it is on, from 1; else null. */
    utterance: number | null;
    /** Address of the model's server. */
    server: string;
    temperature: number;
    streamed: boolean;
    /** From the request to its end, retries included, ms. */
    tookMs: number;
    /** To the first words or the first tool call, ms; null where none came, and where nothing is streamed. */
    firstChunkMs: number | null;
    finishReason: string | null;
    responseModel: string | null;
    responseId: string | null;
    error: LlmErrorKind | null;
    retries: readonly RequestRetry[];
    /** What was asked, in the words of Chat Completions. */
    messages: readonly RequestMessage[];
    toolCalls: readonly { id: string; name: string; arguments: string }[];
    /** Verdict: the whole answer. An answer's words are those of its turn. */
    text: string | null;
  };
  /** An answer is asked of the second model, for the first has not come to its first word. */
  "llm.switched": {
    from: string;
    to: string;
    because: LlmErrorKind;
    /** How long the first had for it, ms. */
    afterMs: number;
  };
  /** One request to a language model that has ended. */
  "llm.usage": {
    model: string;
    outcome: "completed" | "cancelled" | "failed";
    /** Tokens as the API reported them; null where it did not. */
    inputTokens: number | null;
    outputTokens: number | null;
    /** How long an answer's model has thought before its words, ms; null where none was seen. */
    thinkingMs: number | null;
  };
};

/** Names that stay on the bus: they are nobody's business outside this server. */
export const INTERNAL_LOGS: ReadonlySet<string> = new Set<LogName>([
  "supervisor",
  "whisper.used",
  "feedback",
  "llm.usage",
  "llm.request",
  "llm.switched",
  "turn.ended",
]);

export type LogName = keyof LogPayloads;
export type LogEvent<N extends LogName> = Omit<EventOf<"agent.log">, "name" | "payload"> & {
  name: N;
  payload: LogPayloads[N];
};

/** Whether the event is the log event of that name; its payload is ours, so the name vouches for its type. */
export function isLog<N extends LogName>(
  event: AnyEvent,
  name: N,
): event is EventOf<"agent.log"> & LogEvent<N> {
  return event.type === "agent.log" && event.name === name;
}

/** Writes down a log event whose payload is checked by the compiler. */
export function logDraft<N extends LogName>(name: N, payload: LogPayloads[N]) {
  return { type: "agent.log" as const, name, payload: payload satisfies JsonObject };
}
