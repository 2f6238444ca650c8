import assert from "node:assert/strict";
import test, { describe, type TestContext } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { parseConfig } from "../../lib/config.ts";
import { LlmError } from "../../lib/errors.ts";
import { ChatStream } from "../../lib/llm/chat.ts";
import { createLlm } from "../../lib/llm/client.ts";
import { isLog, type LogPayloads } from "../../lib/wire/log-events.ts";
import { SentimentAnalyzer } from "../../sentiment-analyzer.ts";
import { SupportAgent } from "../../support-agent.ts";
import { createStepGate, type MockLlm, startMockLlm } from "../support/mock-llm.ts";
import { Listener } from "../support/nodes.ts";
import { startRuntime } from "../support/runtime-server.ts";
import { VoiceClient } from "../support/voice-client.ts";

const MAX_CONTEXT = 20;

/** The example's two nodes and a listener, in one call. */
async function setUp(t: TestContext): Promise<{ llm: MockLlm; client: VoiceClient; listener: Listener }> {
  const mock = await startMockLlm();
  t.after(() => mock.close());
  const config = parseConfig({ OPENAI_BASE_URL: mock.baseUrl, LLM_TIMEOUT_MS: "2000" });
  const llm = createLlm(config);
  const listeners: Listener[] = [];
  const server = await startRuntime(
    async (session) => {
      const listener = new Listener();
      const sentiment = new SentimentAnalyzer({ llm, model: "s", timeoutMs: 60_000, threshold: 100 });
      session.addNode(sentiment);
      session.addNode(
        new SupportAgent({
          llm,
          model: "a",
          sentiment,
          coach: null,
          transfer: null,
          escalationWaitMs: 0,
          maxContextMessages: MAX_CONTEXT,
        }),
      );
      session.addNode(listener);
      await session.start();
      listeners.push(listener);
    },
    { MAX_EVENTS_PER_SECOND: "100000", MAX_BYTES_PER_SECOND: "100000000", MAX_REQUESTS_PER_SECOND: "100000" },
  );
  t.after(() => server.close());
  const client = await VoiceClient.connect(server.wsUrl);
  const listener = listeners[0];
  assert.ok(listener);
  return { llm: mock, client, listener };
}

const usages = ({ heard }: Listener, model: string): LogPayloads["llm.usage"][] =>
  heard.flatMap((event) => {
    if (!isLog(event, "llm.usage")) return [];
    return event.payload.model === model ? [event.payload] : [];
  });

describe("every model request that ends is noted on the bus", () => {
  test("of the agent: completed with its tokens, cancelled by an interrupt, failed", async (t) => {
    const { llm, client, listener } = await setUp(t);
    await client.turn("Hello");
    llm.onChat(() => ({ kind: "hangAfter", chunks: 1 }));
    client.say("Hello");
    await client.next("agent.llm.response.chunk");
    client.interrupt();
    await client.next("agent.llm.response.end");
    llm.onChat(() => ({ kind: "error", status: 401 }));
    await client.turn("Hello");
    assert.deepEqual(usages(listener, "a"), [
      { model: "a", outcome: "completed", inputTokens: 10, outputTokens: 5, thinkingMs: null },
      { model: "a", outcome: "cancelled", inputTokens: null, outputTokens: null, thinkingMs: null },
      { model: "a", outcome: "failed", inputTokens: null, outputTokens: null, thinkingMs: null },
    ]);
    assert.ok(!client.frames.some(({ name }) => name === "llm.usage"), "it is nobody's business outside");
  });

  test("of the agent: each round of tool calls", async (t) => {
    const { llm, client, listener } = await setUp(t);
    const call = { name: "get_customer_sentiment", arguments: "{}" };
    llm.onChat(({ body }) =>
      body.messages.at(-1)?.role === "tool" ? "Fine." : { kind: "toolCalls", calls: [call] },
    );
    await client.turn("How do I sound?");
    assert.deepEqual(
      usages(listener, "a").map(({ outcome }) => outcome),
      ["completed", "completed"],
    );
  });

  test("of the sentiment model", async (t) => {
    const { llm, client, listener } = await setUp(t);
    const verdict = () => client.next("agent.log", ({ name }) => name === "sentiment");
    client.send({ type: "agent.transcript.update", role: "user", content: "Hello" });
    await verdict();
    llm.onSentiment(() => ({ kind: "error", status: 500 }));
    client.send({ type: "agent.transcript.update", role: "user", content: "Hello" });
    await verdict();
    assert.deepEqual(usages(listener, "s"), [
      { model: "s", outcome: "completed", inputTokens: 10, outputTokens: 5, thinkingMs: null },
      { model: "s", outcome: "failed", inputTokens: null, outputTokens: null, thinkingMs: null },
    ]);
  });
});

test("after 300 turns the model still gets no more than the bound, and no call without its result", async (t) => {
  const { llm, client } = await setUp(t);
  let turn = 0;
  llm.onChat(({ body }) => {
    const calls = [0, 1].map((index) => ({
      id: `c${turn}-${index}`,
      name: "get_customer_sentiment",
      arguments: "{}",
    }));
    if (turn % 3 === 0 && body.messages.at(-1)?.role !== "tool") return { kind: "toolCalls", calls };
    return `Answer ${turn}`;
  });
  for (turn = 0; turn < 300; turn += 1) {
    assert.equal((await client.turn(`Question ${turn}`, { report: true })).text, `Answer ${turn}`);
  }
  for (const { body, kind } of llm.requests) {
    if (kind !== "chat") continue;
    const [prompt, ...history] = body.messages;
    assert.equal(prompt?.role, "system");
    // The round of a turn under way comes on top: one message that asks, one result for each call.
    assert.ok(history.length <= MAX_CONTEXT + 3, `${history.length} messages`);
    const open = new Set<unknown>();
    for (const message of history) {
      if (message.role === "tool") assert.ok(open.delete(message.tool_call_id), "a result without its call");
      else assert.equal(open.size, 0, "a call without its result");
      const calls = Array.isArray(message.tool_calls) ? message.tool_calls : [];
      for (const { id } of calls) open.add(id);
    }
    assert.equal(open.size, 0, "a call without its result");
  }
  const last = llm.requests
    .findLast(({ kind }) => kind === "chat")
    ?.body.messages.map(({ content }) => content);
  assert.ok(last?.includes("Question 299") && last.includes("Answer 298"));
});

describe("a request that may be made again", () => {
  const open = (baseUrl: string, signal: AbortSignal) =>
    new ChatStream(
      createLlm(parseConfig({ OPENAI_BASE_URL: baseUrl, LLM_TIMEOUT_MS: "600000" })),
      { model: "a", messages: [], tools: [], toolChoice: "auto", temperature: 0 },
      signal,
      () => {},
    );
  const read = async (stream: ChatStream) => {
    for await (const _ of stream);
  };

  test("does not wait out its pause when nobody wants the answer any more", async (t) => {
    const llm = await startMockLlm();
    t.after(() => llm.close());
    llm.onChat(() => ({ kind: "error", status: 429, headers: { "retry-after": "300" } }));
    const leaving = new AbortController();
    const answer = read(open(llm.baseUrl, leaving.signal));
    await (await llm.nextRequest()).done;
    leaving.abort();
    await assert.rejects(answer, (error) => error instanceof LlmError && error.kind === "aborted");
    assert.equal(llm.requests.length, 1);
  });

  test("is made three times at most", async (t) => {
    const llm = await startMockLlm();
    t.after(() => llm.close());
    llm.onChat(() => ({ kind: "error", status: 500, headers: { "retry-after-ms": "1" } }));
    await assert.rejects(read(open(llm.baseUrl, new AbortController().signal)), { kind: "server" });
    assert.equal(llm.requests.length, 3);
  });

  test("is not made again once something has been said", async (t) => {
    const llm = await startMockLlm();
    t.after(() => llm.close());
    llm.onChat(() => ({ kind: "cut", chunks: 1 }));
    await assert.rejects(read(open(llm.baseUrl, new AbortController().signal)), { kind: "cut" });
    assert.equal(llm.requests.length, 1);
  });
});

test("a reader who takes its time is no fault of the model", async (t) => {
  const llm = await startMockLlm();
  t.after(() => llm.close());
  const steps = createStepGate();
  steps.release();
  llm.onChat(() => ({ kind: "text", text: "Hello from the mock.", gate: steps.gate }));
  const timeoutMs = 1_000;
  const client = createLlm(parseConfig({ OPENAI_BASE_URL: llm.baseUrl, LLM_TIMEOUT_MS: String(timeoutMs) }));
  const request = { model: "a", messages: [], tools: [], toolChoice: "auto" as const, temperature: 0 };
  let text = "";
  for await (const piece of new ChatStream(client, request, new AbortController().signal, () => {})) {
    // The stream's own timer was set earlier, and for no longer: it has fired by then.
    if (text === "") await delay(timeoutMs);
    text += piece;
    steps.release(Number.POSITIVE_INFINITY);
  }
  assert.equal(text, "Hello from the mock.");
});
