import { readFileSync } from "node:fs";
import { mean } from "simple-statistics";
import { z } from "zod";
import { RehearsalError } from "../errors.ts";
import type { Summary } from "../output/summary.ts";
import type { RunResult } from "../run/result.ts";
import { percentile } from "./percentile.ts";

/** So much later than before is noise, whatever the share, ms. */
const NOISE_MS = 100;
/** So much later, on the average of a scenario's runs, is no later escalation. In the caller's turns. */
const NOISE_TURNS = 0.5;

const lineSchema = z.object({
  id: z.string(),
  outcome: z.enum(["passed", "failed", "error", "skipped"]),
  firstChunkMs: z.array(z.number()).readonly(),
  replyMs: z.array(z.number()).readonly(),
  escalatedAt: z.number().nullable(),
});
/** What of a run is compared. */
type Run = Pick<RunResult, "outcome" | "firstChunkMs" | "replyMs" | "escalatedAt">;
type Runs = readonly Run[];

/** The runs of each scenario that said anything. */
export type Baseline = ReadonlyMap<string, Runs>;

/** Reads the `--jsonl` of an earlier rehearsal. @throws {RehearsalError} that names the line. */
export function readBaseline(file: string): Baseline {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch {
    throw new RehearsalError(`${file}: there is no such baseline; write one with --jsonl ${file}`);
  }
  const runs = new Map<string, Run[]>();
  for (const [index, line] of text.split("\n").entries()) {
    if (line.trim() === "") continue;
    const parsed = lineSchema.safeParse(parseJson(line));
    if (!parsed.success) throw new RehearsalError(`${file}:${index + 1}: is not a line of --jsonl`);
    const { id, outcome } = parsed.data;
    if (outcome === "passed" || outcome === "failed") runs.set(id, [...(runs.get(id) ?? []), parsed.data]);
  }
  return runs;
}

/**
 * What got worse, a line each: scenarios that pass less often than they did, and new ones that do not pass; escalations
 * that come later, or in fewer than half of the runs where they came in more, and the other way round; and answers that begin later over all scenarios that both have.
 * @param tolerance how much later an answer may begin, percent of what it was.
 */
export function regressions(summaries: readonly Summary[], baseline: Baseline, tolerance: number): string[] {
  const pairs = summaries.flatMap(({ id, runs }) => {
    const now = runs.filter(({ outcome }) => outcome === "passed" || outcome === "failed");
    return now.length === 0 ? [] : [{ id, now, before: baseline.get(id) ?? [] }];
  });
  const both = pairs.filter(({ before }) => before.length > 0);
  return [
    ...pairs.flatMap(({ id, now, before }) => passesLess(id, now, before)),
    ...both.flatMap(({ id, now, before }) => escalatesOtherwise(id, now, before)),
    ...later("first chunk", both, ({ firstChunkMs }) => firstChunkMs, tolerance),
    ...later("reply", both, ({ replyMs }) => replyMs, tolerance),
  ];
}

function passesLess(id: string, now: Runs, before: Runs): string[] {
  const passes = (runs: Runs) => runs.filter(({ outcome }) => outcome === "passed").length;
  const [passed, passedBefore] = [passes(now), passes(before)];
  if (before.length === 0) {
    return passed < now.length ? [`${id} is new and passed ${passed} of ${now.length}`] : [];
  }
  if (passed / now.length >= passedBefore / before.length) return [];
  return [`${id} passed ${passed} of ${now.length}, before ${passedBefore} of ${before.length}`];
}

function escalatesOtherwise(id: string, now: Runs, before: Runs): string[] {
  const [at, atBefore] = [escalationsOf(now), escalationsOf(before)];
  const [usual, usualBefore] = [at.length * 2 > now.length, atBefore.length * 2 > before.length];
  if (usual !== usualBefore) {
    return [
      `${id} escalates in ${at.length} of ${now.length} runs, before in ${atBefore.length} of ${before.length}`,
    ];
  }
  if (!usual || mean(at) - mean(atBefore) <= NOISE_TURNS) return [];
  return [`${id} escalates at turn ${round(mean(at))}, before at ${round(mean(atBefore))}`];
}

function escalationsOf(runs: Runs): number[] {
  return runs.flatMap(({ escalatedAt }) => escalatedAt ?? []);
}

function round(turns: number): number {
  return Math.round(turns * 10) / 10;
}

function later(
  what: string,
  pairs: readonly { now: Runs; before: Runs }[],
  times: (run: Run) => readonly number[],
  tolerance: number,
): string[] {
  const now = percentile(
    pairs.flatMap((pair) => pair.now.flatMap(times)),
    0.95,
  );
  const before = percentile(
    pairs.flatMap((pair) => pair.before.flatMap(times)),
    0.95,
  );
  if (now === null || before === null) return [];
  const most = Math.max(before * (1 + tolerance / 100), before + NOISE_MS);
  return now > most ? [`${what} p95 ${now} ms, before ${before} ms (at most ${Math.round(most)} ms)`] : [];
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
