import { type Expression, sql } from "kysely";
import { z } from "zod";
import { FEEDBACK, type Feedback } from "../wire/log-events.ts";
import { countBy } from "./count-by.ts";
import { groupBy } from "./group-by.ts";
import type { CallRecord } from "./record.ts";
import type { Report } from "./report.ts";
import { replyTimes } from "./report-quality.ts";
import type { Db } from "./store/schema.ts";
import { offsetOf, ZoneDays } from "./time-zone.ts";

/*
 * Figures across calls. Every ended call adds a few whole numbers to the hour it started in, so that a question about
 * thirty days reads thirty days of hours and not a hundred thousand calls. Sums are of whole numbers (scores in
 * hundredths), which makes them the same in every database and in every order.
 */

const HOUR_MS = 3_600_000;
export const BUCKETS = { hour: HOUR_MS, day: 24 * HOUR_MS } as const;
export type Bucket = keyof typeof BUCKETS;

/** Reply times are counted in classes, each a fifth wider than the one before: a percentile is right within 10 %. */
const CLASS_RATIO = 1.2;
const SCORE_UNIT = 100;

/** What one call adds to its hour. */
export type Tally = {
  /** Epoch, ms, of the hour's beginning. */
  hour: number;
  counts: { measure: Measure; key: string; n: number; total: number }[];
};

/**
 * `call`, `escalated`: n calls. `score`: n calls with a score, total in hundredths. `verdict`: n counted verdicts,
 * total of them negative. `reply`: n replies of the class `key`. `alert`: n alerts of the rule `key`. `transfer`: n
 * transfers of the outcome `key`. `answered`: n transfers that were, total of the ms that they took. `input`, `output`:
 * n requests to the model `key`, total tokens.
 * `helpful`, `not_helpful`, `dismissed`: n alerts of the rule `key` of which a person said so.
 */
const MEASURES = [
  "call",
  "escalated",
  "score",
  "verdict",
  "reply",
  "alert",
  "transfer",
  "answered",
  ...FEEDBACK,
  "input",
  "output",
] as const;
type Measure = (typeof MEASURES)[number];

const tallySchema = z.object({
  hour: z.number(),
  counts: z.array(z.object({ measure: z.enum(MEASURES), key: z.string(), n: z.number(), total: z.number() })),
});

export type QualityFigures = {
  calls: number;
  escalated: number;
  /** Escalated calls by all, 0…1; null without a call. */
  escalationRate: number | null;
  /** Mean of the calls' scores, −5…5; null without one. */
  score: number | null;
  /** Negative and frustrated turns by all counted ones, 0…1; null without one. */
  negativeShare: number | null;
  /** Percentiles over all replies, ms, right within 10 %; null without one. */
  replyP50Ms: number | null;
  replyP95Ms: number | null;
  /** Alerts by rule. */
  alerts: Record<string, number>;
  /** Transfers by outcome. */
  transfers: Record<string, number>;
  /** Mean time from the request to the answer of those that were answered, ms; null without one. */
  transferAnsweredMs: number | null;
  /** What people beside the calls thought of them, by rule. */
  feedback: Record<string, Readonly<Record<Feedback, number>>>;
};

export type QualityBucket = QualityFigures & {
  /** Epoch, ms. */
  start: number;
};

export type Quality = {
  from: number;
  to: number;
  bucket: Bucket;
  totals: QualityFigures;
  /** By model, the most tokens first. */
  usage: { model: string; requests: number; inputTokens: number; outputTokens: number }[];
  buckets: QualityBucket[];
};

/** What a call that has ended adds to the figures. */
export function tallyCall(call: CallRecord, report: Report): Tally {
  const { sentiment, escalation, alertsByRule } = report;
  const counted = sentiment.scores.filter((entry) => entry.counted);
  const counts: Tally["counts"] = [{ measure: "call", key: "", n: 1, total: 0 }];
  if (escalation.triggered) counts.push({ measure: "escalated", key: "", n: 1, total: 0 });
  if (sentiment.score !== null) {
    counts.push({ measure: "score", key: "", n: 1, total: Math.round(sentiment.score * SCORE_UNIT) });
    const negative = counted.filter(({ score }) => score < 0).length;
    counts.push({ measure: "verdict", key: "", n: counted.length, total: negative });
  }
  const classes = new Map<number, number>();
  for (const ms of replyTimes(call.turns)) classes.set(classOf(ms), (classes.get(classOf(ms)) ?? 0) + 1);
  for (const [key, n] of classes) counts.push({ measure: "reply", key: String(key), n, total: 0 });
  for (const feedback of FEEDBACK) {
    const rules = call.feedback.filter((each) => each.feedback === feedback).map(({ rule }) => rule);
    for (const [key, n] of Object.entries(countBy(rules)))
      counts.push({ measure: feedback, key, n, total: 0 });
  }
  for (const [key, n] of Object.entries(alertsByRule)) counts.push({ measure: "alert", key, n, total: 0 });
  for (const [key, n] of Object.entries(countBy(call.transfers.map(({ outcome }) => outcome)))) {
    counts.push({ measure: "transfer", key, n, total: 0 });
  }
  const answered = call.transfers.flatMap(({ outcome, tookMs }) =>
    outcome === "answered" && tookMs !== null ? [tookMs] : [],
  );
  if (answered.length > 0) {
    const total = answered.reduce((sum, ms) => sum + ms, 0);
    counts.push({ measure: "answered", key: "", n: answered.length, total });
  }
  for (const { model: key, requests: n, inputTokens, outputTokens } of call.usage) {
    counts.push({ measure: "input", key, n, total: inputTokens ?? 0 });
    counts.push({ measure: "output", key, n, total: outputTokens ?? 0 });
  }
  return { hour: call.startedAt - (call.startedAt % HOUR_MS), counts };
}

/** Adds a tally to its hour, or takes it back with `sign` −1. */
export async function addTally(db: Db, tally: Tally, sign: 1 | -1): Promise<void> {
  await db
    .insertInto("quality")
    .values(
      // In one order for everybody: two servers that add to the same hour must not wait for each other.
      tally.counts
        .map(({ measure, key, n, total }) => ({
          hour: tally.hour,
          measure,
          key,
          n: sign * n,
          total: sign * total,
        }))
        .sort((a, b) => (`${a.measure} ${a.key}` < `${b.measure} ${b.key}` ? -1 : 1)),
    )
    .onConflict((conflict) =>
      conflict.columns(["hour", "measure", "key"]).doUpdateSet({
        n: sql<number>`quality.n + excluded.n`,
        total: sql<number>`quality.total + excluded.total`,
      }),
    )
    .execute();
}

export function parseTally(json: string): Tally {
  return tallySchema.parse(JSON.parse(json));
}

/**
 * Reads the figures of `from`…`to`, epoch ms, widened to whole buckets. Every bucket in between is in the answer.
 * @param timeZone whose days are meant. Where they begin within an hour, that hour counts in the day before.
 */
export async function readQuality(
  db: Db,
  from: number,
  to: number,
  bucket: Bucket,
  timeZone = "UTC",
): Promise<Quality> {
  const calendar = bucket === "day" ? new ZoneDays(timeZone, from, to) : HOURS;
  const first = calendar.dayOf(from);
  const last = calendar.dayOf(to - 1);
  const width = BUCKETS[bucket];
  const days = Array.from(
    { length: to > from ? (last - first) / width + 1 : 0 },
    (_, index) => first + index * width,
  );
  const begin = calendar.beginOf(first);
  const end = days.length > 0 ? calendar.beginOf(last + width) : begin;
  const whole = (sum: Expression<unknown>) => sql<number>`cast(${sum} as bigint)`;
  const local = sql<number>`(hour + ${offsetOf("hour", calendar.offsets)})`;
  const rows = await db
    .selectFrom("quality")
    .select(({ fn }) => [
      sql<number>`${local} - ${local} % ${sql.lit(width)}`.as("day"),
      "measure",
      "key",
      // PostgreSQL sums 64-bit integers to a decimal.
      whole(fn.sum("n")).as("n"),
      whole(fn.sum("total")).as("total"),
    ])
    .where("hour", ">=", begin)
    .where("hour", "<", end)
    .groupBy(["day", "measure", "key"])
    .execute();
  const byDay = groupBy(rows, ({ day }) => day);
  return {
    from: begin,
    to: end,
    bucket,
    totals: figures(rows),
    usage: usageOf(rows),
    buckets: days.map((day) => ({ start: calendar.beginOf(day), ...figures(byDay.get(day) ?? []) })),
  };
}

/** Hours are the same in UTC and everywhere else. */
const HOURS: Pick<ZoneDays, "dayOf" | "beginOf" | "offsets"> = {
  dayOf: (at) => at - (at % HOUR_MS),
  beginOf: (hour) => hour,
  offsets: [{ since: 0, offsetMs: 0 }],
};

type Count = { measure: string; key: string; n: number; total: number };

function figures(rows: readonly Count[]): QualityFigures {
  const of = (measure: Measure) => rows.filter((row) => row.measure === measure && row.n > 0);
  const sum = (measure: Measure) =>
    of(measure).reduce((so, { n, total }) => ({ n: so.n + n, total: so.total + total }), { n: 0, total: 0 });
  const calls = sum("call").n;
  const escalated = sum("escalated").n;
  const score = sum("score");
  const verdicts = sum("verdict");
  const replies = new Map<number, number>();
  for (const { key, n } of of("reply")) replies.set(Number(key), (replies.get(Number(key)) ?? 0) + n);
  const byKey = (measure: Measure) => {
    const counts = new Map<string, number>();
    for (const { key, n } of of(measure)) counts.set(key, (counts.get(key) ?? 0) + n);
    return Object.fromEntries([...counts].sort(([a], [b]) => (a < b ? -1 : 1)));
  };
  const answered = sum("answered");
  return {
    calls,
    escalated,
    escalationRate: ratio(escalated, calls, 4),
    score: ratio(score.total / SCORE_UNIT, score.n, 2),
    negativeShare: ratio(verdicts.total, verdicts.n, 4),
    replyP50Ms: percentile(replies, 0.5),
    replyP95Ms: percentile(replies, 0.95),
    alerts: byKey("alert"),
    transfers: byKey("transfer"),
    transferAnsweredMs: answered.n === 0 ? null : Math.round(answered.total / answered.n),
    feedback: feedbackByRule(rows),
  };
}

function feedbackByRule(rows: readonly Count[]): QualityFigures["feedback"] {
  const byRule: Record<string, Record<Feedback, number>> = {};
  for (const feedback of FEEDBACK) {
    for (const { measure, key, n } of rows) {
      if (measure !== feedback || n <= 0) continue;
      byRule[key] ??= { helpful: 0, not_helpful: 0, dismissed: 0 };
      byRule[key][feedback] += n;
    }
  }
  return byRule;
}

function usageOf(rows: readonly Count[]): Quality["usage"] {
  const byModel = new Map<string, Quality["usage"][number]>();
  for (const { measure, key: model, n, total } of rows) {
    if (measure !== "input" && measure !== "output") continue;
    const so = byModel.get(model) ?? { model, requests: 0, inputTokens: 0, outputTokens: 0 };
    if (measure === "input")
      byModel.set(model, { ...so, requests: so.requests + n, inputTokens: so.inputTokens + total });
    else byModel.set(model, { ...so, outputTokens: so.outputTokens + total });
  }
  return [...byModel.values()]
    .filter(({ requests }) => requests > 0)
    .sort((a, b) => b.inputTokens + b.outputTokens - a.inputTokens - a.outputTokens);
}

/** The class of a reply time: class c holds what is above 1.2^(c−1) and up to 1.2^c ms. */
function classOf(ms: number): number {
  return ms <= 1 ? 0 : Math.ceil(Math.log(ms) / Math.log(CLASS_RATIO));
}

/** Nearest rank; the middle of the class it falls into, ms. */
function percentile(classes: ReadonlyMap<number, number>, rank: number): number | null {
  const all = [...classes.values()].reduce((sum, n) => sum + n, 0);
  let before = 0;
  for (const [key, n] of [...classes].sort(([a], [b]) => a - b)) {
    before += n;
    if (before >= rank * all) return key === 0 ? 1 : Math.round(CLASS_RATIO ** (key - 0.5));
  }
  return null;
}

function ratio(part: number, all: number, digits: number): number | null {
  if (all === 0) return null;
  const value = Number((part / all).toFixed(digits));
  return value === 0 ? 0 : value;
}
