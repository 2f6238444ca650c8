/*
 * How long callers wait for the first word of an answer while the first model is well, hangs, or cannot be reached, with a
 * second model and FALLBACK_AFTER_MS at its default. Both models are mocks whose first token comes after 200 ms.
 * Run it with: node --import tsx bench/second-model.ts [calls]
 */
import { freePort } from "../test/support/server-process.ts";
import { Load, MockOpenAi } from "./helpers.ts";
import { Peer } from "./peers.ts";
import { percentile } from "./statistics.ts";

const TURNS = 6;
/** Callers begin one after the other over so long, and think for so long between two turns, ms. */
const STAGGER_MS = 2_000;
const THINK_MS = 500;
const WELL = { tokens: 30, paceMs: 30, firstTokenMs: 200, verdictMs: 100 };
/** Longer than anybody waits, ms. */
const NEVER = 3_600_000;

const calls = Number(process.argv[2] ?? 100);
const first = await MockOpenAi.start();
const second = await MockOpenAi.start();
const load = await Load.start();
await second.set(WELL);

console.log("| the first model | turns | p50 | p90 | p99 | longest |\n|---|---|---|---|---|---|");
await measure("is well", first.baseUrl, WELL.firstTokenMs);
await measure("hangs", first.baseUrl, NEVER);
await measure("cannot be reached", `http://127.0.0.1:${await freePort()}/v1`, 0);

load.stop();
first.stop();
second.stop();

async function measure(what: string, baseUrl: string, firstTokenMs: number): Promise<void> {
  await first.set({ ...WELL, firstTokenMs });
  const server = await Peer.start("server", {
    baseUrl,
    env: { MODEL_CHECK: "false", FALLBACK_MODEL: "second", FALLBACK_BASE_URL: second.baseUrl },
  });
  await load.open(server.wsUrl, calls);
  const { firstChunkMs } = await load.talk({
    callers: calls,
    until: { unit: "turns", turns: TURNS },
    interruptAfter: null,
    mood: "calm",
    thinkMs: THINK_MS,
    staggerMs: STAGGER_MS,
    pids: { server: [server.pid], mock: second.pid },
  });
  await load.close();
  await server.stop();
  const figures = [50, 90, 99, 100].map((percent) => Math.round(percentile(firstChunkMs, percent)));
  console.log(`| ${what} | ${firstChunkMs.length} | ${figures.join(" | ")} |`);
}
