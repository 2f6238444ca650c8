import { type Expression, type RawBuilder, sql } from "kysely";
import type { Db } from "./store/schema.ts";
import { offsetOf, ZoneDays } from "./time-zone.ts";

/** What calls can be compared by. A weekday is 0 (Monday) … 6 (Sunday). */
export const COMPARISONS = ["agent", "agent_version", "model", "conversation_type", "weekday"] as const;
export type Comparison = (typeof COMPARISONS)[number];

/** More groups than this are no comparison. */
const MAX_GROUPS = 50;
const DAY_MS = 24 * 3_600_000;
/** 1 January 1970 was a Thursday. */
const FIRST_WEEKDAY = 3;

/**
 * Figures of the ended calls that have something in common. Means are over calls, but that of `negativeShare` over their
 * utterances, as in the totals; null where none has the figure.
 */
export type Group = {
  /** Null where the calls do not say. */
  key: string | null;
  calls: number;
  escalated: number;
  escalationRate: number;
  score: number | null;
  negativeShare: number | null;
  durationMs: number | null;
  /** Of the calls' median reply times. */
  replyP50Ms: number | null;
  alertsPerCall: number;
};

/** Compares the ended calls that began in `from`…`to`, epoch ms; the largest groups first, weekdays in their order. */
export async function compareCalls(
  db: Db,
  span: { from: number; to: number; timeZone: string },
  by: Comparison,
): Promise<Group[]> {
  const key: RawBuilder<string | number | null> =
    by === "weekday" ? weekday(span) : sql<string | null>`${sql.ref(by)}`;
  const mean = (column: string) => sql<number | null>`avg(cast(${sql.ref(column)} as double precision))`;
  const rows = await db
    .selectFrom("calls")
    .select(({ fn }) => [
      key.as("key"),
      fn.countAll<number>().as("calls"),
      sql<number>`cast(sum(escalated) as bigint)`.as("escalated"),
      mean("score").as("score"),
      sql<
        number | null
      >`sum(negative_share * user_turns) / nullif(sum(case when negative_share is null then 0 else user_turns end), 0)`.as(
        "negative_share",
      ),
      mean("duration_ms").as("duration_ms"),
      mean("reply_p50_ms").as("reply_p50_ms"),
      mean("alerts").as("alerts"),
    ])
    .where("started_at", ">=", span.from)
    .where("started_at", "<", span.to)
    .where("ended_at", "is not", null)
    .groupBy(sql`1`)
    .orderBy(by === "weekday" ? sql`1` : sql`2 desc`)
    .limit(MAX_GROUPS)
    .execute();
  return rows.map((row) => ({
    key: row.key === null ? null : String(row.key),
    calls: row.calls,
    escalated: row.escalated,
    escalationRate: Number((row.escalated / row.calls).toFixed(4)),
    score: rounded(row.score, 2),
    negativeShare: rounded(row.negative_share, 4),
    durationMs: rounded(row.duration_ms, 0),
    replyP50Ms: rounded(row.reply_p50_ms, 0),
    alertsPerCall: rounded(row.alerts, 2) ?? 0,
  }));
}

function weekday({ from, to, timeZone }: { from: number; to: number; timeZone: string }) {
  const offset: Expression<number> = offsetOf("started_at", new ZoneDays(timeZone, from, to).offsets);
  const days = sql`(started_at + ${offset} - (started_at + ${offset}) % ${sql.lit(DAY_MS)}) / ${sql.lit(DAY_MS)}`;
  return sql<number>`(${days} + ${sql.lit(FIRST_WEEKDAY)}) % 7`;
}

function rounded(value: number | null, digits: number): number | null {
  if (value === null) return null;
  const short = Number(value.toFixed(digits));
  return short === 0 ? 0 : short;
}
