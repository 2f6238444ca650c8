import { fork } from "node:child_process";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { HOSTILE, type Target } from "../test/support/hostile.ts";
import { startServerProcess } from "../test/support/server-process.ts";
import { VoiceClient } from "../test/support/voice-client.ts";
import { residentKb } from "./proc.ts";

/*
 * npm run hostile: ten honest callers talk for some seconds, alone and then beside each kind of hostile caller. Prints
 * what the hostile one was closed with, how the 99th percentile of the honest callers' first chunk grew, and the memory.
 * A name as an argument runs the kinds that have it in theirs: npm run hostile -- keys
 */

const HONEST = 10;
/** The pause of an honest caller after an answer, ms: below its rate, and far more often than people speak. */
const TURN_EVERY_MS = 150;
const MEASURE_MS = 4_000;
/** A hostile caller that was closed comes back so often while it is measured. */
const RETURNS = 5;

const only = process.argv[2] ?? "";
const server = await startServerProcess({ env: { LOG_LEVEL: "error", DRAIN_TIMEOUT_MS: "0" } });
const target: Target = { host: `127.0.0.1:${server.port}`, frameBytes: 256 * 1024, rounds: 3_000 };
const resident = () => residentKb(server.pid ?? 0) / 1_024;

/** First chunks of the honest callers while `beside` goes on, ms, sorted. */
async function measure(beside: () => Promise<unknown>): Promise<number[]> {
  const over = AbortSignal.timeout(MEASURE_MS);
  const times: number[] = [];
  const calls = Array.from({ length: HONEST }, async () => {
    const client = await VoiceClient.connect(server.wsUrl);
    client.join();
    await client.next("agent.speak");
    while (!over.aborted) {
      const asked = performance.now();
      client.say("Where is my order?");
      await client.next("agent.llm.response.chunk");
      times.push(performance.now() - asked);
      await client.next("agent.llm.response.end");
      await delay(TURN_EVERY_MS);
    }
    await client.close();
  });
  await Promise.all([...calls, beside()]);
  return times.sort((a, b) => a - b);
}

/** A hostile caller in a process of its own. @returns what starts it, and resolves with what it was closed with. */
async function hostile(kind: string): Promise<() => Promise<string[]>> {
  const module = fileURLToPath(new URL("hostile-caller.ts", import.meta.url));
  const caller = fork(module, [kind, JSON.stringify(target), String(RETURNS)]);
  await once(caller, "message");
  return async () => {
    const ends = new Set<string>();
    caller.on("message", (end: string) => ends.add(end));
    caller.send("go");
    await once(caller, "exit");
    return [...ends];
  };
}

const p99 = (sorted: readonly number[]) => sorted[Math.floor(sorted.length * 0.99)] ?? Number.NaN;

await measure(async () => {});
const alone = p99(await measure(async () => {}));
console.log(`alone: p99 of the first chunk ${alone.toFixed(1)} ms, memory ${resident().toFixed(0)} MB\n`);
console.log("p99 grows by, ms   memory grows by, MB   kind: closed with");
for (const kind of Object.keys(HOSTILE)) {
  if (!kind.includes(only)) continue;
  const before = resident();
  const attack = await hostile(kind);
  let ends: string[] = [];
  const times = await measure(async () => {
    ends = await attack();
  });
  const grown = [p99(times) - alone, resident() - before].map((figure) => figure.toFixed(1));
  console.log(`${grown[0]?.padStart(16)}   ${grown[1]?.padStart(19)}   ${kind}: ${ends.join("; ")}`);
}
await server.stop();
