import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { type LlmRequest, type MockLlm, type Reply, startMockLlm } from "./mock-llm.ts";
import { argsOf } from "./programs.ts";
import { endOf, freePort, killWithParent } from "./server-process.ts";
import { VoiceClient } from "./voice-client.ts";

const APP = fileURLToPath(new URL("../../app.ts", import.meta.url));
const PROBE = new URL("soak-probe.ts", import.meta.url).href;
/** Calls at the same time. */
const CONCURRENCY = 25;
const START_GUARD_MS = 30_000;
/** How long what an ended call leaves behind may take to go, and how often we look, ms. */
const SETTLE_GUARD_MS = 15_000;
const POLL_MS = 50;

/** What one call does after its caller's first words. */
const WAYS = [
  "answered",
  "answered",
  "answered",
  "interrupted",
  "hangs up in mid-answer",
  "cut off",
  "fails",
];

/** Ref'd handles and requests of the server's event loop, by kind: sockets, timers, … */
const resourcesSchema = z.record(z.string(), z.number());

const censusSchema = z.object({
  /** After a garbage collection, bytes. */
  heap: z.number(),
  /** Objects that belong to one call or one request, by class. */
  live: z.record(z.string(), z.number()),
});

type Resources = z.infer<typeof resourcesSchema>;
/** What is alive in the server. */
export type Census = z.infer<typeof censusSchema> & { resources: Resources };

export type SoakResult = {
  /** Before the first call. */
  before: Census;
  /** After the first calls, when everything has been loaded and compiled. */
  warm: Census;
  /** After all of them. */
  after: Census;
  /** Requests the model has not answered to the end, and that are still open. */
  openUpstream: number;
};

/**
 * Runs `sessions` calls of one turn against the real server in a process of its own, and counts what they leave behind
 * there, also after the first `warmUp` of them.
 */
export async function soak(sessions: number, warmUp: number): Promise<SoakResult> {
  const llm = await startMockLlm();
  llm.onChat(answer);
  let server: SoakServer | null = null;
  try {
    server = await SoakServer.start(llm.baseUrl);
    const before = await server.census();
    await runCalls(server.wsUrl, 0, warmUp);
    const warm = await settled(server, llm, before);
    await runCalls(server.wsUrl, warmUp, sessions);
    const after = await settled(server, llm, before);
    return { before, warm, after, openUpstream: llm.openConnections };
  } finally {
    await server?.stop();
    await llm.close();
  }
}

function answer(request: LlmRequest): Reply {
  const { utterance } = request;
  if (utterance.includes("fails")) return { kind: "cut", chunks: 2 };
  if (utterance.includes("answered")) return { kind: "text", text: "It left our house today." };
  // The rest never comes: the call has to end in the middle.
  return { kind: "hangAfter", chunks: 2 };
}

async function runCalls(wsUrl: string, from: number, to: number): Promise<void> {
  let next = from;
  const line = async () => {
    while (next < to) {
      const number = next;
      next += 1;
      await runCall(wsUrl, WAYS[number % WAYS.length] ?? "answered");
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, line));
}

async function runCall(wsUrl: string, way: string): Promise<void> {
  const client = await VoiceClient.connect(wsUrl);
  client.join();
  client.say(`This call is ${way}`);
  await client.next("agent.llm.response.chunk");
  if (way === "interrupted") client.interrupt();
  if (way === "cut off") client.socket.terminate();
  else if (way !== "hangs up in mid-answer") await client.next("agent.llm.response.end");
  if (way === "cut off") await client.closed;
  else await client.close();
}

/** The census once nothing of a call is left, or as it is when that takes too long. */
async function settled(server: SoakServer, llm: MockLlm, before: Census): Promise<Census> {
  // The client keeps idle connections to the model for the next request; that is no leak.
  llm.closeIdle();
  const guard = AbortSignal.timeout(SETTLE_GUARD_MS);
  const wanted = JSON.stringify(before.resources);
  let resources = await server.resources();
  while (!guard.aborted && !(llm.openConnections === 0 && JSON.stringify(resources) === wanted)) {
    await delay(POLL_MS);
    resources = await server.resources();
  }
  // What hangs on a weak reference or a finalizer takes more than one collection to go.
  for (;;) {
    // Its own look at the resources may catch the store's heartbeat at work, so the one above counts.
    const census = { ...(await server.census()), resources };
    if (guard.aborted || JSON.stringify(census.live) === JSON.stringify(before.live)) return census;
    await delay(POLL_MS);
  }
}

/** app.ts in a child that can count its objects, with the probe behind an IPC channel. */
class SoakServer {
  readonly wsUrl: string;
  readonly #child;
  readonly #exited: Promise<unknown>;

  private constructor(port: number, llmUrl: string, cwd: string) {
    this.wsUrl = `ws://127.0.0.1:${port}/ws`;
    const args = ["--import", import.meta.resolve("tsx"), "--import", PROBE, ...argsOf(APP)];
    this.#child = spawn(process.execPath, args, {
      cwd,
      env: {
        PATH: process.env.PATH,
        HOST: "127.0.0.1",
        PORT: String(port),
        OPENAI_BASE_URL: llmUrl,
        LOG_LEVEL: "fatal",
      },
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
    killWithParent(this.#child);
    this.#exited = once(this.#child, "close").then(() => rm(cwd, { recursive: true, force: true }));
  }

  static async start(llmUrl: string): Promise<SoakServer> {
    const port = await freePort();
    const server = new SoakServer(port, llmUrl, await mkdtemp(join(tmpdir(), "voice-soak-")));
    const guard = AbortSignal.timeout(START_GUARD_MS);
    const isReady = () =>
      fetch(`http://127.0.0.1:${port}/ready`, { headers: { connection: "close" } }).then(
        ({ ok }) => ok,
        () => false,
      );
    while (!(await isReady())) {
      assert.ok(!guard.aborted && server.#child.exitCode === null, "the server does not start");
      await delay(POLL_MS);
    }
    return server;
  }

  async resources(): Promise<Resources> {
    return resourcesSchema.parse(await this.#ask("resources"));
  }

  async census(): Promise<Census> {
    return { ...censusSchema.parse(await this.#ask("census")), resources: await this.resources() };
  }

  async #ask(question: "resources" | "census"): Promise<unknown> {
    const answered = once(this.#child, "message");
    this.#child.send(question);
    return (await answered)[0];
  }

  async stop(): Promise<void> {
    this.#child.kill("SIGTERM");
    await endOf(this.#child, this.#exited, START_GUARD_MS, "the server after SIGTERM");
  }
}
