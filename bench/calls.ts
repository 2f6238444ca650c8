/*
 * What the record of calls costs: CPU per chunk with and without it at 300 sessions, and how fast a hundred thousand
 * stored calls are read and searched, on both stores (PostgreSQL with TEST_DATABASE_URL). `npm run bench:calls`, some
 * minutes, without the first part with `-- --reads`, PostgreSQL alone with `-- --postgres`; only ratios and orders of
 * magnitude mean anything.
 */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { setImmediate as tick } from "node:timers/promises";
import Fastify, { type FastifyInstance } from "fastify";
import { sql } from "kysely";
import pg from "pg";
import { pino } from "pino";
import { CallStore } from "../lib/calls/call-store.ts";
import { loadForm } from "../lib/calls/review/form.ts";
import { reviewRoutes } from "../lib/calls/review/routes.ts";
import { callRoutes } from "../lib/calls/routes.ts";
import { openDatabase } from "../lib/calls/store/database.ts";
import type { Db } from "../lib/calls/store/schema.ts";
import { parseConfig } from "../lib/config.ts";
import { createLlm } from "../lib/llm/client.ts";
import { assistantTurn, callRecord, storeCalls, userTurn } from "../test/support/call-records.ts";
import { startServerProcess } from "../test/support/server-process.ts";
import { createPostgres, createSqlite, type TestStore } from "../test/support/stores.ts";
import { VoiceClient } from "../test/support/voice-client.ts";

const SESSIONS = 300;
const CHUNKS = 150;
const ROUNDS = 3;
const STORED = 100_000;
/** So many are stored one by one in PostgreSQL, where each statement is a way there and back; the others are copies. */
const STORED_BEFORE_COPIES = 10_000;
/** One call in so many has been scored by two people and a model, and its first verdict labelled by one of them. */
const REVIEWED_EACH = 20;
const DAY_MS = 86_400_000;
/** Of Linux' clock in /proc, per second. */
const TICKS = 100;

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

async function timeReads(name: string, open: () => Promise<TestStore>): Promise<void> {
  const folder = await open();
  const config = parseConfig({ DATABASE_URL: folder.url, RETENTION_DAYS: "0" });
  const log = pino({ level: "silent" });
  const database = await openDatabase(config.DATABASE_URL, log);
  const form = loadForm(undefined);
  const store = new CallStore(database, { config, llm: createLlm(config), form, log });
  const now = Date.now();
  const startedAt = performance.now();
  const isPostgres = database.kind === "postgres";
  const stored = isPostgres ? STORED_BEFORE_COPIES : STORED;
  for (let done = 0; done < stored; done += 1_000) {
    await storeCalls(
      database.db,
      Array.from({ length: 1_000 }, (_, index) => madeCall(done + index, now)),
    );
    await reviewSome(database.db, done, done + 1_000, form.name);
  }
  if (isPostgres) await copyCalls(folder.url, stored, STORED);
  console.log(`\n${name}: stored ${STORED} calls of 4 turns in ${seconds(startedAt)} s`);
  const app = Fastify();
  app.decorateRequest("may", () => true);
  app.decorateRequest("person", null);
  await app.register(callRoutes, { store });
  await app.register(reviewRoutes, { store });
  /** Of this process, and of PostgreSQL's for it: what others do on the machine makes a request longer, but not this. */
  const cpuMs = async () => {
    const { rows } = isPostgres
      ? await sql<{
          pid: number;
        }>`select pid from pg_stat_activity where datname = current_database()`.execute(database.db)
      : { rows: [] };
    return [process.pid, ...rows.map(({ pid }) => pid)].reduce(
      (sum, pid) => sum + cpuSeconds(pid) * 1_000,
      0,
    );
  };
  const from = new Date(now - 30 * DAY_MS).toISOString();
  for (const url of [
    `/quality?from=${from}&bucket=day`,
    `/quality?from=${from}&bucket=hour`,
    `/quality?from=${from}&bucket=day&time_zone=Europe/Berlin`,
    `/quality/compare?from=${from}&by=agent_version`,
    `/quality/compare?from=${from}&by=weekday`,
    `/quality/reviews?from=${from}`,
    "/calls",
    "/calls?escalated=true&label=negative",
    "/calls?min_score=4.9",
    "/calls?sort=score",
    "/calls?sort=duration",
    "/calls?sort=reply&order=asc",
    "/calls?sort=review",
    "/calls?sort=risk&label=negative",
    "/calls?sort=reply&alert=rule-3",
    "/calls?sort=review&topic=refund",
    "/calls?id=0424",
    "/calls?id=0424&sort=duration",
    "/calls?id=nobody",
    "/calls?alert=rule-3",
    "/calls?topic=refund",
    "/calls?outcome=resolved&label=negative",
  ]) {
    const before = await cpuMs();
    const times: number[] = [];
    for (let n = 0; n < 21; n += 1) times.push(await timed(app, url));
    report(url.replace(from, "30 days ago"), times, (await cpuMs()) - before);
  }
  const searches = Object.entries(SEARCHES);
  const all: number[] = [];
  const allBefore = await cpuMs();
  for (const [kind, search] of searches) {
    const before = await cpuMs();
    const times: number[] = [];
    for (let n = 0; n < 50; n += 1) times.push(await timed(app, `/calls?${search(n)}`));
    report(`search, ${kind}`, times, (await cpuMs()) - before);
    all.push(...times);
  }
  report("search, all of these", all, (await cpuMs()) - allBefore);
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
  await folder.remove();
}

/** Kinds of searches, each with other words every time. */
const SEARCHES: Record<string, (n: number) => string> = {
  "a word of one call in a thousand": (n) => `q=${wordAt(400 + n)}`,
  "a word of every other call": (n) => `q=${wordAt(n % 5)}`,
  "a beginning of many words": (n) => `q=${wordAt(n).slice(0, 3)}`,
  "two words": (n) => `q=${wordAt(n)}+${wordAt(40 + n)}`,
  "words in quotes": (n) => `q=%22${wordAt(n % 7)}+${wordAt(3 + n)}%22`,
  "a frequent word, the worst first": (n) => `q=${wordAt(n % 5)}&sort=score`,
  "a frequent word, the slowest first": (n) => `q=${wordAt(n % 5)}&sort=reply`,
  "a frequent word, by what people scored": (n) => `q=${wordAt(n % 5)}&sort=review`,
  "a rare word, the riskiest first": (n) => `q=${wordAt(400 + n)}&sort=risk`,
  "a frequent word in one week": (n) => `q=${wordAt(n % 5)}&${lastWeek}`,
  "a frequent word and filters": (n) => `q=${wordAt(n % 5)}&label=negative&alert=rule-${n % 4}`,
  "a word that nobody said": (n) => `q=nobody${n}`,
};

/** Makes `all` calls of these that are stored, each copy with an id, a time and a number of its own. */
async function copyCalls(url: string, stored: number, all: number): Promise<void> {
  const step = Math.floor((stored / STORED) * 30 * DAY_MS);
  const nextId = (column: string) =>
    `${column} = 'call-' || lpad((substr(${column}, 6)::int + ${stored})::text, 6, '0')`;
  const changes = {
    calls: `${nextId("id")}, started_at = started_at - ${step}, ended_at = ended_at - ${step}, doc = doc + ${stored}`,
    turns: nextId("session_id"),
    notes: nextId("session_id"),
    tags: nextId("session_id"),
    scorecards: nextId("session_id"),
    verdict_labels: nextId("session_id"),
    call_words: `doc = doc + ${stored}`,
  };
  // One connection, for a temporary table is there for no other; and one that waits longer than the record's do.
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  for (const table of Object.keys(changes))
    await client.query(`create temp table copy_of_${table} as table ${table}`);
  for (let n = stored; n < all; n += stored) {
    for (const [table, change] of Object.entries(changes)) {
      await client.query(`update copy_of_${table} set ${change}`);
      await client.query(`insert into ${table} select * from copy_of_${table}`);
    }
  }
  // PostgreSQL does so by itself within minutes.
  await client.query("vacuum analyze");
  await client.end();
}

const lastWeek = `from=${new Date(Date.now() - 7 * DAY_MS).toISOString()}`;

/** What people and a model say of one in `REVIEWED_EACH` of these calls. */
async function reviewSome(db: Db, from: number, to: number, form: string): Promise<void> {
  const ids = Array.from({ length: (to - from) / REVIEWED_EACH }, (_, n) => from + n * REVIEWED_EACH);
  const at = Date.now();
  const card = (n: number, source: "person" | "model", author: string, points: number) => ({
    session_id: idOf(n),
    source,
    author,
    form,
    answers: JSON.stringify({
      understanding: String(1 + ((n + points) % 5)),
      empathy: String(1 + (n % 5)),
      closing: "yes",
    }),
    reasons: "{}",
    comment: "",
    score: (n * 7 + points) % 101,
    at,
  });
  await db
    .insertInto("scorecards")
    .values(
      ids.flatMap((n) => [
        card(n, "person", "anna", 0),
        card(n, "person", "bert", 5),
        card(n, "model", "big", 9),
      ]),
    )
    .execute();
  await db
    .insertInto("verdict_labels")
    .values(ids.map((n) => ({ session_id: idOf(n), turn: 1, author: "anna", verdict: "negative", at })))
    .execute();
}

function idOf(n: number): string {
  return `call-${String(n).padStart(6, "0")}`;
}

async function timed(app: FastifyInstance, url: string): Promise<number> {
  const before = performance.now();
  const { statusCode, body } = await app.inject({ url });
  if (statusCode !== 200) throw new Error(`${url}: ${statusCode} ${body}`);
  return performance.now() - before;
}

/** @param cpu of all of them, ms. */
function report(what: string, times: readonly number[], cpu: number): void {
  const sorted = times.toSorted((a, b) => a - b);
  const p95 = sorted[Math.ceil(0.95 * sorted.length) - 1] ?? 0;
  const max = sorted.at(-1) ?? 0;
  console.log(
    `${what}: p50 ${median(times).toFixed(1)} ms, p95 ${p95.toFixed(1)} ms, max ${max.toFixed(1)} ms, CPU ${(cpu / times.length).toFixed(1)} ms each`,
  );
}

const SYLLABLES = "ka lo mi ne pu ra si to ve zu an er il om us".split(" ");

/** The n-th word of a made-up language. */
function wordAt(n: number): string {
  const base = SYLLABLES.length;
  const pick = (index: number) => SYLLABLES[index % base] ?? "";
  return `${pick(n * 7)}${pick(Math.floor(n / base) + n)}${pick(Math.floor(n / base ** 2) + 3 * n)}${n > 200 ? pick(n * 11) : ""}`;
}

/** So many words, the n-th of the language about 1/n times as often as the first, as in any language. */
function madeText(words: number, random: () => number): string {
  return Array.from({ length: words }, () => wordAt(Math.floor(20_000 ** random()) - 1)).join(" ");
}

/** The same numbers each time, https://en.wikipedia.org/wiki/Linear_congruential_generator. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

function madeCall(n: number, now: number) {
  const random = randomFrom(n);
  const mood = (["positive", "neutral", "negative", "frustrated"] as const)[(n * 7) % 4] ?? "neutral";
  return callRecord({
    sessionId: idOf(n),
    startedAt: now - Math.floor((n / STORED) * 30 * DAY_MS),
    callId: `CA-${n}`,
    agentVersion: `v${n % 3}`,
    turns: [
      userTurn(1, 0, mood, { text: `${madeText(12, random)}${n % 6 === 0 ? " refund" : ""}` }),
      assistantTurn(2, 10, { text: madeText(20, random), replyMs: 300 + ((n * 37) % 2_500) }),
      userTurn(3, 5_000, "neutral", { text: madeText(12, random) }),
      assistantTurn(4, 5_010, { text: madeText(20, random), replyMs: 300 + ((n * 91) % 2_500) }),
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

const only = (part: string) => process.argv.includes(`--${part}`);
if (!only("reads") && !only("postgres")) await compareCpu();
if (!only("postgres")) await timeReads("SQLite", createSqlite);
if (process.env.TEST_DATABASE_URL) await timeReads("PostgreSQL", createPostgres);
else console.log("PostgreSQL skipped: source .ci/postgres to time it, too");
