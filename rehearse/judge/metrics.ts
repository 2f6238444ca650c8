import { isSubset, textOf } from "../check/match.ts";
import type { RunResult } from "../run/result.ts";
import type { Metric } from "../scenario/schema.ts";

export type Measured = { name: string; value: number; passed: boolean | null; why: string };

/** The metrics that need no judge. Units are Pipecat's: latency and duration in seconds. */
export function measureMetrics(metrics: readonly Metric[], result: RunResult): Measured[] {
  return metrics.flatMap((metric) => {
    if ("criterion" in metric) return [];
    const name = metric.name ?? metric.measure;
    if (metric.measure === "function_calls") return [measureCalls(name, metric.calls, result)];
    const value = measured(metric.measure, result);
    const { min_value: min, max_value: max } = metric;
    const bounded = min !== undefined || max !== undefined;
    const passed = bounded ? value >= (min ?? value) && value <= (max ?? value) : null;
    const range = `${min ?? "…"} to ${max ?? "…"}`;
    return [{ name, value, passed, why: `${name} is ${Number(value.toFixed(3))}, asked for was ${range}` }];
  });
}

function measured(measure: "turns" | "duration" | "words" | "latency", result: RunResult): number {
  switch (measure) {
    case "turns":
      return result.turns;
    case "duration":
      return result.durationMs / 1_000;
    case "words":
      return Math.max(
        0,
        ...replies(result).map((text) => text.split(/\s+/).filter((word) => word !== "").length),
      );
    case "latency":
      return Math.max(0, ...result.firstChunkMs) / 1_000;
  }
}

function measureCalls(
  name: string,
  wanted: readonly { name: string; args: object }[],
  { events }: RunResult,
): Measured {
  const made = events.filter(({ event }) => event === "function_call").map(({ fields }) => fields);
  const missing = wanted.filter(
    (call) => !made.some((fields) => fields.name === call.name && isSubset(call.args, fields.args)),
  );
  const extra = made.filter((fields) => !wanted.some((call) => call.name === fields.name));
  const why = [
    ...missing.map((call) => `${call.name} was not called`),
    ...extra.map((fields) => `${String(fields.name)} was called`),
  ].join(", ");
  return { name, value: made.length, passed: why === "", why: `${name}: ${why}` };
}

function replies({ events }: RunResult): string[] {
  return events.filter(({ event }) => event === "response").map(textOf);
}
