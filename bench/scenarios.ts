import { setTimeout as delay } from "node:timers/promises";
import type { Load, MockOpenAi } from "./helpers.ts";
import type { MockSettings, TalkReport } from "./messages.ts";
import type { Peer, PeerName } from "./peers.ts";
import { cpuMs, family, residentKb } from "./proc.ts";
import { percentile } from "./statistics.ts";

/** What one round of a scenario gives for one peer: a figure for each of the metrics, by its label with unit. */
export type Figures = Record<string, number>;

/** `quick` shows tendencies in a minute or two, `smoke` only that everything runs. */
export type Size = "full" | "quick" | "smoke";

export type Bench = {
  mock: MockOpenAi;
  load: Load;
  size: Size;
  /** Starts a peer; the caller stops it. */
  start(name: PeerName, options?: { env?: Record<string, string>; probe?: boolean }): Promise<Peer>;
};

export type Scenario = {
  name: string;
  title: string;
  peers: readonly PeerName[];
  /** The most rounds that tell anything; a slow scenario has fewer. */
  rounds?: number;
  /** Cores without which it would measure something else; it is left out then, unless it is asked for. */
  cores?: number;
  env?: Record<string, string>;
  /** Measures a peer that runs for the whole scenario. */
  warm?: (bench: Bench, peer: Peer) => Promise<Figures>;
  /** Starts and stops the peer itself. */
  cold?: (bench: Bench, name: PeerName, env: Record<string, string>) => Promise<Figures>;
};

/** An answer of two sentences, at the speed of a fast model. */
const ANSWER: MockSettings = { tokens: 60, paceMs: 30, firstTokenMs: 0, verdictMs: 0 };
const OURS: readonly PeerName[] = ["server", "baseline"];
const NODE: readonly PeerName[] = [...OURS, "pass-through", "floor"];
const ALL: readonly PeerName[] = [...NODE, "python"];
/** Of the calls that take time to open, or of their turns, so many are left out. */
const DIVISOR: Record<Size, number> = { full: 1, quick: 5, smoke: 50 };
const share = ({ size }: Bench, of: number) => Math.max(Math.round(of / DIVISOR[size]), 2);
const ROOM = { MAX_SESSIONS: "20000" };

async function talkFor(
  bench: Bench,
  peer: Peer,
  callers: number,
  settings: MockSettings,
): Promise<TalkReport> {
  await bench.mock.set(settings);
  const smoke = bench.size === "smoke";
  const staggerMs = smoke ? 0 : settings.tokens * settings.paceMs;
  const report = await bench.load.talk({
    callers,
    until: smoke
      ? { unit: "turns", turns: 1 }
      : { unit: "ms", ms: bench.size === "full" ? 4_000 : 1_500, warmupMs: staggerMs + 500 },
    interruptAfter: null,
    mood: "calm",
    thinkMs: 0,
    staggerMs,
    pids: { server: family(peer.pid), mock: bench.mock.pid },
  });
  return report;
}

function perChunk({ cpuMs, chunks, ms, firstChunkMs }: TalkReport): Figures {
  return {
    "CPU per chunk, µs": (cpuMs.server * 1_000) / chunks,
    "chunks per second": (chunks * 1_000) / ms,
    "CPU of the server, %": (cpuMs.server * 100) / ms,
    "CPU of the mock, %": (cpuMs.mock * 100) / ms,
    "CPU of the load generator, %": (cpuMs.load * 100) / ms,
    "first chunk p50, ms": percentile(firstChunkMs, 50),
    "first chunk p99, ms": percentile(firstChunkMs, 99),
  };
}

function talking(callers: number, settings = ANSWER): Scenario["warm"] {
  return async (bench, peer) => {
    const count = bench.size === "smoke" ? share(bench, callers) : callers;
    await bench.load.open(peer.wsUrl, count);
    const report = await talkFor(bench, peer, count, settings);
    await bench.load.close();
    return perChunk(report);
  };
}

/** The same callers alone and among idle ones, one right after the other. */
async function company(bench: Bench, peer: Peer): Promise<Figures> {
  const callers = 50;
  const perChunkAmong = async (idle: number) => {
    await bench.load.open(peer.wsUrl, callers + idle);
    const { cpuMs, chunks } = await talkFor(bench, peer, callers, ANSWER);
    await bench.load.close();
    return (cpuMs.server * 1_000) / chunks;
  };
  const alone = await perChunkAmong(0);
  const among = await perChunkAmong(250);
  return {
    "CPU per chunk alone, µs": alone,
    "CPU per chunk among idle ones, µs": among,
    "among ÷ alone": among / alone,
  };
}

async function interrupts(bench: Bench, peer: Peer): Promise<Figures> {
  const callers = bench.size === "smoke" ? 5 : 300;
  await bench.mock.set({ ...ANSWER, tokens: 200 });
  await bench.load.open(peer.wsUrl, callers);
  await bench.mock.left();
  const report = await bench.load.talk({
    callers,
    until: { unit: "turns", turns: bench.size === "full" ? 3 : 1 },
    // In the middle of an answer; with the pause after it, a caller interrupts every two seconds.
    interruptAfter: 40,
    mood: "calm",
    thinkMs: bench.size === "smoke" ? 0 : 800,
    staggerMs: bench.size === "smoke" ? 0 : 2_000,
    pids: { server: [peer.pid], mock: bench.mock.pid },
  });
  const sentAt = new Map(report.interrupts.map(({ id, at }) => [id, at]));
  const toClosed: number[] = [];
  // The last ones may still be on their way when their callers have heard the end.
  for (let look = 0; look < 40 && toClosed.length < sentAt.size; look += 1) {
    for (const { id, at } of await bench.mock.left()) {
      const from = sentAt.get(id);
      if (from !== undefined) toClosed.push(at - from);
    }
    await delay(50);
  }
  await bench.load.close();
  return {
    "interrupt to end p50, ms": percentile(report.interruptToEndMs, 50),
    "interrupt to end p99, ms": percentile(report.interruptToEndMs, 99),
    "interrupt to upstream closed p50, ms": percentile(toClosed, 50),
    "interrupt to upstream closed p99, ms": percentile(toClosed, 99),
    "upstream closed after an interrupt, %": (toClosed.length * 100) / report.interrupts.length,
  };
}

/** Two furious utterances, so that every further verdict could be the one that hands the caller over. */
function gated(firstTokenMs: number, verdictMs: number): Scenario["warm"] {
  return async (bench, peer) => {
    const callers = 20;
    const talk = {
      callers,
      interruptAfter: null,
      thinkMs: 20,
      staggerMs: 400,
      pids: { server: [peer.pid], mock: bench.mock.pid },
    };
    const settings = { tokens: 5, paceMs: 5, firstTokenMs: 0, verdictMs: 0 };
    await bench.mock.set(settings);
    await bench.load.open(peer.wsUrl, callers);
    await bench.load.talk({ ...talk, mood: "furious", until: { unit: "turns", turns: 2 } });
    await bench.mock.set({ ...settings, firstTokenMs, verdictMs });
    const turns = bench.size === "full" ? 10 : 3;
    const { firstChunkMs } = await bench.load.talk({
      ...talk,
      mood: "calm",
      until: { unit: "turns", turns },
    });
    await bench.load.close();
    const slower = Math.max(firstTokenMs, verdictMs);
    return {
      "first chunk p50 beyond the slower one, ms": percentile(firstChunkMs, 50) - slower,
      "first chunk p99 beyond the slower one, ms": percentile(firstChunkMs, 99) - slower,
    };
  };
}

async function opening(bench: Bench, peer: Peer): Promise<Figures> {
  const calls = share(bench, 1_000);
  await bench.mock.set(ANSWER);
  const before = cpuMs(peer.pid);
  const ms = await bench.load.open(peer.wsUrl, calls, 50);
  const used = cpuMs(peer.pid) - before;
  await bench.load.close();
  return {
    "sessions opened per second": (calls * 1_000) / ms,
    "CPU per session opened, µs": (used * 1_000) / calls,
  };
}

function idle(calls: number): Scenario["cold"] {
  return async (bench, name, env) => {
    const count = share(bench, calls);
    await bench.mock.set(ANSWER);
    const peer = await bench.start(name, { env, probe: true });
    // The first calls warm up what every call shares.
    await bench.load.open(peer.wsUrl, 100);
    await bench.load.close();
    const heapBefore = await peer.heapBytes();
    const before = residentKb(peer.pid);
    await bench.load.open(peer.wsUrl, count);
    const heapFull = await peer.heapBytes();
    const full = residentKb(peer.pid);
    await bench.load.close();
    // Its sockets close a little after ours.
    await delay(500);
    const heapAfter = await peer.heapBytes();
    const figures = {
      "resident per idle session, KB": (full - before) / count,
      "heap per idle session, KB": (heapFull - heapBefore) / 1_024 / count,
      "heap kept after all have left, KB in all": (heapAfter - heapBefore) / 1_024,
      "resident after all have left, KB more than before": residentKb(peer.pid) - before,
    };
    await peer.stop();
    return figures;
  };
}

/** Needs a core for each worker, and one for the mock and the callers: see {@link Scenario.cores}. */
async function workers(bench: Bench, name: PeerName): Promise<Figures> {
  const throughput = async (count: number) => {
    const peer = await bench.start(name, { env: { WORKERS: String(count) } });
    await bench.load.open(peer.wsUrl, 300);
    const { chunks, ms } = await talkFor(bench, peer, 300, { ...ANSWER, tokens: 200, paceMs: 5 });
    await bench.load.close();
    await peer.stop();
    return (chunks * 1_000) / ms;
  };
  const one = await throughput(1);
  const two = await throughput(2);
  return { "chunks per second, 1 worker": one, "chunks per second, 2 workers": two, "2 ÷ 1": two / one };
}

async function startUp(bench: Bench, name: PeerName): Promise<Figures> {
  const peer = await bench.start(name);
  const figures = { "start to ready, ms": peer.startMs, "CPU until ready, ms": peer.startCpuMs };
  await peer.stop();
  return figures;
}

/** The request carries four messages at most, so that only the call grows and not its body. */
async function longCall(bench: Bench, peer: Peer): Promise<Figures> {
  const callers = share(bench, 40);
  await bench.mock.set({ tokens: 20, paceMs: 2, firstTokenMs: 0, verdictMs: 0 });
  const talk = async (turns: number) => {
    const report = await bench.load.talk({
      callers,
      until: { unit: "turns", turns },
      interruptAfter: null,
      mood: "calm",
      thinkMs: 1,
      staggerMs: 40,
      pids: { server: [peer.pid], mock: bench.mock.pid },
    });
    return (report.cpuMs.server * 1_000) / report.chunks;
  };
  // Other calls have warmed the code up, so that what is compared is only the length.
  await bench.load.open(peer.wsUrl, callers);
  await talk(20);
  await bench.load.close();
  await bench.load.open(peer.wsUrl, callers);
  const early = await talk(20);
  await talk(share(bench, 160));
  const late = await talk(20);
  await bench.load.close();
  return { "CPU per chunk in turns 1 to 20, µs": early, "CPU per chunk in turns 181 to 200, µs": late };
}

export const SCENARIOS: readonly Scenario[] = [
  { name: "talk-20", title: "20 sessions talking", peers: ALL, warm: talking(20) },
  { name: "talk-100", title: "100 sessions talking", peers: ALL, warm: talking(100) },
  { name: "talk-300", title: "300 sessions talking", peers: ALL, warm: talking(300) },
  {
    name: "saturation",
    title: "Saturation: 300 sessions, a chunk every 5 ms each",
    peers: ALL,
    warm: talking(300, { ...ANSWER, tokens: 200, paceMs: 5 }),
  },
  {
    name: "company",
    title: "50 sessions talking, alone and among 250 idle ones",
    peers: NODE,
    warm: company,
  },
  { name: "interrupt", title: "Every answer interrupted, 300 sessions", peers: NODE, warm: interrupts },
  {
    name: "gated-verdict",
    title: "Verdict-gated turn: verdict 300 ms, first token 100 ms",
    peers: OURS,
    warm: gated(100, 300),
  },
  {
    name: "gated-token",
    title: "Verdict-gated turn: verdict 100 ms, first token 300 ms",
    peers: OURS,
    warm: gated(300, 100),
  },
  {
    name: "long-call",
    title: "Length of a call, 40 sessions",
    peers: OURS,
    env: { MAX_CONTEXT_MESSAGES: "4" },
    warm: longCall,
  },
  { name: "open", title: "Opening sessions, 50 at a time", peers: ALL, env: ROOM, warm: opening },
  { name: "idle-1000", title: "1,000 idle sessions", peers: NODE, env: ROOM, cold: idle(1_000) },
  { name: "idle-5000", title: "5,000 idle sessions", peers: NODE, rounds: 5, env: ROOM, cold: idle(5_000) },
  { name: "start", title: "Start-up", peers: ALL, cold: startUp },
  { name: "workers", title: "Saturation, one worker and two", peers: OURS, cores: 4, cold: workers },
];
