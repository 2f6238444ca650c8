/*
 * What 500 live calls with 20 events a second cost the page that lists them: long tasks, the main thread's own time for
 * its longest task (a neighbour on the machine makes a task long, but does not add to that), heap after a collection and
 * DOM nodes, each minute. Run it with: node --import tsx bench/live-list.ts [minutes] [address after the #]
 */
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import type { CDPSession } from "playwright-core";
import { WebSocket } from "ws";
import { z } from "zod";
import { openBrowser, openPage } from "../test/support/browser.ts";
import { EventReader } from "../test/support/event-reader.ts";
import { startServerProcess } from "../test/support/server-process.ts";

const CALLS = 500;
const EVENTS_PER_SECOND = 20;
/** A turn of the caller: their words, the verdict, the answer. */
const EVENTS_PER_TURN = 3;
/** One call in so many turns ends, and another begins. */
const TURNS_PER_CALL = 5;
const TICK_MS = 25;
/** Most turns at a time: a server that is behind is not given more. */
const MAX_WAITING = 50;
/** How long tasks are traced in each minute, ms. */
const TRACE_MS = 15_000;
const REMARKS = [
  "Where is my order?",
  "It is order 4711.",
  "That is not what I asked, and I am not happy.",
  "Thank you, that was great!",
  "I want to speak to a person.",
  "This is ridiculous, I have been waiting for three weeks!",
  "Can I change the address?",
];

/** In the page: the length of each long task, ms, until somebody takes them. */
const KEEP_LONG_TASKS = `
  window.longTasks = [];
  new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) longTasks.push(duration);
  }).observe({ type: "longtask" });
`;

const countersSchema = z.object({ nodes: z.number(), jsEventListeners: z.number() });
const heapSchema = z.object({ usedSize: z.number() });
const traceSchema = z.object({
  traceEvents: z.array(
    z.object({
      name: z.string().optional(),
      pid: z.number(),
      tid: z.number(),
      /** CPU time, µs. */
      tdur: z.number().optional(),
      args: z.object({ name: z.unknown().optional() }).optional(),
    }),
  ),
});

const minutes = Number(process.argv[2] ?? 5);
const view = process.argv[3] ?? "/live";
const server = await startServerProcess({
  env: {
    HOST: "127.0.0.1",
    LOG_LEVEL: "warn",
    SILENCE_TIMEOUT_MS: "0",
    MAX_SESSIONS_PER_IP: String(2 * CALLS),
    ESCALATION_THRESHOLD: "6",
    DRAIN_TIMEOUT_MS: "0",
  },
});
const calls: WebSocket[] = [];
while (calls.length < CALLS) calls.push(...(await Promise.all(Array.from({ length: 20 }, openCall))));
const events = await EventReader.connect(`${server.url}/live`);
const browser = await openBrowser();
const { page, errors } = await openPage(browser, "about:blank");
await page.addInitScript(KEEP_LONG_TASKS);
await page.goto(`${server.url}/console#${view}`);
await page.locator(".call-list .row").first().waitFor();
const devTools = await page.context().newCDPSession(page);

const over = new AbortController();
const talking = talk(over.signal);
console.log(
  "minute  events/s  long tasks (longest, ms)  own time of the longest task, ms  p99  heap, MB  nodes  listeners",
);
for (let minute = 1; minute <= minutes; minute += 1) {
  const began = performance.now();
  const before = events.received.length;
  const own = await ownTimes();
  await delay(Math.max(0, 60_000 - (performance.now() - began)));
  const perSecond = (events.received.length - before) / ((performance.now() - began) / 1_000);
  const long = await page.evaluate<number[]>("longTasks.splice(0)");
  const { heap, nodes, listeners } = await sizeOf(devTools);
  const row = [
    String(minute).padStart(6),
    perSecond.toFixed(1).padStart(8),
    `${long.length} (${Math.round(Math.max(0, ...long))})`.padStart(24),
    (own.at(-1) ?? 0).toFixed(1).padStart(32),
    (own[Math.floor(own.length * 0.99)] ?? 0).toFixed(1).padStart(4),
    (heap / 1e6).toFixed(2).padStart(8),
    String(nodes).padStart(6),
    String(listeners).padStart(6),
  ];
  console.log(row.join("  "));
}
over.abort();
await talking;
if (errors.length > 0) console.log("errors of the page:", errors);
await browser.close();
await events.close();
for (const call of calls) call.terminate();
await server.stop();

async function openCall(): Promise<WebSocket> {
  const client = new WebSocket(server.wsUrl);
  await once(client, "open");
  const caller = { user_number: `+1555${String(Math.floor(Math.random() * 1e6)).padStart(6, "0")}` };
  const context = { initial_variables: {}, conversation_type: "telephonyInbound", caller };
  send(client, { type: "system.init", version: "1.0.0", session_context: context });
  await frame(client, "agent.ready");
  send(client, { type: "system.user.joined" });
  return client;
}

/** Has one call after another take its turn, as often as it takes for the events wanted. */
async function talk(signal: AbortSignal): Promise<void> {
  const began = performance.now();
  const first = events.received.length;
  let turns = 0;
  const waiting = new Set<Promise<void>>();
  const takeTurn = async () => {
    turns += 1;
    const isLast = turns % TURNS_PER_CALL === 0;
    const call = calls[(turns * 7) % calls.length];
    if (call) await turnOf(call, REMARKS[turns % REMARKS.length] ?? "");
    if (!isLast) return;
    calls.shift()?.close();
    calls.push(await openCall());
  };
  while (!signal.aborted) {
    const wanted = ((performance.now() - began) / 1_000) * EVENTS_PER_SECOND;
    const come = events.received.length - first + waiting.size * EVENTS_PER_TURN;
    if (come < wanted && waiting.size < MAX_WAITING) {
      const turn = takeTurn();
      waiting.add(turn);
      void turn.finally(() => waiting.delete(turn));
    }
    await delay(TICK_MS);
  }
  await Promise.all(waiting);
}

async function turnOf(call: WebSocket, remark: string): Promise<void> {
  send(call, { type: "agent.transcript.update", role: "user", content: remark });
  send(call, { type: "system.llm.request" });
  await frame(call, "agent.llm.response.end");
}

function send(client: WebSocket, event: object): void {
  client.send(JSON.stringify(event));
}

/** Waits for a frame of this type, or for the end of the call. */
function frame(client: WebSocket, type: string): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      client.off("message", look).off("close", done);
      resolve();
    };
    const look = (data: Buffer) => {
      if (data.includes(`"${type}"`)) done();
    };
    client.on("message", look).once("close", done);
  });
}

/** The CPU time of each task of the page's main thread for a while, ascending, ms. */
async function ownTimes(): Promise<number[]> {
  await browser.startTracing(page, { categories: ["toplevel"] });
  await delay(TRACE_MS);
  const { traceEvents } = traceSchema.parse(JSON.parse((await browser.stopTracing()).toString()));
  const tasks = traceEvents.filter(({ name, tdur }) => name?.endsWith("RunTask") && tdur !== undefined);
  const mains = traceEvents
    .filter(({ name, args }) => name === "thread_name" && args?.name === "CrRendererMain")
    .map(({ pid, tid }) => tasks.filter((task) => task.pid === pid && task.tid === tid));
  const [busiest = []] = mains.sort((a, b) => b.length - a.length);
  return busiest.map(({ tdur = 0 }) => tdur / 1_000).sort((a, b) => a - b);
}

/** After a collection: the heap, bytes, and what hangs on it. */
async function sizeOf(devTools: CDPSession) {
  await devTools.send("HeapProfiler.collectGarbage");
  const { usedSize } = heapSchema.parse(await devTools.send("Runtime.getHeapUsage"));
  const { nodes, jsEventListeners } = countersSchema.parse(await devTools.send("Memory.getDOMCounters"));
  return { heap: usedSize, nodes, listeners: jsEventListeners };
}
