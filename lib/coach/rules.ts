import type { JsonObject } from "../wire/events.ts";
import type { CoachConfig, RuleId, RuleSettings } from "./config.ts";
import { phraseFinder } from "./phrases.ts";
import { type CallState, type CoachInput, isNegative, recentMean } from "./state.ts";

/** What follows when a rule fires, beside the alert. */
export type Follows = {
  /** People are told in the chat of ALERT_WEBHOOK_URL. */
  readonly notify: boolean;
  /** The agent is told this for its next answer. */
  readonly whisper: string | null;
  /** The caller is handed over. */
  readonly escalate: boolean;
};

/** A rule with its settings, ready to be asked. It keeps nothing between two questions. */
export type Rule = {
  readonly id: RuleId;
  readonly severity: "info" | "warn" | "alert";
  readonly message: string;
  readonly cooldownMs: number;
  readonly follows: Follows;
  /** The inputs that can change its answer. */
  readonly on: ReadonlySet<CoachInput["kind"]>;
  /** What makes its condition true at this moment; null when it is not. */
  holds(state: CallState, at: number): JsonObject | null;
  /**
   * When the condition becomes true if nothing more happens; null: never by time alone. `holds` compares with this very
   * sum: a difference may be a little less than what was added.
   */
  dueAt(state: CallState): number | null;
};

type Condition = {
  on: readonly CoachInput["kind"][];
  holds: Rule["holds"];
  dueAt?: Rule["dueAt"];
};

const NEVER = () => null;

const CONDITIONS: { [Id in RuleId]: (settings: RuleSettings<Id>) => Condition } = {
  frustration_threshold: () => ({
    on: ["escalated"],
    holds: ({ escalation }) =>
      escalation?.reason === "frustration_threshold_exceeded"
        ? {
            count: escalation.count,
            threshold: escalation.threshold,
            action: escalation.action,
            outcome: escalation.outcome,
          }
        : null,
  }),

  negative_sustained: ({ forMs, minUtterances }) => ({
    on: ["verdict", "tick"],
    holds: ({ negativeRun, verdicts }, at) =>
      negativeRun && negativeRun.count >= minUtterances && at >= negativeRun.since + forMs
        ? { ms: Math.round(at - negativeRun.since), utterances: lastNumbers(verdicts, negativeRun.count) }
        : null,
    dueAt: ({ negativeRun }) =>
      negativeRun && negativeRun.count >= minUtterances ? negativeRun.since + forMs : null,
  }),

  sentiment_drop: ({ points }) => ({
    on: ["verdict"],
    holds: ({ verdicts, bestMean }) => {
      const mean = recentMean(verdicts);
      if (mean === null || bestMean === null || verdicts.length < 3) return null;
      // From delighted to matter-of-fact is a drop too, but nothing anybody should act on.
      if (mean >= 0 || bestMean - mean < points) return null;
      return { mean: round(mean), best: round(bestMean), utterances: lastNumbers(verdicts, 3) };
    },
  }),

  human_request: ({ phrases }) => whenHeard(phrases),
  churn_or_legal: ({ phrases }) => whenHeard(phrases),

  interruptions: ({ times, windowMs }) => ({
    on: ["interrupted", "tick"],
    holds: ({ interruptions }, at) => {
      const within = interruptions.filter((then) => at - then <= windowMs).length;
      return within >= times ? { times: within, ms: windowMs } : null;
    },
    // Not to fire, but to notice that the window is over, so that the next burst is a new crossing.
    dueAt: ({ interruptions }) => {
      const oldest = interruptions.at(-times);
      return oldest === undefined ? null : oldest + windowMs + 1;
    },
  }),

  slow_reply: ({ firstChunkMs, times, ofLast }) => ({
    on: ["answering"],
    holds: ({ replies }) => {
      const recent = replies.slice(-ofLast);
      const slow = recent.filter((reply) => reply > firstChunkMs).length;
      return slow >= times ? { ms: recent.map(Math.round), limit: firstChunkMs } : null;
    },
  }),

  unanswered: ({ afterMs }) => ({
    on: ["heard", "requested", "answering", "said", "handedOff", "tick"],
    holds: ({ waitingSince, utterances }, at) =>
      waitingSince !== null && at >= waitingSince + afterMs
        ? { ms: Math.round(at - waitingSince), utterance: utterances }
        : null,
    dueAt: ({ waitingSince }) => (waitingSince === null ? null : waitingSince + afterMs),
  }),

  dead_air: ({ afterMs }) => ({
    on: ["heard", "speaking", "requested", "answering", "said", "spoken", "handedOff", "tick"],
    holds: ({ quietFrom, utterances }, at) =>
      quietFrom !== null && at >= quietFrom + afterMs
        ? { ms: Math.round(at - quietFrom), utterance: utterances }
        : null,
    dueAt: ({ quietFrom }) => (quietFrom === null ? null : quietFrom + afterMs),
  }),

  monologue: ({ words }) => ({
    on: ["said"],
    holds: ({ lastSaid }) =>
      lastSaid && lastSaid.words > words
        ? { words: lastSaid.words, limit: words, utterance: lastSaid.utterance }
        : null,
  }),

  no_empathy: ({ utterances, acknowledgements }) => {
    const findAcknowledgement = phraseFinder(acknowledgements);
    return {
      // The verdict may come before the answer or after it.
      on: ["said", "verdict"],
      holds: ({ verdicts, lastSaid }) => {
        const last = verdicts.at(-1);
        const run = verdicts.slice(-utterances);
        if (!last || run.length < utterances || !run.every(isNegative)) return null;
        if (lastSaid?.utterance !== last.utterance || findAcknowledgement(lastSaid.text) !== null)
          return null;
        return { utterances: lastNumbers(verdicts, utterances), answer: lastSaid.text.slice(0, 200) };
      },
    };
  },

  recovered: ({ afterNegatives }) => ({
    on: ["verdict"],
    holds: ({ verdicts, negativesBefore }) => {
      const last = verdicts.at(-1);
      if (last?.sentiment !== "positive" || negativesBefore < afterNegatives) return null;
      return { utterance: last.utterance, negatives: negativesBefore };
    },
  }),
};

/** The rules that are switched on. Phrases are compiled here, so do it once for all calls. */
export function compileRules(config: CoachConfig): Rule[] {
  return [
    compile("frustration_threshold", config),
    compile("negative_sustained", config),
    compile("sentiment_drop", config),
    compile("human_request", config),
    compile("churn_or_legal", config),
    compile("interruptions", config),
    compile("slow_reply", config),
    compile("unanswered", config),
    compile("dead_air", config),
    compile("monologue", config),
    compile("no_empathy", config),
    compile("recovered", config),
  ].flat();
}

function compile<Id extends RuleId>(id: Id, config: CoachConfig): Rule[] {
  const settings = config[id];
  if (settings === null) return [];
  const { severity, message, cooldownMs, notify, whisper, escalate } = settings;
  const follows = { notify: notify ?? severity === "alert", whisper, escalate };
  const { on, holds, dueAt = NEVER } = CONDITIONS[id](settings);
  return [{ id, severity, message, cooldownMs, follows, on: new Set(on), holds, dueAt }];
}

function whenHeard(phrases: readonly string[]): Condition {
  const find = phraseFinder(phrases);
  return {
    on: ["heard"],
    holds: ({ lastHeard, utterances }) => {
      const phrase = find(lastHeard);
      return phrase === null ? null : { phrase, utterance: utterances };
    },
  };
}

function lastNumbers(verdicts: CallState["verdicts"], count: number): number[] {
  return verdicts.slice(-count).map(({ utterance }) => utterance);
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
