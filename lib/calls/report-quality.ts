import type { CallRecord, TurnRecord } from "./record.ts";

/** A caller who waits longer than this thinks the line is dead, ms. */
const GAP_MS = 3_000;

/** How the conversation went, whatever the caller's mood. It is measured on text: nobody here hears the audio. */
export type QualityReport = {
  turns: { user: number; assistant: number };
  words: { user: number; assistant: number };
  /** The agent's words by all words, 0…1; null if nobody said any. */
  talkRatio: number | null;
  talkRatioBasis: "words";
  /** From the caller's last words to the first words of the answer, ms; nearest rank. */
  replyP50Ms: number | null;
  replyP95Ms: number | null;
  replyMaxMs: number | null;
  /** Replies that kept the caller waiting for more than 3 s. */
  gapsOver3s: number;
  /** Answers the caller cut short. */
  interruptions: number;
  /** Answers asked for and never given a word, and last words that nobody answered. */
  unanswered: number;
  /** Turns in which the caller said nearly the same as before. */
  repeatedRequests: number;
  toolCalls: number;
  toolErrors: number;
};

export function reportQuality({ turns, endReason }: Pick<CallRecord, "turns" | "endReason">): QualityReport {
  const user = turns.filter(({ role }) => role === "user");
  const assistant = turns.filter(({ role }) => role === "assistant");
  const words = { user: countWords(user), assistant: countWords(assistant) };
  const allWords = words.user + words.assistant;
  const replies = replyTimes(turns);
  const tools = assistant.flatMap((turn) => turn.tools);
  return {
    turns: { user: user.length, assistant: assistant.filter(saidSomething).length },
    words,
    talkRatio: allWords === 0 ? null : Number((words.assistant / allWords).toFixed(4)),
    talkRatioBasis: "words",
    replyP50Ms: percentile(replies, 0.5),
    replyP95Ms: percentile(replies, 0.95),
    replyMaxMs: percentile(replies, 1),
    gapsOver3s: replies.filter((ms) => ms > GAP_MS).length,
    interruptions: assistant.filter(({ interrupted }) => interrupted).length,
    unanswered:
      assistant.filter((turn) => !saidSomething(turn)).length + (isLeftAlone(turns, endReason) ? 1 : 0),
    repeatedRequests: user.filter(({ repeated }) => repeated).length,
    toolCalls: tools.length,
    toolErrors: tools.filter(({ outcome }) => outcome === "error").length,
  };
}

/** Every reply's time, ms, in ascending order. */
export function replyTimes(turns: readonly TurnRecord[]): number[] {
  return turns.flatMap(({ replyMs }) => (replyMs === null ? [] : [replyMs])).sort((a, b) => a - b);
}

/** Nearest rank of ascending values: always one that was measured. */
function percentile(ascending: readonly number[], rank: number): number | null {
  return ascending[Math.max(0, Math.ceil(rank * ascending.length) - 1)] ?? null;
}

function countWords(turns: readonly TurnRecord[]): number {
  return turns.reduce((sum, turn) => sum + turn.words, 0);
}

function saidSomething(turn: TurnRecord): boolean {
  return turn.words > 0;
}

/** Whether the call broke off on the caller's words. After a hand-off nobody is left to answer. */
function isLeftAlone(turns: readonly TurnRecord[], endReason: CallRecord["endReason"]): boolean {
  const handedOff = endReason === "transferred" || endReason === "end_call";
  return endReason !== null && !handedOff && turns.at(-1)?.role === "user";
}
