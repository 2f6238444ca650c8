import assert from "node:assert/strict";
import { once } from "node:events";
import test, { after, before } from "node:test";
import { pino } from "pino";
import { parseConfig } from "../../lib/config.ts";
import { createLlm } from "../../lib/llm/client.ts";
import { AgentNode } from "../../lib/nodes/agent-node.ts";
import { collectDigits, DigitCollector, mask } from "../../lib/nodes/digits.ts";
import { LlmAgentNode } from "../../lib/nodes/llm-agent-node.ts";
import { AgentSession } from "../../lib/session/session.ts";
import { type AgentEvent, type ClientEvent, type Draft, stamp } from "../../lib/wire/events.ts";
import { type MockLlm, startMockLlm } from "../support/mock-llm.ts";
import { fc } from "../support/property.ts";

let mock: MockLlm;
before(async () => {
  mock = await startMockLlm();
});
after(() => mock.close());

/** A call of an agent that asks for a code, and what it sends. */
async function startCall() {
  const sent: AgentEvent[] = [];
  const lines: string[] = [];
  const news = new EventTarget();
  const collected: string[] = [];
  const session = new AgentSession({
    id: "a-call",
    context: { initialVariables: {}, conversationType: "telephonyInbound", caller: null },
    outputAgentSettings: null,
    log: pino({ level: "trace" }, { write: (line: string) => lines.push(line) }),
    outlet: {
      send: (event) => {
        sent.push(event);
        news.dispatchEvent(new Event("sent"));
      },
      writable: () => null,
      close: () => {},
    },
  });
  const collection = collectDigits({
    description: "Lets the caller key in a code",
    prompt: "Please key in your code.",
    length: 8,
    handler: (digits) => {
      collected.push(digits);
      return "the code is right";
    },
  });
  const llm = createLlm(parseConfig({ OPENAI_BASE_URL: mock.baseUrl }));
  const agent = new LlmAgentNode({ name: "agent", llm, instructions: "Be brief.", tools: [collection] });
  session.addNode(agent);
  await session.start();
  const receive = (event: Draft<ClientEvent>) => session.receive(stamp<ClientEvent>(event));
  return {
    session,
    sent,
    lines,
    collected,
    receive,
    keys: (digits: string) => {
      for (const digit of digits) receive({ type: "system.user.key", digit });
    },
    said: () =>
      sent.flatMap((event) => (event.type === "agent.llm.response.chunk" ? [event.text] : [])).join(""),
    until: async (type: AgentEvent["type"], name?: string) => {
      const is = (event: AgentEvent) =>
        event.type === type && (event.type !== "agent.log" || event.name === name);
      while (!sent.some(is)) await once(news, "sent", { signal: AbortSignal.timeout(20_000) });
    },
  };
}

test("collect_digits gives the digits to its handler, and dots to everybody else", async () => {
  mock.onChat(({ body }) => {
    const asked = body.messages.some(({ role }) => role === "tool");
    return asked
      ? "Thank you, that is right."
      : { kind: "toolCalls", calls: [{ name: "collect_digits", arguments: "{}" }] };
  });
  const call = await startCall();
  call.receive({ type: "agent.transcript.update", role: "user", content: "I want my balance" });
  call.receive({ type: "system.llm.request", messages: null, extraParams: {} });
  await call.until("agent.log", "tool_call_start");
  // Many a line reports the first key as a barge-in, too.
  call.receive({ type: "system.control.interrupt" });
  call.keys("73920415");
  await call.until("agent.llm.response.end");
  assert.deepEqual(call.collected, ["73920415"]);
  assert.equal(call.said(), "Please key in your code. Thank you, that is right.");
  const result = mock.requests.at(-1)?.body.messages.find(({ role }) => role === "tool")?.content;
  assert.deepEqual(JSON.parse(String(result)), {
    status: "ok",
    digits: "••••••••",
    result: "the code is right",
  });
  const everything = JSON.stringify([call.sent, call.lines, mock.requests.map(({ body }) => body)]);
  // Eight digits: four are found in ids and times by chance.
  assert.doesNotMatch(everything, /73920415|"digit":/);
  call.session.disconnected();
});

test("words instead of keys end the collection, and later keys go to onKey", async () => {
  mock.onChat(({ utterance }) =>
    utterance === "balance"
      ? { kind: "toolCalls", calls: [{ name: "collect_digits", arguments: "{}" }] }
      : "No matter.",
  );
  const call = await startCall();
  const request = () => call.receive({ type: "system.llm.request", messages: null, extraParams: {} });
  call.receive({ type: "agent.transcript.update", role: "user", content: "balance" });
  request();
  await call.until("agent.log", "tool_call_start");
  call.keys("73");
  call.receive({ type: "agent.transcript.update", role: "user", content: "I don't know it" });
  request();
  await call.until("agent.llm.response.end");
  while (!call.said().endsWith("No matter.")) await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(call.collected, []);
  call.session.disconnected();
});

test("every kind of node hears a key, in order, whatever has been said before", async () => {
  class Keypad extends AgentNode {
    readonly keys: string[] = [];

    protected override onKey(digit: string): void {
      this.keys.push(digit);
    }
  }
  const call = { sent: 0 };
  const session = new AgentSession({
    id: "a-call",
    context: { initialVariables: {}, conversationType: "telephonyInbound", caller: null },
    outputAgentSettings: null,
    log: pino({ level: "silent" }),
    outlet: { send: () => (call.sent += 1), writable: () => null, close: () => {} },
  });
  const keypad = new Keypad({ name: "keypad" });
  session.addNode(keypad);
  await session.start();
  for (const digit of "*1#") session.receive(stamp<ClientEvent>({ type: "system.user.key", digit }));
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(keypad.keys, ["*", "1", "#"]);
  session.disconnected();
});

test("a collector gives what was keyed in before # or up to the last key, and never more", async () => {
  const digits = fc.string({ unit: fc.constantFrom(..."0123456789*"), maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(digits, digits, fc.integer({ min: 1, max: 12 }), async (keys, more, length) => {
      const collector = new DigitCollector();
      const collected = collector.collect(length, 60_000, new AbortController().signal);
      const taken = [...`${keys}#${more}`].filter((digit) => collector.key(digit));
      assert.equal(await collected, keys.slice(0, length));
      assert.equal(taken.length, Math.min(length, keys.length + 1), "what comes later is somebody else's");
      assert.equal(mask(keys), "•".repeat(keys.length));
    }),
  );
});
