import type { PeerName } from "./peers.ts";
import type { Size } from "./scenarios.ts";
import type { Spread } from "./statistics.ts";

export type Result = {
  name: string;
  title: string;
  peers: { name: PeerName; metrics: ({ label: string } & Spread)[] }[];
};

export type Report = {
  startedAt: string;
  machine: string;
  rounds: number;
  size: Size;
  results: Result[];
};

/** One table per scenario: a row per metric, a column per peer, and this server's ratio to the pass-through. */
export function markdown({ startedAt, machine, rounds, size, results }: Report): string {
  const head = `${startedAt.slice(0, 10)}, ${machine}. Median (minimum–maximum) of ${rounds} rounds${size === "full" ? "" : `, ${size} run`}.\n`;
  return [head, ...results.map(table)].join("\n");
}

function table({ title, peers }: Result): string {
  const server = peers.find(({ name }) => name === "server");
  const reference = peers.find(({ name }) => name === "pass-through");
  const compared = server !== undefined && reference !== undefined;
  const columns = ["", ...peers.map(({ name }) => name), ...(compared ? ["server ÷ pass-through"] : [])];
  const labels = peers[0]?.metrics.map(({ label }) => label) ?? [];
  const find = (peer: Result["peers"][number] | undefined, label: string) =>
    peer?.metrics.find((metric) => metric.label === label);
  const rows = labels.map((label) => {
    const cells = peers.map((peer) => cell(find(peer, label)));
    const ratio =
      (find(server, label)?.median ?? Number.NaN) / (find(reference, label)?.median ?? Number.NaN);
    return [label, ...cells, ...(compared ? [Number.isFinite(ratio) ? ratio.toFixed(2) : "–"] : [])];
  });
  const lines = [columns, columns.map(() => "---"), ...rows].map((line) => `| ${line.join(" | ")} |`);
  return `### ${title}\n\n${lines.join("\n")}\n`;
}

function cell(metric: Spread | undefined): string {
  if (!metric || !Number.isFinite(metric.median)) return "–";
  return `${number(metric.median)} (${number(metric.min)}–${number(metric.max)})`;
}

function number(value: number): string {
  return value.toLocaleString("en", { maximumSignificantDigits: Math.abs(value) >= 1_000 ? 4 : 3 });
}
