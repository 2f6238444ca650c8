import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { WebSocket } from "ws";
import { clockMs, loadCommandSchema, type Mark, type Talk, type TalkReport } from "./messages.ts";
import { cpuMs } from "./proc.ts";

/*
 * The load generator: callers that talk the protocol. It looks at as few bytes of a frame as it can,
 * because it shares the machine with what it measures.
 */

const binary = { binary: true };
const frame = (event: object) =>
  Buffer.from(JSON.stringify({ ...event, timestamp: new Date().toISOString() }));
const INIT = frame({
  type: "system.init",
  version: "1.0.0",
  session_context: { initial_variables: {}, conversation_type: "telephonyInbound" },
});
const JOINED = frame({ type: "system.user.joined" });
const REQUEST = frame({ type: "system.llm.request" });
const INTERRUPT = frame({ type: "system.control.interrupt" });
/** Longest wait for a call's greeting, ms. */
const OPEN_GUARD_MS = 60_000;

type Counters = Omit<TalkReport, "ms" | "cpuMs">;
const noCounters = (): Counters => ({
  chunks: 0,
  turns: 0,
  firstChunkMs: [],
  interruptToEndMs: [],
  interrupts: [],
});
let counters = noCounters();

class Caller {
  readonly #number: number;
  readonly #socket: WebSocket;
  #greeted: () => void = () => {};
  #talk: Talk | null = null;
  #finished: () => void = () => {};
  #turnsLeft = 0;
  #turn = 0;
  #chunks = 0;
  #askedAt = 0;
  #interruptedAt = 0;
  #answering = false;

  constructor(number: number, url: string) {
    this.#number = number;
    this.#socket = new WebSocket(url, { perMessageDeflate: false, skipUTF8Validation: true });
    this.#socket.on("message", (data: Buffer) => this.#onFrame(data));
  }

  /** Resolves when the agent has greeted. */
  async open(): Promise<void> {
    const signal = AbortSignal.timeout(OPEN_GUARD_MS);
    await once(this.#socket, "open", { signal });
    const greeted = new Promise<void>((resolve, reject) => {
      this.#greeted = resolve;
      this.#socket.once("close", (code) => reject(new Error(`the server closed a call with ${code}`)));
      signal.addEventListener("abort", () => reject(new Error("the agent did not greet")), { once: true });
    });
    this.#socket.send(INIT, binary);
    await greeted;
  }

  /** Resolves after the turns asked for; when the time is what ends it, never. */
  talk(talk: Talk, turns: number): Promise<void> {
    this.#talk = talk;
    this.#turnsLeft = turns;
    const finished = new Promise<void>((resolve) => {
      this.#finished = resolve;
    });
    this.#say(talk);
    return finished;
  }

  async close(): Promise<void> {
    this.#talk = null;
    const closed = once(this.#socket, "close");
    this.#socket.close();
    await closed;
  }

  #say(talk: Talk): void {
    this.#turn += 1;
    this.#chunks = 0;
    this.#interruptedAt = 0;
    this.#answering = true;
    const mood = talk.mood === "furious" ? "I am furious." : "Thank you.";
    const content = `#${this.#id()} Where is my parcel? ${mood}`;
    this.#socket.send(frame({ type: "agent.transcript.update", role: "user", content }), binary);
    this.#askedAt = clockMs();
    this.#socket.send(REQUEST, binary);
  }

  #onFrame(data: Buffer): void {
    // The type is the first field of every peer's frames; Python writes a space before it.
    const type = data.toString("latin1", 9, 40);
    if (type.includes("agent.llm.response.chunk")) this.#onChunk();
    else if (type.includes("agent.llm.response.end")) this.#onEnd();
    else if (type.includes("agent.speak")) this.#greeted();
    else if (type.includes("agent.ready")) this.#socket.send(JOINED, binary);
  }

  #onChunk(): void {
    counters.chunks += 1;
    this.#chunks += 1;
    if (this.#chunks === 1) counters.firstChunkMs.push(clockMs() - this.#askedAt);
    if (this.#chunks === this.#talk?.interruptAfter) {
      this.#interruptedAt = clockMs();
      counters.interrupts.push({ id: this.#id(), at: this.#interruptedAt } satisfies Mark);
      this.#socket.send(INTERRUPT, binary);
    }
  }

  #onEnd(): void {
    if (!this.#answering) return;
    this.#answering = false;
    counters.turns += 1;
    if (this.#interruptedAt > 0) counters.interruptToEndMs.push(clockMs() - this.#interruptedAt);
    if (!this.#talk) return;
    const content = " token".repeat(this.#chunks);
    this.#socket.send(frame({ type: "agent.transcript.update", role: "assistant", content }), binary);
    this.#turnsLeft -= 1;
    if (this.#turnsLeft === 0) this.#finished();
    else setTimeout(() => this.#talk && this.#say(this.#talk), this.#talk.thinkMs);
  }

  #id(): string {
    return `call-${this.#number}-${this.#turn}`;
  }
}

let callers: Caller[] = [];
let opened = 0;

async function open(url: string, calls: number, atOnce: number): Promise<{ ms: number }> {
  const startedAt = clockMs();
  const fresh = Array.from({ length: calls }, () => {
    opened += 1;
    return opened;
  });
  const worker = async () => {
    for (let number = fresh.pop(); number !== undefined; number = fresh.pop()) {
      const caller = new Caller(number, url);
      callers.push(caller);
      await caller.open();
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return { ms: clockMs() - startedAt };
}

async function talk(command: Talk): Promise<TalkReport> {
  const cpu = () => ({
    server: command.pids.server.reduce((sum, pid) => sum + cpuMs(pid), 0),
    mock: cpuMs(command.pids.mock),
    load: cpuMs(process.pid),
  });
  const { until } = command;
  const talking = callers.slice(0, command.callers);
  const step = command.staggerMs / talking.length;
  const begin = (turns: number) =>
    Promise.all(
      talking.map(async (caller, index) => {
        await delay(index * step);
        await caller.talk(command, turns);
      }),
    );
  let before = cpu();
  let startedAt = clockMs();
  counters = noCounters();
  if (until.unit === "turns") {
    await begin(until.turns);
  } else {
    void begin(Number.POSITIVE_INFINITY);
    await delay(until.warmupMs);
    before = cpu();
    startedAt = clockMs();
    counters = noCounters();
    await delay(until.ms);
  }
  const after = cpu();
  return {
    ...counters,
    ms: clockMs() - startedAt,
    cpuMs: {
      server: after.server - before.server,
      mock: after.mock - before.mock,
      load: after.load - before.load,
    },
  };
}

async function close(): Promise<object> {
  const closing = callers;
  callers = [];
  await Promise.all(closing.map((caller) => caller.close()));
  return {};
}

async function run(message: unknown): Promise<object> {
  const command = loadCommandSchema.parse(message);
  switch (command.do) {
    case "open":
      return open(command.url, command.calls, command.atOnce);
    case "talk":
      return talk(command);
    case "close":
      return close();
  }
}

process.on("message", (message) => {
  run(message).then(
    (report) => process.send?.(report),
    (error: unknown) => {
      console.error("the load generator failed:", error);
      process.exit(1);
    },
  );
});
process.on("disconnect", () => process.exit());
process.send?.({ ready: true });
