import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { z } from "zod";
import { type MockLlm, type Reply, startMockLlm } from "../support/mock-llm.ts";
import { freePort, type ServerProcess, startServerProcess } from "../support/server-process.ts";
import { type Frame, VoiceClient } from "../support/voice-client.ts";

const KEY = "sk-very-secret";
const MAX_CHARS = 2_000;
const WHOLE = /^I'm sorry, I'm having trouble answering right now/;
const LOST = /^Hello from {2}I'm sorry, I lost my thread/;

type Fault = { what: string; reply: Reply; kind: string; hears: RegExp };

const error = (status: number, headers: Record<string, string> = {}): Reply => ({
  kind: "error",
  status,
  headers,
  body: { error: { message: `no, ${KEY}` } },
});

const FAULTS: Fault[] = [
  { what: "401", reply: error(401), kind: "auth", hears: WHOLE },
  // The server under test gives the model a second in all: a pause of 30 s must not be begun.
  {
    what: "429 with Retry-After",
    reply: error(429, { "retry-after": "30" }),
    kind: "rate_limit",
    hears: WHOLE,
  },
  { what: "500", reply: error(500), kind: "server", hears: WHOLE },
  { what: "404", reply: error(404), kind: "bad_request", hears: WHOLE },
  { what: "200 with a broken stream", reply: { kind: "brokenStream" }, kind: "bad_stream", hears: WHOLE },
  {
    what: "an error reported in the stream",
    reply: { kind: "brokenStream", garbage: 'data: {"error":{"message":"overloaded"}}\n\n' },
    kind: "bad_stream",
    hears: WHOLE,
  },
  {
    what: "a page of HTML",
    reply: { kind: "brokenStream", garbage: "<html>proxy</html>" },
    kind: "cut",
    hears: WHOLE,
  },
  { what: "a stream cut in the middle", reply: { kind: "cut", chunks: 2 }, kind: "cut", hears: LOST },
  {
    what: "a stream without its end",
    reply: { kind: "truncated", text: "Hello from " },
    kind: "cut",
    hears: LOST,
  },
  { what: "no byte at all", reply: { kind: "hang" }, kind: "timeout", hears: WHOLE },
  {
    what: "headers and then silence",
    reply: { kind: "hangAfter", chunks: 0 },
    kind: "timeout",
    hears: WHOLE,
  },
  { what: "a stall in the middle", reply: { kind: "hangAfter", chunks: 2 }, kind: "stalled", hears: LOST },
  { what: "an empty answer", reply: { kind: "empty" }, kind: "empty", hears: WHOLE },
  {
    what: "an answer of blanks",
    reply: { kind: "text", text: [" ", "\n", " "] },
    kind: "empty",
    hears: WHOLE,
  },
  {
    what: "an answer that a filter stops",
    reply: { kind: "text", text: [], finish: "content_filter" },
    kind: "content_filter",
    hears: /^I'm sorry, I can't talk about that\./,
  },
  {
    what: "a question that a filter stops",
    reply: { kind: "error", status: 400, body: { error: { message: "no", code: "content_filter" } } },
    kind: "content_filter",
    hears: /^I'm sorry, I can't talk about that\./,
  },
  {
    what: "an empty account",
    reply: { kind: "error", status: 429, body: { error: { message: "no", code: "insufficient_quota" } } },
    kind: "quota",
    hears: WHOLE,
  },
  {
    what: "a thousand tool calls",
    reply: { kind: "toolCalls", calls: new Array(1_000).fill({ name: "end_call", arguments: "{}" }) },
    kind: "bad_stream",
    hears: WHOLE,
  },
  {
    what: "thinking without end",
    reply: { kind: "hangAfter", chunks: 2, text: ["<think>", "Well, "] },
    kind: "timeout",
    hears: WHOLE,
  },
  {
    what: "a tool call without end",
    reply: { kind: "toolCalls", calls: [{ name: "end_call", arguments: "x".repeat(MAX_CHARS) }] },
    kind: "bad_stream",
    hears: WHOLE,
  },
];

const errorSchema = z.object({ payload: z.object({ kind: z.string() }) });

/** The kinds of the failures the client was told of. */
const failures = (client: VoiceClient) =>
  client.frames
    .filter(({ type }) => type === "agent.error")
    .map((frame) => errorSchema.parse(frame).payload.kind);

async function readiness({ url }: ServerProcess): Promise<[number, string]> {
  const response = await fetch(`${url}/ready`);
  const { status } = z.object({ status: z.string() }).parse(await response.json());
  return [response.status, status];
}

describe("a fault of the agent's model", () => {
  let llm: MockLlm;
  let server: ServerProcess;
  let client: VoiceClient;

  before(async () => {
    llm = await startMockLlm();
    server = await startServerProcess({
      env: {
        OPENAI_BASE_URL: llm.baseUrl,
        OPENAI_API_KEY: KEY,
        LLM_TIMEOUT_MS: "1000",
        SENTIMENT_TIMEOUT_MS: "600000",
        MAX_RESPONSE_CHARS: String(MAX_CHARS),
        LOG_LEVEL: "debug",
        ESCALATION_THRESHOLD: "100",
      },
    });
    client = await VoiceClient.connect(server.wsUrl);
  });

  after(async () => {
    client.socket.terminate();
    await llm.close();
    assert.equal(await server.stop(), 0, server.output);
    assert.ok(!server.output.includes(KEY), "the log quotes the key");
  });

  for (const { what, reply, kind, hears } of FAULTS) {
    test(`${what}: a sentence, one end, a working next turn`, async () => {
      const failedBefore = failures(client).length;
      llm.onChat(() => reply);
      const turn = await client.turn("Where is my order?");
      assert.match(turn.text, hears);
      assert.doesNotMatch(JSON.stringify(turn.frames), new RegExp(KEY));
      llm.onChat(() => "It left today.");
      // A late end or chunk of the failed turn would be taken for this one's.
      assert.equal((await client.turn("And now?")).text, "It left today.");
      assert.deepEqual(failures(client).slice(failedBefore), [kind]);
    });
  }

  test("malformed tool arguments: the model is told and speaks, and they are not in the history", async () => {
    const rounds: Reply[] = [
      { kind: "toolCalls", calls: [{ name: "get_customer_sentiment", arguments: "{oops" }] },
      { kind: "text", text: "Let me see." },
    ];
    const asked = llm.requests.filter((request) => request.kind === "chat").length;
    llm.onChat(() => rounds.shift() ?? "Fine.");
    assert.equal((await client.turn("How do I sound?")).text, "Let me see.");
    assert.equal((await client.turn("And now?")).text, "Fine.");
    for (const { body } of llm.requests.filter((request) => request.kind === "chat").slice(asked + 1)) {
      const history = JSON.stringify(body.messages);
      assert.match(history, /"arguments":"\{\}"/);
      assert.match(history, /not valid JSON/);
    }
  });

  test("tool calls without end: the model has to speak in the end, or is apologised for", async () => {
    llm.onChat(() => ({ kind: "toolCalls", calls: [{ name: "get_customer_sentiment", arguments: "{}" }] }));
    assert.match((await client.turn("How do I sound?")).text, WHOLE);
    llm.onChat(() => "Fine.");
    assert.equal((await client.turn("And now?")).text, "Fine.");
  });

  test("an endless answer: cut at the bound, a normal end, the connection closed", async () => {
    const failedBefore = failures(client).length;
    llm.onChat(() => ({ kind: "endless" }));
    client.say("Tell me everything");
    const turn = await client.response();
    assert.equal(turn.text.length, MAX_CHARS);
    assert.equal(failures(client).length, failedBefore);
    const request = llm.requests.findLast(({ kind }) => kind === "chat");
    await request?.closedByClient;
    llm.onChat(() => "Fine.");
    assert.equal((await client.turn("And now?")).text, "Fine.");
  });

  test("a fault that passes: the answer comes, nobody hears of it", async () => {
    const script = [error(503, { "retry-after-ms": "1" }), error(429, { "retry-after-ms": "1" })];
    llm.onChat(() => script.shift() ?? "It left today.");
    assert.equal((await client.turn("Where is my order?")).text, "It left today.");
    assert.equal(script.length, 0);
  });

  test("silence of the sentiment model holds up no answer", async () => {
    llm.onSentiment(() => ({ kind: "hang" }));
    const other = await VoiceClient.connect(server.wsUrl);
    // More than the verdicts that may be out at the same time.
    for (let turn = 0; turn < 12; turn += 1) {
      assert.equal((await other.turn(`Question ${turn}`)).text, "It left today.");
    }
    await other.close();
  });

  // The last one here: it leaves the sentiment model's circuit open.
  test("failures of the sentiment model: the answers come, the rules judge, the model is left alone", async () => {
    const askedBefore = llm.requests.filter(({ kind }) => kind === "sentiment").length;
    const isFallback = (frame: Frame) => JSON.stringify(frame).includes('"source":"fallback"');
    const fallbacks = () => client.frames.filter(isFallback).length;
    llm.onSentiment(() => error(500));
    for (let turn = 0; turn < 8; turn += 1) {
      assert.equal((await client.turn(`Question ${turn}`)).text, "It left today.");
      if (fallbacks() === turn) await client.next("agent.log", isFallback);
    }
    const asked = llm.requests.filter(({ kind }) => kind === "sentiment").length - askedBefore;
    assert.equal(asked, 5);
    assert.deepEqual(await readiness(server), [200, "ready"]);
  });
});

test("a turn ends after TURN_TIMEOUT_MS, though the model goes on word by word", async (t) => {
  const llm = await startMockLlm();
  t.after(() => llm.close());
  const server = await startServerProcess({
    env: { OPENAI_BASE_URL: llm.baseUrl, TURN_TIMEOUT_MS: "2000", LLM_TIMEOUT_MS: "600000" },
  });
  t.after(() => server.stop());
  const client = await VoiceClient.connect(server.wsUrl);
  llm.onChat(() => ({ kind: "text", text: new Array(10_000).fill("and "), betweenTokens: 100 }));
  assert.match((await client.turn("Tell me.")).text, /^(and )+ I'm sorry, I lost my thread/);
  assert.deepEqual(failures(client), ["turn_limit"]);
  await llm.requests.find(({ kind }) => kind === "chat")?.closedByClient;
  llm.onChat(() => "Fine.");
  assert.equal((await client.turn("And now?")).text, "Fine.");
  await client.close();
});

test("a model that cannot be reached: an apology, a working turn once it can, the circuit when it never can", async (t) => {
  const port = await freePort();
  const server = await startServerProcess({
    env: { OPENAI_BASE_URL: `http://127.0.0.1:${port}/v1`, LLM_TIMEOUT_MS: "1000" },
  });
  t.after(() => server.stop());
  const client = await VoiceClient.connect(server.wsUrl);

  assert.match((await client.turn("Hello?")).text, WHOLE);
  const llm = await startMockLlm(port);
  t.after(() => llm.close());
  assert.equal((await client.turn("Hello?")).text, "Hello from the mock.");
  await llm.close();

  for (let turn = 0; turn < 5; turn += 1) {
    assert.deepEqual(await readiness(server), [200, "ready"]);
    assert.match((await client.turn("Hello?")).text, WHOLE);
  }
  assert.deepEqual(failures(client), new Array(6).fill("refused"));
  assert.deepEqual(await readiness(server), [200, "degraded"]);

  // The model is back, but nobody looks for half a minute: the apology comes without a request.
  const back = await startMockLlm(port);
  t.after(() => back.close());
  assert.match((await client.turn("Hello?")).text, WHOLE);
  const other = await VoiceClient.connect(server.wsUrl);
  assert.match((await other.turn("Hello?")).text, WHOLE);
  assert.deepEqual([failures(client).at(-1), failures(other).length], ["circuit_open", 1]);
  assert.equal(back.requests.filter(({ kind }) => kind === "chat").length, 0);

  await Promise.all([client.close(), other.close()]);
});
