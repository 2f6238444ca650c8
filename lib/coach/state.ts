import type { Sentiment } from "../wire/log-events.ts";
import { countWords } from "../words.ts";

/** Something the coach has noticed. */
export type CoachNews =
  | { kind: "heard"; text: string }
  /** The caller has begun or ceased to speak. */
  | { kind: "speaking"; speaking: boolean }
  | { kind: "interrupted" }
  /** An answer was asked for. */
  | { kind: "requested" }
  /** The agent's first words; `firstChunkMs` is null for a line nobody asked for. */
  | { kind: "answering"; firstChunkMs: number | null }
  /** The agent's answer, or line, is complete. */
  | { kind: "said"; text: string }
  /** The client has reported words as spoken. */
  | { kind: "spoken" }
  | { kind: "verdict"; utterance: number; sentiment: Sentiment; score: number }
  | { kind: "escalated"; escalation: Escalation }
  | { kind: "handedOff" }
  /** Time has passed, nothing else. */
  | { kind: "tick" };

/** `at`: by the coach's clock, ms; it never goes back. */
export type CoachInput = CoachNews & { at: number };

export type Escalation = {
  reason: string;
  count: number | null;
  threshold: number | null;
  action: string;
  outcome: string;
};

type Verdict = { at: number; utterance: number; sentiment: Sentiment; score: number };

/** What the rules look at: a small picture of the call, bounded however long the call is. */
export type CallState = {
  /** How many utterances of the caller have been heard. */
  utterances: number;
  lastHeard: string;
  /** The latest, oldest first. */
  verdicts: readonly Verdict[];
  /** The best mean of up to three scores in a row so far; null before the first verdict. */
  bestMean: number | null;
  /** The unbroken run of negative and frustrated verdicts up to now. */
  negativeRun: { since: number; count: number } | null;
  /** Negative and frustrated verdicts since the call began, or since the last positive one. */
  negatives: number;
  /** `negatives` as it was before the latest verdict. */
  negativesBefore: number;
  interruptions: readonly number[];
  /** First-chunk times of the latest answers, ms, oldest first. */
  replies: readonly number[];
  /** Whether the caller is speaking at this moment, as far as the line tells. */
  speaking: boolean;
  /** Since when the caller has been waiting for the agent's first word; null: not waiting. */
  waitingSince: number | null;
  /** From when on nobody is speaking; may lie ahead, as the agent's words take time to speak. Null: not known, or somebody is. */
  quietFrom: number | null;
  /** The number of the utterance that the agent's present or last words follow. */
  answering: number;
  lastSaid: { text: string; words: number; utterance: number } | null;
  escalation: Escalation | null;
  handedOff: boolean;
};

/** Verdicts, interrupts and reply times that are kept: more than any rule may look at. */
const KEPT = 50;
/** How fast a synthetic voice speaks: 150 words a minute, the usual figure for telephone speech. */
const MS_PER_WORD = 400;

export const INITIAL_STATE: CallState = {
  utterances: 0,
  lastHeard: "",
  verdicts: [],
  bestMean: null,
  negativeRun: null,
  negatives: 0,
  negativesBefore: 0,
  interruptions: [],
  replies: [],
  speaking: false,
  waitingSince: null,
  quietFrom: null,
  answering: 0,
  lastSaid: null,
  escalation: null,
  handedOff: false,
};

/** The state after an input. */
export function nextState(state: CallState, input: CoachInput): CallState {
  switch (input.kind) {
    case "heard": {
      const heard = { utterances: state.utterances + 1, lastHeard: input.text, speaking: false };
      return { ...state, ...heard, ...waiting(state, input.at) };
    }
    case "requested":
      return { ...state, ...waiting(state, input.at) };
    case "speaking": {
      const { speaking } = input;
      if (speaking) return { ...state, speaking, quietFrom: null };
      // A cough is followed by no words: the silence goes on from here.
      const isWaiting = state.waitingSince !== null || state.handedOff;
      return { ...state, speaking, quietFrom: isWaiting ? null : input.at };
    }
    case "interrupted":
      return { ...state, interruptions: keep(state.interruptions, input.at) };
    case "answering": {
      const { firstChunkMs } = input;
      const replies = firstChunkMs === null ? state.replies : keep(state.replies, firstChunkMs);
      return { ...state, replies, answering: state.utterances, waitingSince: null, quietFrom: null };
    }
    case "said": {
      const words = countWords(input.text);
      const lastSaid = { text: input.text, words, utterance: state.answering };
      const isQuiet = state.waitingSince === null && !state.handedOff;
      return { ...state, lastSaid, quietFrom: isQuiet ? input.at + words * MS_PER_WORD : null };
    }
    case "spoken": {
      const { quietFrom } = state;
      return { ...state, quietFrom: quietFrom === null ? null : Math.max(quietFrom, input.at) };
    }
    case "verdict":
      return withVerdict(state, input);
    case "escalated":
      return { ...state, escalation: input.escalation };
    case "handedOff":
      return { ...state, handedOff: true, waitingSince: null, quietFrom: null };
    case "tick":
      return state;
  }
}

/** The mean of the last three scores, or of fewer where there are no more; null without any. */
export function recentMean(verdicts: readonly Verdict[]): number | null {
  const recent = verdicts.slice(-3);
  if (recent.length === 0) return null;
  return recent.reduce((sum, { score }) => sum + score, 0) / recent.length;
}

export function isNegative({ sentiment }: Verdict): boolean {
  return sentiment === "negative" || sentiment === "frustrated";
}

function waiting(state: CallState, at: number): Pick<CallState, "waitingSince" | "quietFrom"> {
  return { waitingSince: state.handedOff ? null : (state.waitingSince ?? at), quietFrom: null };
}

function withVerdict(state: CallState, { at, utterance, sentiment, score }: Verdict): CallState {
  const verdict = { at, utterance, sentiment, score };
  const verdicts = keep(state.verdicts, verdict);
  const mean = recentMean(verdicts) ?? score;
  const { negativeRun: run, negatives } = state;
  const negative = isNegative(verdict);
  return {
    ...state,
    verdicts,
    bestMean: Math.max(state.bestMean ?? mean, mean),
    negativeRun: negative ? { since: run?.since ?? at, count: (run?.count ?? 0) + 1 } : null,
    negatives: negative ? negatives + 1 : sentiment === "positive" ? 0 : negatives,
    negativesBefore: negatives,
  };
}

function keep<T>(list: readonly T[], entry: T): readonly T[] {
  return [...list.slice(-(KEPT - 1)), entry];
}
