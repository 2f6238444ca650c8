import { z } from "zod";
import type { EndReason } from "../nodes/agent-node.ts";
import type { AnswerOutcome, TransferNews } from "../session/moments.ts";
import { type ConversationType, type JsonObject, snakeKeys } from "../wire/events.ts";
import type { LogPayloads, Sentiment, VerdictSource } from "../wire/log-events.ts";

/** What viewers of live calls are told; docs/live-api.md shows each as it is sent. */
export type LiveNews =
  | {
      type: "call.started";
      callId: string | null;
      /** The caller's telephone number, where the platform gives it. */
      callerNumber: string | null;
      direction: string | null;
      conversationType: ConversationType;
      /** Which agent takes the call, as its set-up describes it. */
      agent: string | null;
      agentVersion: string | null;
      model: string | null;
      startedAt: string;
    }
  | UserTurn
  | AgentTurn
  | {
      type: "verdict";
      utterance: number;
      sentiment: Sentiment;
      /** Probability that the caller is upset, 0…1. */
      upset: number;
      cause: string | null;
      score: number;
      source: VerdictSource;
      frustrationCount: number;
    }
  | ({ type: "alert" } & LogPayloads["coaching"])
  | {
      type: "escalation";
      reason: string;
      sameTurn: boolean;
      action: string;
      outcome: string;
      frustrationCount: number | null;
    }
  /** Told when it is asked for, and again when it has ended. */
  | ({ type: "transfer" } & TransferNews)
  | ({ type: "supervisor" } & LogPayloads["supervisor"])
  /** So many of the oldest whispers that waited are in the answer that has begun. */
  | { type: "whisper.used"; count: number }
  | ({ type: "feedback" } & LogPayloads["feedback"])
  /** `crashed`: the server whose call it was is gone. */
  | { type: "call.ended"; reason: EndReason | "crashed"; durationMs: number };

export type UserTurn = {
  type: "turn";
  number: number;
  role: "user";
  /** Number among the caller's utterances, from 1: the one a verdict names. */
  utterance: number;
  text: string;
  offsetMs: number;
};
export type AgentTurn = {
  type: "turn";
  number: number;
  role: "agent";
  /** Whose words these are; a supervisor speaks with the agent's voice. */
  speaker: "agent" | "supervisor";
  text: string;
  /** When the answer was asked for, or the line was said, from the start of the call, ms. */
  offsetMs: number;
  /** From the request to the first words, ms; null for a line, and for an answer without a word. */
  firstChunkMs: number | null;
  /** From the caller's last words to these first words, ms; null where nobody was waiting. */
  replyMs: number | null;
  /** From the request to the end, ms; null for a line. */
  answerMs: number | null;
  /** Whether the caller cut it short. */
  interrupted: boolean;
  outcome: AnswerOutcome | null;
};

/** A call's news with its time (ISO 8601) and its call. */
export type LiveEvent = LiveNews & { at: string; sessionId: string };

/** An event that another process has written down: one like this, or a newer one that knows more types. */
export const liveEventAsStored = z.custom<LiveEvent>(
  (value) =>
    typeof value === "object" && value !== null && "type" in value && "sessionId" in value && "at" in value,
);

/** The agent's words so far. It has no id and is not kept: the turn follows. */
export type PartialTurn = {
  type: "turn.partial";
  at: string;
  sessionId: string;
  number: number;
  text: string;
};

/** Ids only grow; they go on growing when the server is started again. */
export type NumberedEvent = { id: number; event: LiveEvent };

/** One server-sent event. Without an id a reader keeps the last one it had. */
export function toFrame(type: string, data: JsonObject, id: number | null): string {
  const idLine = id === null ? "" : `id: ${id}\n`;
  return `${idLine}event: ${type}\ndata: ${JSON.stringify(data)}\n\n`;
}

/** The event as its frame carries it: everything but the type, in the wire's spelling. */
export function toWire(event: LiveEvent | PartialTurn): JsonObject {
  const { type: _type, at, sessionId, ...rest } = event;
  return { at, session_id: sessionId, ...snakeKeys(rest) };
}
