import type { AgentDescription, EndReason } from "../nodes/agent-node.ts";
import type { AnswerOutcome, ToolUse, TransferNews } from "../session/moments.ts";
import type { ConversationType, JsonObject } from "../wire/events.ts";
import type { LogPayloads, Sentiment, VerdictSource } from "../wire/log-events.ts";

/** Why a recorded call ended; `crashed` when its process was gone before it could say. */
export const CALL_ENDS = [
  "client_closed",
  "end_call",
  "transferred",
  "error",
  "drain",
  "idle",
  "refused",
  "slow_client",
  "crashed",
] as const satisfies readonly (EndReason | "crashed")[];
export type CallEnd = (typeof CALL_ENDS)[number];

/** What one side said. Fields of the other side are null, false or empty. */
export type TurnRecord = {
  /** Place in the call, from 1. */
  number: number;
  role: "user" | "assistant";
  /** Assistant: whose words these are; a supervisor speaks with the agent's voice. */
  speaker: "agent" | "supervisor" | null;
  /** From the start of the call, ms: when the words were heard, or the answer was asked for. */
  offsetMs: number;
  /** Null where the record keeps no text. */
  text: string | null;
  /** Assistant: as the model wrote it, where it was cleaned for a voice; else null. */
  written: string | null;
  words: number;

  /** User: number among the caller's utterances, from 1. */
  utterance: number | null;
  verdict: Sentiment | null;
  /** Probability that the caller is upset, 0…1. */
  upset: number | null;
  /** What counted for the verdict, in a few words. */
  cause: string | null;
  /** −5…5 */
  score: number | null;
  source: VerdictSource | null;
  analysisMs: number | null;
  /** User: has said nearly the same before. */
  repeated: boolean;

  /** Assistant: from the request for an answer to its first words, ms. */
  firstChunkMs: number | null;
  /** Of it, how long the model was seen to think, ms. */
  thinkingMs: number | null;
  /** Assistant: the language model that spoke, of two the last; null where none did, and for turns of older records. */
  model: string | null;
  /** Assistant: from the caller's last words to the first words of the answer, ms. */
  replyMs: number | null;
  /** Assistant: from the request for an answer to its end, ms; null for a line spoken beside the answers. */
  answerMs: number | null;
  /** Assistant: cut short by the caller, while it was sent or while it was spoken. */
  interrupted: boolean;
  /** Assistant: how the answer ended; null for a line. */
  outcome: AnswerOutcome | null;
  tools: ToolUse[];
};

/** A turn of which nothing else is known. */
export function blankTurn(number: number, role: TurnRecord["role"], offsetMs: number): TurnRecord {
  return {
    number,
    role,
    speaker: null,
    offsetMs,
    text: null,
    written: null,
    words: 0,
    utterance: null,
    verdict: null,
    upset: null,
    cause: null,
    score: null,
    source: null,
    analysisMs: null,
    repeated: false,
    firstChunkMs: null,
    thinkingMs: null,
    model: null,
    replyMs: null,
    answerMs: null,
    interrupted: false,
    outcome: null,
    tools: [],
  };
}

export type Verdict = {
  verdict: Sentiment;
  upset: number;
  cause: string | null;
  score: number;
  source: VerdictSource;
  analysisMs: number;
};

type Coaching = LogPayloads["coaching"];
export type Alert = Coaching & { offsetMs: number };
export type CallError = { offsetMs: number; message: string; severity: "warning" | "fatal" };
export type SupervisorAct = LogPayloads["supervisor"] & { offsetMs: number };
/** What somebody thought of an alert, by its rule. */
export type AlertFeedback = Pick<LogPayloads["feedback"], "rule" | "feedback" | "by"> & { offsetMs: number };

/** A transfer of the call, as it ended; `requested` while it is under way. */
export type TransferRecord = TransferNews;

/** What happens on the call's timeline beside the turns. A transfer is noted again when it has ended. */
export type Note =
  | ({ kind: "alert" } & Alert)
  | ({ kind: "error" } & CallError)
  | ({ kind: "supervisor" } & SupervisorAct)
  | { kind: "transfer"; transfer: TransferRecord }
  | ({ kind: "feedback" } & AlertFeedback);

export type Escalation = {
  reason: string;
  /** The caller's utterance after which it was triggered, from 1. */
  utterance: number;
  offsetMs: number;
  /** Null where the agent counts no frustration. */
  frustrationCount: number | null;
  threshold: number | null;
  sameTurn: boolean;
  action: LogPayloads["escalation.triggered"]["action"];
  /** `socket_closed`: the call ended before the transfer had been asked for. */
  outcome: LogPayloads["escalation.triggered"]["outcome"] | "socket_closed";
};

/** Requests to one model. Tokens are null where the API never reported any. */
export type ModelUsage = {
  model: string;
  requests: number;
  cancelled: number;
  failed: number;
  inputTokens: number | null;
  outputTokens: number | null;
};

/** One finding of the model that sums a call up. */
export type SummaryItem = {
  identifier: string;
  value: string;
  /** 0…1 */
  confidence: number;
  reasoning: string;
  type: "summary" | "disposition" | "topics";
};

/** What is known when a call begins. */
export type CallStart = AgentDescription & {
  sessionId: string;
  callId: string | null;
  direction: string | null;
  conversationType: ConversationType;
  /** Those initial variables that are on the allow-list. */
  variables: JsonObject;
  /** Epoch, ms. */
  startedAt: number;
};

/** What is known when it ends. */
export type CallOutcome = {
  endedAt: number;
  endReason: CallEnd;
};

/** Everything the store keeps of one call. */
export type CallRecord = CallStart & {
  /** Epoch, ms; null while the call goes on, and so is the reason. */
  endedAt: number | null;
  endReason: CallEnd | null;
  turns: TurnRecord[];
  alerts: Alert[];
  errors: CallError[];
  supervisor: SupervisorAct[];
  transfers: TransferRecord[];
  feedback: AlertFeedback[];
  escalation: Escalation | null;
  usage: ModelUsage[];
  summary: SummaryItem[] | null;
};
