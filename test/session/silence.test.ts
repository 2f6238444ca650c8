import assert from "node:assert/strict";
import test, { mock, type TestContext } from "node:test";
import { pino } from "pino";
import { OutputAgentNode } from "../../lib/nodes/output-agent-node.ts";
import { AgentSession } from "../../lib/session/session.ts";
import { type AgentEvent, type ClientEvent, type ConversationType, stamp } from "../../lib/wire/events.ts";

const SILENCE_MS = 10_000;

class Greeter extends OutputAgentNode {
  constructor() {
    super({ name: "greeter", stillThere: "Hello?", goodbye: "Goodbye!" });
  }

  protected override async *generateResponse(): AsyncGenerator<string> {
    yield "one two three four five";
  }
}

/** A call whose clock goes on when the test says so. */
async function startCall(t: TestContext, conversationType: ConversationType = "telephonyInbound") {
  // One clock for all tests: those of two contexts get in each other's way on Node 20.
  mock.timers.enable({ apis: ["setTimeout"] });
  t.after(() => mock.timers.reset());
  const sent: AgentEvent[] = [];
  const session = new AgentSession({
    id: "a-call",
    context: { initialVariables: {}, conversationType, caller: null },
    outputAgentSettings: null,
    log: pino({ level: "silent" }),
    outlet: { send: (event) => sent.push(event), writable: () => null, close: () => {} },
  });
  const agent = new Greeter();
  session.addNode(agent);
  session.watchSilence(SILENCE_MS);
  await session.start();
  const settle = async () => {
    for (let round = 0; round < 3; round += 1) await new Promise((resolve) => setImmediate(resolve));
  };
  return {
    session,
    agent,
    receive: async (event: Parameters<typeof stamp<ClientEvent>>[0]) => {
      session.receive(stamp<ClientEvent>(event));
      await settle();
    },
    /** What was said, and done, while so much time went by, ms. */
    after: async (ms: number) => {
      const before = sent.length;
      mock.timers.tick(ms);
      await settle();
      return sent.slice(before).flatMap((event) => {
        if (event.type === "agent.speak") return [event.text];
        return event.type === "agent.end_call" ? ["(end)"] : [];
      });
    },
  };
}

const request = { type: "system.llm.request", messages: null, extraParams: {} } as const;

test("a silent caller is asked once more, then told goodbye", async (t) => {
  const call = await startCall(t);
  call.agent.speak("Hi.");
  assert.deepEqual(await call.after(SILENCE_MS), [], "the word takes its time to be spoken");
  assert.deepEqual(await call.after(400), ["Hello?"]);
  assert.deepEqual(await call.after(SILENCE_MS + 399), []);
  assert.deepEqual(await call.after(1), ["Goodbye!", "(end)"]);
  call.session.disconnected();
});

test("the silence begins when the agent has been heard to its end, or sooner if the client says so", async (t) => {
  const call = await startCall(t);
  await call.receive(request);
  assert.deepEqual(await call.after(SILENCE_MS + 5 * 400 - 1), []);
  await call.receive({
    type: "agent.transcript.update",
    role: "assistant",
    content: "one two three four five",
  });
  assert.deepEqual(await call.after(SILENCE_MS - 1), []);
  assert.deepEqual(await call.after(1), ["Hello?"]);
  call.session.disconnected();
});

test("words, a key, a barge-in and a cough are no silence, and the count begins anew", async (t) => {
  const call = await startCall(t);
  call.agent.speak("Hi.");
  assert.deepEqual(await call.after(SILENCE_MS + 400), ["Hello?"]);
  await call.receive({ type: "system.user.key", digit: "1" });
  assert.deepEqual(await call.after(SILENCE_MS * 2), [], "nobody has said anything since the key");
  call.agent.speak("Hi.");
  await call.receive({ type: "system.user.started_speaking" });
  assert.deepEqual(await call.after(SILENCE_MS * 2), [], "the caller speaks");
  await call.receive({ type: "system.user.stopped_speaking" });
  assert.deepEqual(await call.after(SILENCE_MS), ["Hello?"], "it was a cough, and the count is at one again");
  call.session.disconnected();
  assert.deepEqual(await call.after(SILENCE_MS * 10), [], "nothing rings after the end");
});

test("people who type are left alone", async (t) => {
  const call = await startCall(t, "chat");
  call.agent.speak("Hi.");
  assert.deepEqual(await call.after(SILENCE_MS * 100), []);
  call.session.disconnected();
});
