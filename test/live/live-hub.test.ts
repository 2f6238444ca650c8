import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import test, { describe } from "node:test";
import pino from "pino";
import type { LiveEvent } from "../../lib/live/live-event.ts";
import { LiveHub } from "../../lib/live/live-hub.ts";
import { type MessageToPrimary, type MessageToWorker, Sender } from "../../lib/live/worker-messages.ts";

class FakeWorker extends EventEmitter {
  readonly id: number;
  readonly got: MessageToWorker[] = [];

  constructor(id: number, hub: LiveHub) {
    super();
    this.id = id;
    hub.watch(this);
  }

  send(message: MessageToWorker): boolean {
    this.got.push(message);
    return true;
  }

  say(message: MessageToPrimary): void {
    this.emit("message", message);
  }
}

const started = (sessionId: string): LiveEvent => ({
  type: "call.started",
  at: "2026-11-23T09:00:00.000Z",
  sessionId,
  callId: null,
  callerNumber: null,
  direction: null,
  conversationType: "chat",
  agent: null,
  agentVersion: null,
  model: null,
  startedAt: "2026-11-23T09:00:00.000Z",
});
const verdict = (sessionId: string, utterance: number): LiveEvent => ({
  type: "verdict",
  at: "2026-11-23T09:00:01.000Z",
  sessionId,
  utterance,
  sentiment: "neutral",
  upset: 0.1,
  cause: null,
  score: 0,
  source: "model",
  frustrationCount: 0,
});

const silent = pino({ level: "silent" });

describe("the primary's part of the live stream", () => {
  test("gives every worker the same events with the same ids, its own included", () => {
    const hub = new LiveHub(silent);
    const workers = [new FakeWorker(1, hub), new FakeWorker(2, hub)];
    for (const worker of workers) worker.say({ live: "hello" });
    for (const [n, worker] of workers.entries()) worker.say({ live: "event", event: started(`call ${n}`) });
    const [first, second] = workers.map(({ got }) => got.filter(({ live }) => live === "event"));
    assert.equal(first?.length, 2);
    assert.deepEqual(first, second);
  });

  test("keeps the beginning and the latest of a long call for a worker that comes later", () => {
    const hub = new LiveHub(silent);
    const old = new FakeWorker(1, hub);
    old.say({ live: "hello" });
    old.say({ live: "event", event: started("over") });
    old.say({
      live: "event",
      event: { ...started("over"), type: "call.ended", reason: "idle", durationMs: 1 },
    });
    old.say({ live: "event", event: started("long") });
    for (let n = 1; n <= 1_000; n += 1) old.say({ live: "event", event: verdict("long", n) });
    const fresh = new FakeWorker(2, hub);
    fresh.say({ live: "hello" });
    const [welcome] = fresh.got;
    assert.ok(welcome?.live === "welcome");
    assert.equal(welcome.history.length, 300);
    assert.deepEqual(welcome.history[0], started("long"));
    assert.deepEqual(welcome.history.at(-1), verdict("long", 1_000));
  });

  test("takes an order to the worker that has the call and the answer back, or says that there is no such call", () => {
    const hub = new LiveHub(silent);
    const [asking, having] = [new FakeWorker(1, hub), new FakeWorker(2, hub)];
    for (const worker of [asking, having]) worker.say({ live: "hello" });
    having.say({ live: "event", event: started("theirs") });
    const command = { action: "mute", by: "anna" } as const;
    asking.say({ live: "order", id: "7", sessionId: "theirs", command });
    assert.deepEqual(having.got.at(-1), { live: "order", id: "7", from: 1, sessionId: "theirs", command });
    having.say({ live: "answer", id: "7", to: 1, answer: { done: true } });
    assert.deepEqual(asking.got.at(-1), { live: "answer", id: "7", answer: { done: true } });
    asking.say({ live: "order", id: "8", sessionId: "nobody's", command });
    const last = asking.got.at(-1);
    assert.ok(last?.live === "answer" && !last.answer.done);
    assert.equal(last.answer.code, "not_live");
  });

  test("says nothing to a worker that has another feed", () => {
    const hub = new LiveHub(silent);
    const [shared, other] = [new FakeWorker(1, hub), new FakeWorker(2, hub)];
    shared.say({ live: "hello" });
    shared.say({ live: "event", event: started("a") });
    assert.deepEqual(other.got, []);
  });

  test("warns of what it does not understand, and goes on", () => {
    const lines: string[] = [];
    const hub = new LiveHub(pino({ level: "warn" }, { write: (line: string) => lines.push(line) }));
    const worker = new FakeWorker(1, hub);
    worker.emit("message", { live: "something newer" });
    worker.emit("message", { metrics: "ask" });
    worker.say({ live: "hello" });
    assert.equal(lines.length, 1);
    assert.equal(worker.got.length, 1);
  });
});

test("a process that does not read loses messages instead of filling our memory", () => {
  const onTheirWay: (() => void)[] = [];
  const sender = new Sender<number>((_message, sent) => onTheirWay.push(sent));
  for (let n = 0; n < 20_000; n += 1) sender.send(n);
  assert.equal(onTheirWay.length, 10_000);
  for (const sent of onTheirWay.splice(0, 10)) sent();
  for (let n = 0; n < 20; n += 1) sender.send(n);
  assert.equal(onTheirWay.length, 10_000);
});
