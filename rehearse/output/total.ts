import type { RunResult } from "../run/result.ts";

/** With fewer turns, the processor time is that of the start. */
const ENOUGH_TURNS = 100;

export type Took = { readonly seconds: number; readonly cpuMsPerTurn: number | null };

/** The time it all took, and the processor time of this process: its mock model included, its servers not. */
export function tookOf(begun: { at: number; cpu: NodeJS.CpuUsage }, results: readonly RunResult[]): Took {
  const { user, system } = process.cpuUsage(begun.cpu);
  const turns = results.reduce((sum, result) => sum + result.turns, 0);
  return {
    seconds: (performance.now() - begun.at) / 1_000,
    cpuMsPerTurn: turns < ENOUGH_TURNS ? null : (user + system) / 1_000 / turns,
  };
}

/** The last line: how many calls there were, how they went, and what they took. */
export function sumUp(results: readonly RunResult[], { seconds, cpuMsPerTurn }: Took): string {
  const count = (outcome: RunResult["outcome"]) => results.filter((each) => each.outcome === outcome).length;
  const parts = [
    `${count("passed")} passed`,
    ...(["failed", "error", "skipped"] as const).flatMap((each) =>
      count(each) > 0 ? [`${count(each)} ${each}`] : [],
    ),
  ];
  const skipped = results.reduce((sum, { skippedChecks }) => sum + skippedChecks, 0);
  const unjudged = skipped > 0 ? `; ${skipped} checks skipped: nobody to judge them (--judge MODEL)` : "";
  const cpu = cpuMsPerTurn === null ? "" : `, ${cpuMsPerTurn.toFixed(1)} ms of this process's CPU a turn`;
  return `${results.length} call${results.length === 1 ? "" : "s"}: ${parts.join(", ")}${unjudged} (${seconds.toFixed(1)} s${cpu})`;
}
