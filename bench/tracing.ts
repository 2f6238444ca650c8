/*
 * What traces cost: the CPU time of two servers with the same calls at the same time, one with traces off and one with
 * them on, so that what disturbs the machine disturbs both. The collector is a process of its own that takes all and looks
 * at nothing. Run it with: node --import tsx bench/tracing.ts [rounds] [calls of each]
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

const rounds = Number(process.argv[2] ?? 6);
const calls = Number(process.argv[3] ?? 150);
const mock = await MockOpenAi.start();
const loads = await Promise.all([Load.start(), Load.start()]);
await mock.set(ANSWER);
const collector = spawn(process.execPath, ["-e", COLLECTOR], { stdio: ["pipe", "pipe", "inherit"] });
const endpoint = `http://127.0.0.1:${await portOf(collector)}`;
const started = { baseUrl: mock.baseUrl, env: { MODEL_CHECK: "false" } };
const off = await Peer.start("server", started);
const on = await Peer.start("server", {
  ...started,
  env: { ...started.env, OTEL_EXPORTER_OTLP_ENDPOINT: endpoint },
});

await both();
const ratios: number[] = [];
console.log(
  "| round | CPU per turn off, ms | on, ms | on ÷ off | first chunk p99 off, ms | on, ms |\n|---|---|---|---|---|---|",
);
for (let round = 1; round <= rounds; round += 1) {
  const [without, traced] = await both();
  const ratio = traced.cpuPerTurn / without.cpuPerTurn;
  ratios.push(ratio);
  const figures = [without.cpuPerTurn, traced.cpuPerTurn, ratio].map((value) => value.toFixed(3));
  console.log(`| ${round} | ${figures.join(" | ")} | ${without.p99.toFixed(0)} | ${traced.p99.toFixed(0)} |`);
}
const { median, min, max } = spread(ratios);
console.log(`\nmedian ${median.toFixed(3)} (${min.toFixed(3)}–${max.toFixed(3)})`);

await Promise.all([off.stop(), on.stop()]);
collector.stdin?.end();
for (const load of loads) load.stop();
mock.stop();

type Figures = { cpuPerTurn: number; p99: number };

function both(): Promise<[Figures, Figures]> {
  return Promise.all([measure(loads[0], off), measure(loads[1], on)]);
}

async function measure(load: Load, server: Peer): Promise<Figures> {
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
