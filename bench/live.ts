/*
 * What viewers cost the calls: the CPU time of the server for the same turns of 200 live calls, without viewers and with
 * 20 of them (ten see all calls, ten one call each with its words as they come), in alternating rounds.
 * Run it with: node --import tsx bench/live.ts [rounds]
 */
import { on, once } from "node:events";
import { readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { WebSocket } from "ws";
import { z } from "zod";
import { EventReader } from "../test/support/event-reader.ts";
import { startMockLlm } from "../test/support/mock-llm.ts";
import { startServerProcess } from "../test/support/server-process.ts";

const CALLS = 200;
const VIEWERS = 20;
/** One round is one turn of every call, begun evenly over this time, ms. */
const ROUND_MS = 5_000;
const WORDS = 30;
const WORDS_OF_CALLER = "I have been waiting for my order for a week now, where is it?";
/** Between two words of an answer, ms. */
const WORD_EVERY_MS = 30;
/** Of /proc's clock: USER_HZ is 100 on every Linux. */
const MS_PER_TICK = 10;

const rounds = Number(process.argv[2] ?? 8);
const llm = await startMockLlm();
llm.onChat(() => ({ kind: "text", text: "word ".repeat(WORDS), betweenTokens: WORD_EVERY_MS }));
llm.onSentiment(() => (Math.random() < 0.2 ? "negative" : "neutral"));
const server = await startServerProcess({
  env: {
    HOST: "127.0.0.1",
    OPENAI_BASE_URL: llm.baseUrl,
    LOG_LEVEL: "warn",
    ESCALATION_THRESHOLD: "1000000",
  },
});
const clients = await Promise.all(Array.from({ length: CALLS }, connectCall));
await round(); // to warm up

const ratios: number[] = [];
for (let n = 1; n <= rounds; n += 1) {
  const withoutViewers = await cpuOf(round);
  const viewers = await connectViewers();
  const withViewers = await cpuOf(round);
  const events = viewers.reduce((sum, { received }) => sum + received.length, 0);
  await Promise.all(viewers.map((viewer) => viewer.close()));
  const ratio = withViewers / withoutViewers;
  ratios.push(ratio);
  console.log(
    `round ${n}: ${withoutViewers} ms without viewers, ${withViewers} ms with ${VIEWERS} (${events} events read), ratio ${ratio.toFixed(3)}`,
  );
}
ratios.sort((a, b) => a - b);
console.log(`median ratio ${(ratios[Math.floor(ratios.length / 2)] ?? Number.NaN).toFixed(3)}`);

for (const client of clients) client.terminate();
await server.stop();
await llm.close();

async function connectCall(): Promise<WebSocket> {
  const client = new WebSocket(server.wsUrl);
  await once(client, "open");
  const context = { initial_variables: {}, conversation_type: "telephonyInbound", caller: null };
  send(client, { type: "system.init", version: "1.0.0", session_context: context });
  await frame(client, "agent.ready");
  send(client, { type: "system.user.joined" });
  return client;
}

/** The same work each time. */
async function round(): Promise<void> {
  await Promise.all(
    clients.map(async (client, index) => {
      await delay((index / CALLS) * ROUND_MS);
      send(client, { type: "agent.transcript.update", role: "user", content: WORDS_OF_CALLER });
      send(client, { type: "system.llm.request" });
      await frame(client, "agent.llm.response.end");
    }),
  );
}

function send(client: WebSocket, event: object): void {
  client.send(JSON.stringify(event));
}

async function frame(client: WebSocket, type: string): Promise<void> {
  for await (const [data] of on(client, "message")) if (String(data).includes(`"${type}"`)) return;
}

async function connectViewers(): Promise<EventReader[]> {
  const response = await fetch(`${server.url}/live/calls`);
  const { calls } = z
    .object({ calls: z.array(z.object({ session_id: z.string() })) })
    .parse(await response.json());
  return Promise.all(
    Array.from({ length: VIEWERS }, (_, index) => {
      const id = calls[index]?.session_id;
      return EventReader.connect(`${server.url}/live${index % 2 === 0 ? "" : `?session=${id}`}`);
    }),
  );
}

/** CPU time that the server takes for this, user and system, ms. */
async function cpuOf(work: () => Promise<void>): Promise<number> {
  const before = cpuNow();
  await work();
  return cpuNow() - before;
}

function cpuNow(): number {
  const stat = readFileSync(`/proc/${server.pid}/stat`, "utf8");
  // The second field, the name, may hold blanks; it ends with the last parenthesis.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * MS_PER_TICK;
}
