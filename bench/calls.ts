/*
 * What the record of calls costs: CPU per chunk with and without it at 300 sessions, and how fast a hundred thousand
 * stored calls are read. `npm run bench:calls`, about two minutes; only ratios and orders of magnitude mean anything.
 */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as tick } from "node:timers/promises";
import Fastify from "fastify";
import { pino } from "pino";
import { CallStore } from "../lib/calls/call-store.ts";
import { callRoutes } from "../lib/calls/routes.ts";
import { openDatabase } from "../lib/calls/store/database.ts";
import { parseConfig } from "../lib/config.ts";
import { createLlm } from "../lib/llm/client.ts";
import { assistantTurn, callRecord, storeCalls, userTurn } from "../test/support/call-records.ts";
import { startServerProcess } from "../test/support/server-process.ts";
import { VoiceClient } from "../test/support/voice-client.ts";

const SESSIONS = 300;
const CHUNKS = 150;
const ROUNDS = 3;
const STORED = 100_000;
const DAY_MS = 86_400_000;
/** Of Linux' clock in /proc, per second. */
const TICKS = 100;

await compareCpu();
await timeReads();

/** CPU of the server's process, its threads included, per chunk sent: with and without the recorder, in turns. */
async function compareCpu(): Promise<void> {
  const llm = await startModel();
  const micros: Record<"true" | "false", number[]> = { true: [], false: [] };
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const record of ["false", "true"] as const) {
      const server = await startServerProcess({
        env: {
          OPENAI_BASE_URL: llm.url,
          RECORD_CALLS: record,
          LOG_LEVEL: "warn",
          MAX_SESSIONS_PER_IP: "1000",
        },
      });
      const clients: VoiceClient[] = [];
      for (let n = 0; n < SESSIONS; n += 1) clients.push(await VoiceClient.connect(server.wsUrl));
      // The first answers warm the compiler up.
      await Promise.all(clients.slice(0, 50).map((client) => answer(client)));
      const before = cpuSeconds(server.pid ?? 0);
      await Promise.all(clients.map((client) => answer(client)));
      const used = cpuSeconds(server.pid ?? 0) - before;
      micros[record].push((used * 1e6) / (SESSIONS * CHUNKS));
      await Promise.all(clients.map((client) => client.close()));
      await server.stop("SIGKILL");
    }
  }
  llm.close();
  const [on, off] = [median(micros.true), median(micros.false)];
  const ratios = micros.true.map((value, index) => value / (micros.false[index] ?? value));
  console.log(`CPU per chunk at ${SESSIONS} sessions: ${off.toFixed(1)} µs, recorded ${on.toFixed(1)} µs`);
  console.log(
    `  ratio ${(on / off).toFixed(3)} (single rounds: ${ratios.map((r) => r.toFixed(3)).join(", ")})`,
  );
}

/** One turn; it counts chunks itself, for a client that waits by polling would cost more than the server. */
async function answer(client: VoiceClient): Promise<void> {
  const ended = new Promise<void>((resolve) => {
    const onMessage = (data: Buffer) => {
      if (!data.includes("agent.llm.response.end")) return;
      client.socket.off("message", onMessage);
      resolve();
    };
    client.socket.on("message", onMessage);
  });
  client.say("Tell me a long story about my order");
  await ended;
}

/** A model that streams as fast as it is read, and finds everybody neutral. */
async function startModel() {
  const chunk = (delta: object, finish: string | null) =>
    `data: ${JSON.stringify({ id: "x", object: "chat.completion.chunk", model: "m", choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`;
  const verdict = JSON.stringify({
    id: "x",
    object: "chat.completion",
    choices: [{ index: 0, message: { role: "assistant", content: "neutral" }, finish_reason: "stop" }],
  });
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const part of request) body += part;
    if (!body.includes('"stream":true')) {
      response.writeHead(200, { "content-type": "application/json" }).end(verdict);
      return;
    }
    response.writeHead(200, { "content-type": "text/event-stream" });
    for (let n = 0; n < CHUNKS; n += 1) {
      response.write(chunk({ content: "word " }, null));
      await tick();
    }
    response.end(`${chunk({}, "stop")}data: [DONE]\n\n`);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  const close = () => {
    server.close();
    server.closeAllConnections();
  };
  return { url: `http://127.0.0.1:${address.port}/v1`, close };
}

function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) / TICKS;
}

async function timeReads(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "bench-calls-"));
  const config = parseConfig({ DATABASE_URL: `file:${join(folder, "calls.db")}`, RETENTION_DAYS: "0" });
  const log = pino({ level: "silent" });
  const database = await openDatabase(config.DATABASE_URL, log);
  const store = new CallStore(database, { config, llm: createLlm(config), log });
  const now = Date.now();
  const startedAt = performance.now();
  for (let done = 0; done < STORED; done += 1_000) {
    await storeCalls(
      database.db,
      Array.from({ length: 1_000 }, (_, index) => madeCall(done + index, now)),
    );
  }
  console.log(`Stored ${STORED} calls of 4 turns in ${seconds(startedAt)} s`);
  const app = Fastify();
  await app.register(callRoutes, { store });
  const from = new Date(now - 30 * DAY_MS).toISOString();
  for (const url of [
    `/quality?from=${from}&bucket=day`,
    `/quality?from=${from}&bucket=hour`,
    "/calls",
    "/calls?escalated=true&label=negative",
    "/calls?min_score=4.9",
  ]) {
    const times: number[] = [];
    for (let n = 0; n < 21; n += 1) {
      const before = performance.now();
      const { statusCode } = await app.inject({ url });
      if (statusCode !== 200) throw new Error(`${url}: ${statusCode}`);
      times.push(performance.now() - before);
    }
    console.log(
      `${url.replace(from, "30 days ago")}: p50 ${median(times).toFixed(1)} ms, max ${Math.max(...times).toFixed(1)} ms`,
    );
  }
  const address = await app.listen({ port: 0, host: "127.0.0.1" });
  for (const path of ["/calls.csv", "/calls.jsonl"]) {
    const before = performance.now();
    const rss = process.memoryUsage.rss();
    let peak = rss;
    let bytes = 0;
    const { body } = await fetch(address + path);
    for await (const part of body ?? []) {
      bytes += part.byteLength;
      peak = Math.max(peak, process.memoryUsage.rss());
    }
    console.log(
      `${path}: ${(bytes / 1e6).toFixed(0)} MB in ${seconds(before)} s, memory +${((peak - rss) / 1e6).toFixed(0)} MB`,
    );
  }
  await app.close();
  await database.db.destroy();
  await rm(folder, { recursive: true });
}

function madeCall(n: number, now: number) {
  const mood = (["positive", "neutral", "negative", "frustrated"] as const)[(n * 7) % 4] ?? "neutral";
  return callRecord({
    sessionId: `call-${String(n).padStart(6, "0")}`,
    startedAt: now - Math.floor((n / STORED) * 30 * DAY_MS),
    turns: [
      userTurn(1, 0, mood),
      assistantTurn(2, 10, { replyMs: 300 + ((n * 37) % 2_500) }),
      userTurn(3, 5_000, "neutral"),
      assistantTurn(4, 5_010, { replyMs: 300 + ((n * 91) % 2_500) }),
    ],
    alerts:
      n % 5 === 0
        ? [{ offsetMs: 1, rule: `rule-${n % 4}`, severity: "warn", message: "m", evidence: {} }]
        : [],
  });
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

function seconds(since: number): string {
  return ((performance.now() - since) / 1_000).toFixed(1);
}
