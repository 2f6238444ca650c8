import type { Summary } from "../output/summary.ts";
import type { RunResult } from "../run/result.ts";
import { passK } from "./pass-k.ts";
import { percentile } from "./percentile.ts";
import { costOf, type Prices } from "./prices.ts";

/** With fewer of the caller's turns, the rehearsal's own time is that of code that has never run before. */
const ENOUGH_TURNS = 20;

/** Figures over all runs of one agent. Times are ms. */
export type Figures = {
  readonly passK: readonly { k: number; value: number }[];
  readonly firstChunk: Spread;
  readonly reply: Spread;
  readonly interruptToSilence: Spread;
  readonly backchannels: number;
  readonly backchannelCuts: number;
  /** The caller's turn of the escalation minus the one where it should have come, for each that came. */
  readonly escalationDelays: readonly number[];
  readonly missedEscalations: number;
  /** Escalations where none should have come. */
  readonly falseEscalations: number;
  /** Calls in which none should come. */
  readonly calmCalls: number;
  readonly tools: Readonly<Record<string, number>>;
  readonly tokens: { input: number; output: number } | null;
  /** In the currency of the price table; null without one. */
  readonly cost: number | null;
  /** The rehearsal's own time for a turn of the caller; null where there were too few to tell. */
  readonly ownMsPerTurn: number | null;
};

export type Spread = { readonly p50: number | null; readonly p95: number | null };

export function figuresOf(summaries: readonly Summary[], prices: Prices | null): Figures {
  const held = summaries
    .flatMap(({ runs }) => runs)
    .filter(({ outcome }) => outcome === "passed" || outcome === "failed");
  const counted = summaries.filter((summary) => summary.held > 0);
  const most = Math.min(...counted.map((summary) => summary.held));
  const calm = held.filter(({ escalatesAt }) => escalatesAt === "never");
  const due = held.filter(({ escalatesAt }) => typeof escalatesAt === "number");
  const usage = held.flatMap((each) => each.usage);
  const turns = sum(held.map((each) => each.turns));
  return {
    passK: Array.from({ length: counted.length === 0 ? 0 : Math.min(most, 8) }, (_, at) => ({
      k: at + 1,
      value: passK(counted, at + 1) ?? 0,
    })),
    firstChunk: spreadOf(held, ({ firstChunkMs }) => firstChunkMs),
    reply: spreadOf(held, ({ replyMs }) => replyMs),
    interruptToSilence: spreadOf(held, ({ silenceMs }) => silenceMs),
    backchannels: sum(held.map((each) => each.backchannels)),
    backchannelCuts: sum(held.map((each) => each.backchannelCuts)),
    escalationDelays: due.flatMap(({ escalatedAt, escalatesAt }) =>
      escalatedAt === null || typeof escalatesAt !== "number" ? [] : [escalatedAt - escalatesAt],
    ),
    missedEscalations: due.filter(({ escalatedAt }) => escalatedAt === null).length,
    falseEscalations: calm.filter(({ escalatedAt }) => escalatedAt !== null).length,
    calmCalls: calm.length,
    tools: countOf(held.flatMap((each) => each.tools)),
    tokens:
      usage.length === 0
        ? null
        : {
            input: sum(usage.map(({ inputTokens }) => inputTokens)),
            output: sum(usage.map(({ outputTokens }) => outputTokens)),
          },
    cost: prices && costOf(usage, prices),
    ownMsPerTurn: turns < ENOUGH_TURNS ? null : sum(held.map(({ ownMs }) => ownMs)) / turns,
  };
}

function spreadOf(runs: readonly RunResult[], values: (run: RunResult) => readonly number[]): Spread {
  const all = runs.flatMap(values);
  return { p50: percentile(all, 0.5), p95: percentile(all, 0.95) };
}

function countOf(names: readonly string[]): Record<string, number> {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return Object.fromEntries([...counts].sort(([, a], [, b]) => b - a));
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
