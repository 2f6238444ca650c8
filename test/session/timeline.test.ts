import assert from "node:assert/strict";
import { once } from "node:events";
import test, { describe } from "node:test";
import { pino } from "pino";
import { openCallStore } from "../../lib/calls/call-store.ts";
import type { CallRecord } from "../../lib/calls/record.ts";
import { CallRecorder } from "../../lib/calls/recorder.ts";
import { reportCall } from "../../lib/calls/report.ts";
import { readCall } from "../../lib/calls/store/read.ts";
import { parseConfig } from "../../lib/config.ts";
import { Live } from "../../lib/live/live.ts";
import type { LiveEvent } from "../../lib/live/live-event.ts";
import { InProcessFeed } from "../../lib/live/live-feed.ts";
import { createLlm } from "../../lib/llm/client.ts";
import { Metrics } from "../../lib/metrics/metrics.ts";
import { MetricsNode } from "../../lib/metrics/metrics-node.ts";
import { OutputAgentNode } from "../../lib/nodes/output-agent-node.ts";
import { TimelineNode } from "../../lib/nodes/timeline-node.ts";
import type { Moment } from "../../lib/session/moments.ts";
import { AgentSession } from "../../lib/session/session.ts";
import { type ClientEvent, type Draft, stamp } from "../../lib/wire/events.ts";
import { fc } from "../support/property.ts";

type Step =
  | { do: "say" | "hear" | "chunk" | "line" | "supervisorSays"; text: string }
  | { do: "report"; part: number }
  | { do: "back"; outcome: "busy" | "no_answer" }
  | { do: "request" | "interrupt" | "finish" | "fail" | "mute" | "unmute" | "transfer" | "endCall" };

const log = pino({ level: "silent" });
const config = parseConfig({ DATABASE_URL: "file::memory:", RETENTION_DAYS: "0" });

/** An agent whose answer goes on when the test says so. */
class Puppet extends OutputAgentNode {
  #pieces: { text: string }[] = [];
  #end: "finish" | "fail" | null = null;
  readonly #strings = new EventTarget();

  constructor() {
    super({ name: "puppet" });
  }

  pull(step: { text: string } | "finish" | "fail"): void {
    if (!this.responding) return;
    if (typeof step === "string") this.#end = step;
    else this.#pieces.push(step);
    this.#strings.dispatchEvent(new Event("pull"));
  }

  protected override async *generateResponse(signal: AbortSignal): AsyncGenerator<string> {
    this.#pieces = [];
    this.#end = null;
    while (!signal.aborted) {
      const piece = this.#pieces.shift();
      if (piece) yield piece.text;
      else if (this.#end === "finish") return;
      else if (this.#end === "fail") throw new Error("the strings are torn");
      else await once(this.#strings, "pull", { signal }).catch(() => {});
    }
  }
}

class Witness extends TimelineNode {
  readonly moments: Moment[] = [];

  protected override hear(moment: Moment): void {
    this.moments.push(moment);
  }
}

/** Everything that is waiting gets its turn: mailboxes go on by promises alone. */
async function settle(): Promise<void> {
  for (let round = 0; round < 3; round += 1) await new Promise((resolve) => setImmediate(resolve));
}

function startSession(id: string, nodes: readonly (Puppet | TimelineNode)[]) {
  const session = new AgentSession({
    id,
    context: { initialVariables: {}, conversationType: "telephonyInbound", caller: null },
    outputAgentSettings: null,
    log,
    outlet: { send: () => {}, writable: () => null, close: () => {} },
  });
  for (const node of nodes) session.addNode(node);
  const receive = (event: Draft<ClientEvent>) => session.receive(stamp<ClientEvent>(event));
  return { session, receive };
}

async function play(steps: readonly Step[], call: ReturnType<typeof startSession>, agent: Puppet) {
  const { receive, session } = call;
  let said = "";
  for (const step of steps) {
    switch (step.do) {
      case "say":
        receive({ type: "agent.transcript.update", role: "user", content: step.text });
        receive({ type: "system.llm.request", messages: null, extraParams: {} });
        break;
      case "hear":
        receive({ type: "agent.transcript.update", role: "user", content: step.text });
        break;
      case "request":
        receive({ type: "system.llm.request", messages: null, extraParams: {} });
        break;
      case "chunk":
        said += step.text;
        agent.pull(step);
        break;
      case "finish":
      case "fail":
        agent.pull(step.do);
        said = "";
        break;
      case "line":
        agent.speak(step.text);
        break;
      case "supervisorSays":
        trySupervising(() => agent.say(step.text));
        break;
      case "report":
        receive({
          type: "agent.transcript.update",
          role: "assistant",
          content: said.slice(0, Math.ceil(said.length * step.part)),
        });
        break;
      case "interrupt":
        receive({ type: "system.control.interrupt" });
        break;
      case "mute":
      case "unmute":
        trySupervising(() => (step.do === "mute" ? agent.mute() : agent.unmute()));
        break;
      case "back":
        receive({ type: "system.transfer.ended", outcome: step.outcome, returned: true });
        break;
      case "endCall":
        agent.sendEvent({ type: "agent.end_call" });
        break;
      case "transfer":
        agent.sendEvent({
          type: "agent.transfer_call",
          transferCallNumber: "+1",
          transferOptions: { type: "cold_transfer", privateHandoffOption: null, publicHandoffOption: null },
          onHoldMusic: null,
        });
        break;
    }
    await settle();
  }
  session.disconnected();
  await session.waitUntilComplete();
}

/** After the hand-off a supervisor is refused, which is no matter of this test. */
function trySupervising(act: () => void): void {
  try {
    act();
  } catch {
    // Refused.
  }
}

const words = fc.constantFrom("hello", "where is my order", "one two", " and three", "well,", "no");
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant("say" as const), text: words }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant("chunk" as const), text: words }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom("finish" as const, "interrupt" as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constantFrom("hear" as const, "line" as const, "supervisorSays" as const),
      text: words,
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("report" as const), part: fc.constantFrom(0.4, 1) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constantFrom("request" as const, "fail" as const, "mute" as const, "unmute" as const),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom("transfer" as const, "endCall" as const) }) },
);

describe("the live stream, the record, the report and the metrics", () => {
  test("tell the same of every turn, whatever happens in a call", async () => {
    const store = await openCallStore({ config, llm: createLlm(config), log });
    const metrics = new Metrics();
    let calls = 0;
    // Ten calls side by side, because the record gathers its writes for a moment.
    const tenCalls = fc.array(fc.array(step, { minLength: 3, maxLength: 25 }), {
      minLength: 10,
      maxLength: 10,
    });
    await fc.assert(
      fc.asyncProperty(tenCalls, async (scripts) => {
        const before = await countsOf(metrics);
        const watched = await Promise.all(
          scripts.map(async (steps) => {
            calls += 1;
            const id = `call-${calls}`;
            const feed = new InProcessFeed();
            const live = new Live(feed);
            const told: LiveEvent[] = [];
            feed.onEvent(({ event }) => told.push(event));
            const agent = new Puppet();
            const recorder = new CallRecorder({ store, config });
            const call = startSession(id, [live.watch(), agent, recorder, new MetricsNode(metrics)]);
            await call.session.start();
            await play(steps, call, agent);
            await live.close();
            return { id, told };
          }),
        );
        await store.writer.flush();
        const sums = [0, 0, 0];
        for (const { id, told } of watched) {
          const record = await readCall(store.database.db, id);
          assert.ok(record);
          const counts = compare(record, told);
          for (const [index, count] of counts.entries()) sums[index] = (sums[index] ?? 0) + count;
        }
        const counted = (await countsOf(metrics)).map((count, index) => count - (before[index] ?? 0));
        assert.deepEqual(counted, sums);
      }),
      { numRuns: 30, includeErrorInReport: true },
    );
    await store.close();
  });
});

/** Compares what the stream told of a call with its record and report. @returns its interrupts, answers and replies. */
function compare(record: CallRecord, told: readonly LiveEvent[]): number[] {
  // A turn that is told again takes the place of what was told before.
  const seen = new Map(told.flatMap((event) => (event.type === "turn" ? [[event.number, event]] : [])));
  const turns = [...seen.values()].sort((a, b) => a.number - b.number);
  const fromLive = turns.map((turn) => {
    const { number, offsetMs, text } = turn;
    if (turn.role === "user") return { number, offsetMs, text };
    const { firstChunkMs, replyMs, answerMs, interrupted, outcome } = turn;
    return { number, offsetMs, text, firstChunkMs, replyMs, answerMs, interrupted, outcome };
  });
  const fromRecord = record.turns.map((turn) => {
    const { number, offsetMs, text, firstChunkMs, replyMs, answerMs, interrupted, outcome } = turn;
    if (turn.role === "user") return { number, offsetMs, text };
    return { number, offsetMs, text, firstChunkMs, replyMs, answerMs, interrupted, outcome };
  });
  assert.deepEqual(fromRecord, fromLive);
  assert.deepEqual(
    fromRecord.map(({ number }) => number),
    fromRecord.map((_turn, index) => index + 1),
    "turns are counted without a gap",
  );
  const { quality } = reportCall(record);
  const said = turns.flatMap((turn) => (turn.role === "agent" ? [turn] : []));
  assert.equal(quality.interruptions, said.filter(({ interrupted }) => interrupted).length);
  assert.equal(quality.turns.assistant, said.filter(({ text }) => text !== "").length);
  const answers = said.filter(({ outcome }) => outcome !== null);
  return [quality.interruptions, answers.length, answers.filter(({ replyMs }) => replyMs !== null).length];
}

/** Interrupts, answers and replies counted so far. */
async function countsOf(metrics: Metrics): Promise<number[]> {
  const lines = (await metrics.text()).split("\n");
  return ["interrupts_total", "turns_total", "reply_seconds_count"].map((name) =>
    lines
      .filter((line) => line.startsWith(`voice_agent_${name} `) || line.startsWith(`voice_agent_${name}{`))
      .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" "))), 0),
  );
}

describe("the timeline", () => {
  async function moments(steps: readonly Step[]): Promise<Moment[]> {
    const agent = new Puppet();
    const witness = new Witness("witness");
    const call = startSession("a-call", [witness, agent]);
    await call.session.start();
    await play(steps, call, agent);
    return witness.moments;
  }

  test("counts an answer that is interrupted before its first word, and gives the next one its own time", async () => {
    const told = await moments([
      { do: "say", text: "hello" },
      { do: "interrupt" },
      { do: "say", text: "hello?" },
      { do: "chunk", text: "Hi." },
      { do: "finish" },
    ]);
    const ended = told.flatMap((moment) => (moment.type === "answer.ended" ? [moment.turn] : []));
    assert.deepEqual(
      ended.map(({ number, outcome, text }) => [number, outcome, text]),
      [
        [2, "interrupted", ""],
        [4, "completed", "Hi."],
      ],
    );
    const [cut, answer] = ended;
    assert.equal(cut?.replyMs, null);
    assert.ok(answer && answer.replyMs !== null && answer.firstChunkMs !== null && answer.answerMs !== null);
    assert.ok(answer.firstChunkMs <= answer.replyMs && answer.firstChunkMs <= answer.answerMs);
  });

  test("does not count the silence of a muted agent, nor that after the hand-off", async () => {
    const told = await moments([
      { do: "mute" },
      { do: "say", text: "anybody there" },
      { do: "unmute" },
      { do: "transfer" },
      { do: "say", text: "hello" },
    ]);
    const turns = told.flatMap((moment) => ("turn" in moment ? [moment] : []));
    assert.deepEqual(
      turns.filter(({ type }) => type !== "answer.started").map(({ type }) => type),
      ["utterance", "utterance"],
    );
    const numbers = turns.flatMap((moment) => (moment.type === "utterance" ? [moment.turn.number] : []));
    assert.deepEqual(numbers, [1, 2]);
  });

  test("tells of a transfer when it is asked for, and when it has ended or nobody will tell", async () => {
    const told = await moments([
      { do: "transfer" },
      { do: "back", outcome: "busy" },
      { do: "say", text: "then help me yourself" },
      { do: "chunk", text: "I will." },
      { do: "finish" },
      { do: "transfer" },
    ]);
    const transfers = told.flatMap((moment) => (moment.type === "transfer" ? [moment.transfer] : []));
    assert.deepEqual(
      transfers.map(({ number, outcome, returned }) => [number, outcome, returned]),
      [
        [1, "requested", false],
        [1, "busy", true],
        [2, "requested", false],
        [2, "unknown", false],
      ],
    );
    assert.ok(
      transfers.every(({ outcome, tookMs }) => (tookMs === null) === /requested|unknown/.test(outcome)),
    );
    const said = told.flatMap((moment) => (moment.type === "line" ? [moment.turn.text] : []));
    assert.match(said[0] ?? "", /line is busy/);
    assert.ok(told.some((moment) => moment.type === "answer.ended" && moment.turn.text === "I will."));
  });

  test("corrects a turn that was cut short, or spoken otherwise, after it was sent", async () => {
    const told = await moments([
      { do: "say", text: "hello" },
      { do: "chunk", text: "One two" },
      { do: "report", part: 0.4 },
      { do: "finish" },
      { do: "interrupt" },
    ]);
    const corrections = told.flatMap((moment) => (moment.type === "correction" ? [moment] : []));
    assert.deepEqual(
      corrections.map(({ because, turn }) => [because, turn.text, turn.words, turn.interrupted]),
      [["interrupted", "One two", 2, true]],
    );
  });
});
