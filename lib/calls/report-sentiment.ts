import type { Sentiment, VerdictSource } from "../wire/log-events.ts";
import type { TurnRecord } from "./record.ts";

/*
 * The sentiment part of a call's report, after the convention of contact centres (Amazon Connect Contact Lens):
 * scores of −5…5, an overall score, and scores of the four quarters of the call.
 */

export const LABELS = ["positive", "neutral", "negative", "none"] as const;
export type Label = (typeof LABELS)[number];
export type Trend = "UP" | "DOWN" | "FLAT";

/** A shift of at most this much is no trend. */
const DEAD_BAND = 0.5;
/** The worst stretch is looked for in so many turns in a row. */
const STRETCH = 3;
const QUARTERS = 4;

/** One classified turn of the caller. */
export type Score = {
  /** Number of the turn in the call. */
  turn: number;
  offsetMs: number;
  /** −5…5 */
  score: number;
  verdict: Sentiment;
  /** Probability that the caller is upset, 0…1, and what counted; null in calls recorded before there were any. */
  upset: number | null;
  cause: string | null;
  source: VerdictSource;
  /** False for a fallback verdict where the model gave any: it is shown and left out of every figure. */
  counted: boolean;
};

export type Period = {
  beginMs: number;
  endMs: number;
  /** −5…5; null without a counted verdict. */
  score: number | null;
  /** Counted verdicts in it. */
  turns: number;
};

export type SentimentReport = {
  /** Mean of the counted verdicts, −5…5; null without one. */
  score: number | null;
  label: Label;
  source: VerdictSource | "none";
  modelVerdicts: number;
  fallbackVerdicts: number;
  scores: Score[];
  /** With fewer than four turns of the caller a quarter says nothing, so there is one period a turn. */
  periods: { by: "quarter" | "turn"; values: Period[] };
  /** Last period with a score minus first, −10…10; null without a score. */
  shift: number | null;
  trend: Trend | null;
  /** Lowest mean of three turns in a row; null with fewer. */
  lowest: { score: number; firstTurn: number; lastTurn: number } | null;
  longestNegativeRun: number;
  /** Negative and frustrated turns by all counted ones, 0…1; null without one. */
  negativeShare: number | null;
  frustratedShare: number | null;
  /** The first of two non-negative turns in a row after the (last) lowest one; null if there was no low or no recovery. */
  recovered: { turn: number; offsetMs: number } | null;
  /** Highest frustration count on the way, as the escalation rule counts: every verdict, none left out. */
  peakFrustration: number;
  /**
   * The highest the risk of the call got: a sum to which each counted verdict adds how upset it is (0…1) and that fades
   * with calm ones. Null without a counted verdict.
   */
  risk: number | null;
};

export function reportSentiment(turns: readonly TurnRecord[]): SentimentReport {
  const scores = readScores(turns);
  const counted = scores.filter((entry) => entry.counted);
  const score = mean(counted.map((entry) => entry.score));
  const periods = reportPeriods(turns, counted);
  const shift = findShift(periods.values);
  return {
    score: round(score, 2),
    label: label(score),
    source: counted[0]?.source ?? "none",
    modelVerdicts: scores.filter(({ source }) => source === "model").length,
    fallbackVerdicts: scores.filter(({ source }) => source === "fallback").length,
    scores,
    periods: {
      by: periods.by,
      values: periods.values.map((period) => ({ ...period, score: round(period.score, 2) })),
    },
    shift: round(shift, 2),
    trend: trend(shift),
    lowest: findLowest(counted),
    longestNegativeRun: longestRun(counted, (entry) => entry.score < 0),
    negativeShare: share(counted, (entry) => entry.score < 0),
    frustratedShare: share(counted, (entry) => entry.verdict === "frustrated"),
    recovered: findRecovery(counted),
    peakFrustration: findPeak(scores),
    risk: findRisk(counted),
  };
}

/** Positive above 1, negative below −1. */
export function label(score: number | null): Label {
  if (score === null) return "none";
  if (score > 1) return "positive";
  return score < -1 ? "negative" : "neutral";
}

function readScores(turns: readonly TurnRecord[]): Score[] {
  const anyModel = turns.some(({ source }) => source === "model");
  return turns.flatMap(({ number, offsetMs, score, verdict, upset, cause, source }) => {
    if (score === null || verdict === null || source === null) return [];
    const counted = source === "model" || !anyModel;
    return [{ turn: number, offsetMs, score, verdict, upset, cause, source, counted }];
  });
}

function reportPeriods(turns: readonly TurnRecord[], counted: readonly Score[]): SentimentReport["periods"] {
  const users = turns.filter(({ role }) => role === "user");
  const [first] = turns;
  const last = turns.at(-1);
  if (!first || !last || users.length === 0) return { by: "turn", values: [] };
  if (users.length < QUARTERS) {
    const values = users.map(({ number, offsetMs }, index): Period => {
      const own = counted.filter(({ turn }) => turn === number);
      const endMs = users[index + 1]?.offsetMs ?? last.offsetMs;
      return { beginMs: offsetMs, endMs, score: mean(own.map(({ score }) => score)), turns: own.length };
    });
    return { by: "turn", values };
  }
  const length = (last.offsetMs - first.offsetMs) / QUARTERS;
  const values = Array.from({ length: QUARTERS }, (_, index): Period => {
    const beginMs = first.offsetMs + index * length;
    const endMs = beginMs + length;
    const isLast = index === QUARTERS - 1;
    const own = counted.filter(
      ({ offsetMs }) => offsetMs >= beginMs && (offsetMs < endMs || (isLast && offsetMs >= endMs)),
    );
    return {
      beginMs: Math.round(beginMs),
      endMs: Math.round(endMs),
      score: mean(own.map(({ score }) => score)),
      turns: own.length,
    };
  });
  return { by: "quarter", values };
}

function findShift(periods: readonly Period[]): number | null {
  const scored = periods.flatMap(({ score }) => (score === null ? [] : [score]));
  const [first] = scored;
  const last = scored.at(-1);
  return first === undefined || last === undefined ? null : last - first;
}

function trend(shift: number | null): Trend | null {
  if (shift === null) return null;
  if (Math.abs(shift) <= DEAD_BAND) return "FLAT";
  return shift > 0 ? "UP" : "DOWN";
}

function findLowest(counted: readonly Score[]): SentimentReport["lowest"] {
  let lowest: SentimentReport["lowest"] = null;
  for (let end = STRETCH; end <= counted.length; end += 1) {
    const stretch = counted.slice(end - STRETCH, end);
    const score = round(mean(stretch.map((entry) => entry.score)), 2);
    const first = stretch[0];
    const last = stretch.at(-1);
    if (score === null || !first || !last) continue;
    if (!lowest || score < lowest.score) lowest = { score, firstTurn: first.turn, lastTurn: last.turn };
  }
  return lowest;
}

function findRecovery(counted: readonly Score[]): SentimentReport["recovered"] {
  const low = Math.min(...counted.map(({ score }) => score));
  if (!(low < 0)) return null;
  const after = counted.slice(counted.findLastIndex(({ score }) => score === low) + 1);
  const first = after.find(({ score }, index) => score >= 0 && (after[index + 1]?.score ?? -1) >= 0);
  return first ? { turn: first.turn, offsetMs: first.offsetMs } : null;
}

function findPeak(scores: readonly Score[]): number {
  let count = 0;
  let peak = 0;
  for (const { score } of scores) {
    if (score < 0) count += 1;
    else if (score > 0) count = Math.max(0, count - 1);
    peak = Math.max(peak, count);
  }
  return peak;
}

/** What is left of the risk after a verdict that is not upset at all; after one that is entirely, all is left. */
const CALM_KEEPS = 0.6;

function findRisk(counted: readonly Score[]): number | null {
  if (counted.length === 0) return null;
  let level = 0;
  let peak = 0;
  for (const { score } of counted) {
    const upset = Math.max(0, -score / 5);
    level = level * (CALM_KEEPS + (1 - CALM_KEEPS) * upset) + upset;
    peak = Math.max(peak, level);
  }
  return round(peak, 2);
}

function longestRun<T>(entries: readonly T[], test: (entry: T) => boolean): number {
  let run = 0;
  let longest = 0;
  for (const entry of entries) {
    run = test(entry) ? run + 1 : 0;
    longest = Math.max(longest, run);
  }
  return longest;
}

function share<T>(entries: readonly T[], test: (entry: T) => boolean): number | null {
  return entries.length === 0 ? null : round(entries.filter(test).length / entries.length, 4);
}

function mean(values: readonly number[]): number | null {
  return values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length;
}

function round(value: number, digits: number): number;
function round(value: number | null, digits: number): number | null;
function round(value: number | null, digits: number): number | null {
  if (value === null) return null;
  const rounded = Number(value.toFixed(digits));
  // No reader should meet a "-0".
  return rounded === 0 ? 0 : rounded;
}
