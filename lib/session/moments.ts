import type { AgentEvent, EventOf } from "../wire/events.ts";
import type { TransferOutcome } from "../wire/line-events.ts";
import type { LogPayloads } from "../wire/log-events.ts";

/*
 * What a timeline tells. Every duration has one name here, and the same everywhere else:
 * `firstChunkMs`  from the request for an answer to its first words
 * `thinkingMs`    of that, how long the model was seen to think
 * `replyMs`       from the caller's last words to the first words of the agent
 * `answerMs`      from the request for an answer to its end
 * Offsets are ms since the call began.
 */

/** How an answer ended; `call_ended`: the caller was gone before it was said. */
export const ANSWER_OUTCOMES = [
  "completed",
  "failed",
  "interrupted",
  "replaced",
  "call_ended",
] as const satisfies readonly (LogPayloads["turn.ended"]["outcome"] | "call_ended")[];
export type AnswerOutcome = (typeof ANSWER_OUTCOMES)[number];

/** What the caller said. */
export type UserTurn = {
  readonly role: "user";
  /** Place among the turns of both sides, from 1, in the order they began. */
  readonly number: number;
  readonly offsetMs: number;
  readonly text: string;
  readonly words: number;
  /** Number among the caller's utterances, from 1. */
  readonly utterance: number;
  /** Whether nearly the same was said before. */
  readonly repeated: boolean;
};

export type ToolUse = {
  readonly name: string;
  /** `unfinished`: the answer was over before the tool was. */
  readonly outcome: "ok" | "error" | "unfinished";
  /** ms; null where it did not finish. */
  readonly latencyMs: number | null;
};

/** What the agent said, or is saying: a listener that keeps it sees what becomes of it. */
export type AgentTurn = {
  readonly role: "agent";
  /** A line is spoken outside any answer: the greeting, a supervisor's words. */
  readonly kind: "answer" | "line";
  /** Whose words these are: a supervisor speaks with the agent's voice. */
  readonly speaker: "agent" | "supervisor";
  readonly number: number;
  /** When the answer was asked for, or the line was said. */
  readonly offsetMs: number;
  /** As spoken if the client has reported it, else as sent so far. */
  readonly text: string;
  /** As the model wrote it, where it was cleaned for a voice; null where it was sent as written. */
  readonly written: string | null;
  /** The language model that spoke, of two the last; null where none did. */
  readonly model: string | null;
  readonly words: number;
  readonly chunks: number;
  /** Null for a line, and for an answer without a word. */
  readonly firstChunkMs: number | null;
  /** Of it, how long the model was seen to think, ms; null if it was not. */
  readonly thinkingMs: number | null;
  /** Null if nobody was waiting for these words. */
  readonly replyMs: number | null;
  /** Null for a line, and while the answer is being given. */
  readonly answerMs: number | null;
  /** Whether the caller cut it short, while it was sent or while it was spoken. */
  readonly interrupted: boolean;
  /** Null for a line, and while the answer is being given. */
  readonly outcome: AnswerOutcome | null;
  readonly tools: readonly ToolUse[];
};

export type Turn = UserTurn | AgentTurn;

type ToolLog<N extends "tool_call_start" | "tool_call_end" | "tool_call_error"> = N extends unknown
  ? { readonly phase: N } & LogPayloads[N]
  : never;

/** A transfer of the call, as far as it has come. */
export type TransferNews = {
  /** Place among the transfers of the call, from 1. */
  readonly number: number;
  readonly kind: "cold" | "warm";
  readonly requestedAtMs: number;
  readonly outcome: TransferOutcome;
  /** From the request to the outcome, ms; null while it is under way, and where the line never told. */
  readonly tookMs: number | null;
  /** Whether the caller came back to the agent. */
  readonly returned: boolean;
};

/** Something that happened in a call, told once. */
export type Happening =
  /** The caller has begun or ceased to speak. */
  | { type: "speaking"; speaking: boolean }
  | { type: "utterance"; turn: UserTurn }
  /** An answer was asked for. */
  | { type: "request" }
  | { type: "answer.started"; turn: AgentTurn }
  | { type: "answer.firstWords"; turn: AgentTurn }
  /** An answer has ended. One that is silent on purpose, muted or after the hand-off, is not told. */
  | { type: "answer.ended"; turn: AgentTurn }
  | { type: "line"; turn: AgentTurn }
  /** The client has reported words as spoken. */
  | { type: "spoken" }
  /** A turn that has ended turned out otherwise: cut short while it was spoken, or spoken differently. */
  | { type: "correction"; turn: AgentTurn; because: "interrupted" | "spoken" }
  /** The caller's barge-in, and the answer or line it cuts into. */
  | { type: "interrupt"; turn: AgentTurn | null }
  | {
      type: "tool";
      turn: AgentTurn | null;
      tool: ToolLog<"tool_call_start" | "tool_call_end" | "tool_call_error">;
    }
  /** `turn` is the number of the turn it is on; null when that is too long ago. */
  | { type: "verdict"; turn: number | null; verdict: LogPayloads["sentiment"] }
  /** `utterance`: the caller's latest, from 1; 0 before the first. */
  | { type: "escalation"; utterance: number; escalation: LogPayloads["escalation.triggered"] }
  | { type: "alert"; alert: LogPayloads["coaching"] }
  | { type: "supervisor"; act: LogPayloads["supervisor"] }
  | { type: "whispersUsed"; count: number }
  | { type: "feedback"; feedback: LogPayloads["feedback"] }
  | { type: "usage"; usage: LogPayloads["llm.usage"] }
  /** A request to a language model has ended; told right after its usage. */
  | { type: "modelRequest"; request: LogPayloads["llm.request"] }
  /** The second model is asked for the answer, for the first has not come to its first word. */
  | { type: "modelSwitched"; change: LogPayloads["llm.switched"] }
  | { type: "handOff"; event: EventOf<"agent.end_call"> | EventOf<"agent.transfer_call"> }
  /** A transfer was asked for, and told again when it has ended. */
  | { type: "transfer"; transfer: TransferNews }
  /** The caller has pressed a key; which one is nobody's business but the node's that asked. */
  | { type: "key" }
  /** Nobody has said anything for long; `times` in a row, from 1. */
  | { type: "silence"; times: number }
  | { type: "error"; error: EventOf<"agent.error"> }
  /** Whatever else a node has noted. */
  | { type: "log"; log: Extract<AgentEvent, { type: "agent.log" }> };

/** A happening and when it was, ms since the call began. */
export type Moment = Happening & { readonly offsetMs: number };

export type MomentListener = (moment: Moment) => void;
/** Told of every piece of an answer; by then `turn.text` has it. */
export type WordsListener = (turn: AgentTurn) => void;
