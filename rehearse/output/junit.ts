import { createRequire } from "node:module";
import type { Builder } from "junit-report-builder";
import type { Summary } from "./summary.ts";

// Its types promise a default export, which the module does not have.
const builder: Builder = createRequire(import.meta.url)("junit-report-builder");

/** A test case a run, for CI: failures are the agent's, errors the rehearsal's. */
export function toJunit(summaries: readonly Summary[]): string {
  const report = builder.newBuilder();
  for (const { id, variant, runs } of summaries) {
    const suite = report.testSuite().name(variant === "" ? id : `${id} (${variant})`);
    for (const { seed, file, outcome, reasons, durationMs } of runs) {
      const test = suite
        .testCase()
        .name(`seed ${seed}`)
        .className(id)
        .file(file)
        .time(durationMs / 1_000);
      const [first = ""] = reasons;
      if (outcome === "failed") test.failure(first).stacktrace(reasons.join("\n"));
      else if (outcome === "error") test.error(first).stacktrace(reasons.join("\n"));
      else if (outcome === "skipped") test.skipped();
    }
  }
  return report.build();
}
