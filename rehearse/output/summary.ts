import { percentile } from "../figures/percentile.ts";
import type { RunResult } from "../run/result.ts";

/** All runs of one scenario with one agent. */
export type Summary = {
  readonly id: string;
  readonly variant: string;
  readonly runs: readonly RunResult[];
  readonly passed: number;
  /** Runs that say something of the agent. */
  readonly held: number;
  /** The commonest reason of those that did not pass; null when all did. */
  readonly why: string | null;
  readonly firstChunkP95: number | null;
  /** The caller's turns at which an escalation came, each once; null for none. */
  readonly escalatedAt: readonly (number | null)[];
};

/** Scenario by scenario, in the order of the results. */
export function summarize(results: readonly RunResult[]): Summary[] {
  const groups = new Map<string, RunResult[]>();
  for (const result of results) {
    const key = JSON.stringify([result.id, result.variant]);
    groups.set(key, [...(groups.get(key) ?? []), result]);
  }
  return [...groups.values()].flatMap((runs) => {
    const [first] = runs;
    if (!first) return [];
    const held = runs.filter(({ outcome }) => outcome === "passed" || outcome === "failed");
    return {
      id: first.id,
      variant: first.variant,
      runs,
      passed: runs.filter(({ outcome }) => outcome === "passed").length,
      held: held.length,
      why: commonest(runs),
      firstChunkP95: percentile(
        held.flatMap(({ firstChunkMs }) => firstChunkMs),
        0.95,
      ),
      escalatedAt: [...new Set(held.map(({ escalatedAt }) => escalatedAt))],
    };
  });
}

function commonest(runs: readonly RunResult[]): string | null {
  const reasons = runs.flatMap(({ outcome, reasons: [reason = outcome] }) => {
    if (outcome === "passed") return [];
    return [outcome === "failed" ? reason : `${outcome}: ${reason}`];
  });
  const counts = new Map<string, number>();
  for (const reason of reasons) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  return [...counts].sort(([, a], [, b]) => b - a)[0]?.[0] ?? null;
}
