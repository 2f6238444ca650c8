/*
 * What traces cost: the CPU time of the server for the same calls, with traces off and on, in pairs that begin with the one
 * and the other by turns. The collector is a process of its own that takes all and looks at nothing.
 * Run it with: node --import tsx bench/tracing.ts [pairs] [calls]
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { Load, MockOpenAi } from "./helpers.ts";
import { Peer } from "./peers.ts";
import { percentile, spread } from "./statistics.ts";

const ANSWER = { tokens: 60, paceMs: 30, firstTokenMs: 200, verdictMs: 100 };
const WARMUP_MS = 4_000;
const WINDOW_MS = 15_000;
/** A collector that takes everything. */
const COLLECTOR = `
  const server = require("node:http").createServer((request, response) => {
    request.resume().on("end", () => response.end());
  });
  server.listen(0, "127.0.0.1", () => console.log(server.address().port));
  process.stdin.resume().on("end", () => process.exit());
`;

const pairs = Number(process.argv[2] ?? 6);
const calls = Number(process.argv[3] ?? 300);
const mock = await MockOpenAi.start();
const load = await Load.start();
await mock.set(ANSWER);
const collector = spawn(process.execPath, ["-e", COLLECTOR], { stdio: ["pipe", "pipe", "inherit"] });
const endpoint = `http://127.0.0.1:${await portOf(collector)}`;
const off = await Peer.start("server", { baseUrl: mock.baseUrl });
const on = await Peer.start("server", {
  baseUrl: mock.baseUrl,
  env: { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint },
});

await round(off);
await round(on);
const ratios: number[] = [];
console.log(
  "| pair | CPU per turn off, ms | on, ms | on ÷ off | first chunk p99 off, ms | on, ms |\n|---|---|---|---|---|---|",
);
for (let pair = 1; pair <= pairs; pair += 1) {
  const [first, second] = pair % 2 === 1 ? [off, on] : [on, off];
  const a = await round(first);
  const b = await round(second);
  const [without, traced] = first === off ? [a, b] : [b, a];
  const ratio = traced.cpuPerTurn / without.cpuPerTurn;
  ratios.push(ratio);
  const figures = [without.cpuPerTurn, traced.cpuPerTurn, ratio].map((value) => value.toFixed(3));
  console.log(`| ${pair} | ${figures.join(" | ")} | ${without.p99.toFixed(0)} | ${traced.p99.toFixed(0)} |`);
}
const { median, min, max } = spread(ratios);
console.log(`\nmedian ${median.toFixed(3)} (${min.toFixed(3)}–${max.toFixed(3)})`);

await Promise.all([off.stop(), on.stop()]);
collector.stdin?.end();
load.stop();
mock.stop();

async function round(server: Peer): Promise<{ cpuPerTurn: number; p99: number }> {
  await load.open(server.wsUrl, calls);
  const report = await load.talk({
    callers: calls,
    until: { unit: "ms", ms: WINDOW_MS, warmupMs: WARMUP_MS },
    interruptAfter: null,
    mood: "calm",
    thinkMs: 500,
    staggerMs: WARMUP_MS - 1_000,
    pids: { server: [server.pid], mock: mock.pid },
  });
  await load.close();
  // What is left to do for these calls is not the next round's.
  await delay(1_000);
  return { cpuPerTurn: report.cpuMs.server / report.turns, p99: percentile(report.firstChunkMs, 99) };
}

async function portOf({ stdout }: ChildProcess): Promise<string> {
  if (!stdout) throw new Error("the collector has no output");
  const [line] = await once(stdout, "data");
  return String(line).trim();
}
