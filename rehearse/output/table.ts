import type { Summary } from "./summary.ts";

/** Characters a reason may take in the table; the whole of it stands below. */
const MAX_REASON = 90;

/** The table a person reads: a line a scenario, and below it why runs did not pass. */
export function renderTable(summaries: readonly Summary[]): string {
  const compared = new Set(summaries.map(({ variant }) => variant)).size > 1;
  const rows = summaries.map((summary) => [
    markOf(summary),
    summary.id,
    ...(compared ? [summary.variant] : []),
    `${summary.passed}/${summary.held}`,
    summary.firstChunkP95 === null ? "" : `${summary.firstChunkP95} ms`,
    summary.escalatedAt.map((turn) => turn ?? "–").join(", "),
    summary.why === null ? "" : cut(summary.why),
  ]);
  const header = [
    "",
    "scenario",
    ...(compared ? ["agent"] : []),
    "runs",
    "first chunk p95",
    "escalated at",
    "",
  ];
  return columns([header, ...rows]);
}

/** Every reason in full, for what the table had no room for; runs with the same reasons stand together. */
export function renderReasons(summaries: readonly Summary[]): string {
  return summaries
    .flatMap(({ id, variant, runs }) => {
      const seeds = new Map<string, number[]>();
      for (const { outcome, reasons, seed } of runs) {
        if (outcome === "passed" || outcome === "skipped") continue;
        const why = reasons.map((reason) => `  ${reason}`).join("\n");
        seeds.set(why, [...(seeds.get(why) ?? []), seed]);
      }
      const agent = variant === "" ? "" : ` (${variant})`;
      return [...seeds].map(
        ([why, all]) => `${id}${agent}, seed${all.length > 1 ? "s" : ""} ${all.join(", ")}:\n${why}`,
      );
    })
    .join("\n");
}

function markOf({ passed, held, runs }: Summary): string {
  if (runs.some(({ outcome }) => outcome === "error")) return "!";
  if (held === 0) return "-";
  return passed === held ? "✓" : "✗";
}

function cut(text: string): string {
  const [line = ""] = text.split("\n");
  return line.length > MAX_REASON ? `${line.slice(0, MAX_REASON - 1)}…` : line;
}

function columns(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? "").length)),
  );
  const lines = rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd(),
  );
  const rule = widths
    .map((width) => "─".repeat(width))
    .join("  ")
    .trimEnd();
  return [lines[0], rule, ...lines.slice(1)].join("\n");
}
