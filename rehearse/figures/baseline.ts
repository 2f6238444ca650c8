import { readFileSync } from "node:fs";
import { z } from "zod";
import { RehearsalError } from "../errors.ts";
import type { Summary } from "../output/summary.ts";

const lineSchema = z.object({
  id: z.string(),
  outcome: z.enum(["passed", "failed", "error", "skipped"]),
});

/** How often each scenario passed, of the runs that said anything. */
export type Baseline = ReadonlyMap<string, { passed: number; held: number }>;

/** Reads the `--jsonl` of an earlier rehearsal. @throws {RehearsalError} that names the line. */
export function readBaseline(file: string): Baseline {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch {
    throw new RehearsalError(`${file}: there is no such baseline; write one with --jsonl ${file}`);
  }
  const counts = new Map<string, { passed: number; held: number }>();
  for (const [index, line] of text.split("\n").entries()) {
    if (line.trim() === "") continue;
    const parsed = lineSchema.safeParse(parseJson(line));
    if (!parsed.success) throw new RehearsalError(`${file}:${index + 1}: is no line of --jsonl`);
    const { id, outcome } = parsed.data;
    if (outcome !== "passed" && outcome !== "failed") continue;
    const { passed, held } = counts.get(id) ?? { passed: 0, held: 0 };
    counts.set(id, { passed: passed + (outcome === "passed" ? 1 : 0), held: held + 1 });
  }
  return counts;
}

/** Scenarios that pass less often than they did, and new ones that do not pass. */
export function regressions(summaries: readonly Summary[], baseline: Baseline): string[] {
  return summaries.flatMap(({ id, passed, held }) => {
    if (held === 0) return [];
    const before = baseline.get(id);
    if (!before) return passed < held ? [`${id} is new and passed ${passed} of ${held}`] : [];
    if (passed / held >= before.passed / before.held) return [];
    return [`${id} passed ${passed} of ${held}, before ${before.passed} of ${before.held}`];
  });
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
