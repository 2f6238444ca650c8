import assert from "node:assert/strict";
import test, { describe, type TestContext } from "node:test";
import OpenAI from "openai";
import { createStepGate, type MockLlm, type Reply, startMockLlm } from "./support/mock-llm.ts";

async function setUp(t: TestContext, reply?: Reply | string): Promise<{ llm: MockLlm; openai: OpenAI }> {
  const llm = await startMockLlm();
  t.after(() => llm.close());
  if (reply !== undefined) llm.onChat(() => reply);
  return { llm, openai: new OpenAI({ baseURL: llm.baseUrl, apiKey: "test-key", maxRetries: 0 }) };
}

function stream(openai: OpenAI, signal?: AbortSignal) {
  return openai.chat.completions.create(
    {
      model: "test-model",
      messages: [{ role: "user", content: "Hi" }],
      stream: true,
      stream_options: { include_usage: true },
    },
    { signal },
  );
}

type Stream = Awaited<ReturnType<typeof stream>>;

async function readAll(chunks: Stream) {
  const args: string[] = [];
  const names: string[] = [];
  const seen = { text: "", deltas: 0, roles: 0, usages: 0, finish: "", args, names };
  for await (const chunk of chunks) {
    if (chunk.usage) seen.usages += 1;
    const choice = chunk.choices[0];
    if (!choice) continue;
    seen.deltas += 1;
    if (choice.delta.role) seen.roles += 1;
    seen.text += choice.delta.content ?? "";
    seen.finish = choice.finish_reason ?? seen.finish;
    for (const call of choice.delta.tool_calls ?? []) {
      names[call.index] = (names[call.index] ?? "") + (call.function?.name ?? "");
      args[call.index] = (args[call.index] ?? "") + (call.function?.arguments ?? "");
    }
  }
  return seen;
}

describe("the mock LLM", () => {
  test("streams its default answer word by word and records the request", async (t) => {
    const { llm, openai } = await setUp(t);
    const seen = await readAll(await stream(openai));
    assert.equal(seen.text, "Hello from the mock.");
    assert.deepEqual([seen.deltas, seen.roles, seen.usages, seen.finish], [5, 1, 1, "stop"]);
    const request = await llm.nextRequest("chat");
    assert.equal(request.utterance, "Hi");
    assert.equal(request.headers.authorization, "Bearer test-key");
    assert.equal(await request.done, "finished");
    assert.equal(llm.openConnections, 0);
    await assert.rejects(request.closedByClient, /did not leave early: finished/);
  });

  test("tells a sentiment request by its system message", async (t) => {
    const { llm, openai } = await setUp(t);
    llm.onSentiment((_request, utterance) => (utterance.includes("late") ? "angry" : "calm"));
    const answer = await openai.chat.completions.create({
      model: "test-model",
      messages: [
        { role: "system", content: "Answer in ONE WORD." },
        { role: "user", content: "It is late again" },
      ],
    });
    assert.equal(answer.choices[0]?.message.content, "angry");
    assert.equal((await llm.nextRequest()).kind, "sentiment");
  });

  test("streams a tool call split over deltas after some text", async (t) => {
    const calls = [
      { id: "a", name: "lookup", arguments: ['{"or', 'der":', "7}"] },
      { name: "end_call", arguments: "{}" },
    ];
    const { openai } = await setUp(t, { kind: "toolCalls", text: "One moment. ", calls });
    const seen = await readAll(await stream(openai));
    assert.equal(seen.text, "One moment. ");
    assert.deepEqual(seen.names, ["lookup", "end_call"]);
    assert.deepEqual(seen.args, ['{"order":7}', "{}"]);
    assert.equal(seen.finish, "tool_calls");
  });

  test("answers a plain request with a tool call", async (t) => {
    const calls = [{ name: "lookup", arguments: "{}" }];
    const { openai } = await setUp(t, { kind: "toolCalls", calls });
    const answer = await openai.chat.completions.create({ model: "m", messages: [] });
    const { content, tool_calls } = answer.choices[0]?.message ?? {};
    assert.equal(content, "");
    assert.deepEqual(tool_calls, [
      { id: "call_0", type: "function", function: { name: "lookup", arguments: "{}" } },
    ]);
  });

  test("leaves out role, usage and [DONE] when sloppy", async (t) => {
    const { openai } = await setUp(t, { kind: "text", text: "So be it", sloppy: true });
    const seen = await readAll(await stream(openai));
    assert.deepEqual([seen.text, seen.roles, seen.usages, seen.finish], ["So be it", 0, 0, "stop"]);
  });

  test("holds each chunk until its gate opens", async (t) => {
    const steps = createStepGate();
    const { openai } = await setUp(t, { kind: "text", text: ["a", "b", "c"], gate: steps.gate });
    let text = "";
    steps.release();
    for await (const chunk of await stream(openai)) {
      text += chunk.choices[0]?.delta.content ?? "";
      if (text === "a") steps.release();
      if (text === "ab") steps.release(Number.POSITIVE_INFINITY);
    }
    assert.equal(text, "abc");
  });

  test("gives an HTTP error with its headers", async (t) => {
    const { openai } = await setUp(t, { kind: "error", status: 429, headers: { "retry-after": "7" } });
    await assert.rejects(stream(openai), (error) => {
      assert.ok(error instanceof OpenAI.RateLimitError);
      assert.equal(error.headers.get("retry-after"), "7");
      return true;
    });
  });

  test("hangs, and sees the client leave", async (t) => {
    const { llm, openai } = await setUp(t, { kind: "hang" });
    const leaving = new AbortController();
    const answer = assert.rejects(stream(openai, leaving.signal), OpenAI.APIUserAbortError);
    const request = await llm.nextRequest("chat");
    assert.equal(llm.openConnections, 1);
    leaving.abort();
    await Promise.all([answer, request.closedByClient]);
    assert.deepEqual([request.bytesSent, llm.openConnections], [0, 0]);
  });

  test("stalls in mid-stream, and sees the client leave", async (t) => {
    const { llm, openai } = await setUp(t);
    const scripts: Reply[] = [
      { kind: "hangAfter", chunks: 2 },
      {
        kind: "text",
        text: ["Hello ", "from ", "never"],
        gate: (chunk) => chunk < 2 || new Promise(() => {}),
      },
      { kind: "text", text: ["Hello from ", "never"], firstTokenAfter: 1, betweenTokens: 3_600_000 },
    ];
    for (const script of scripts) {
      llm.onChat(() => script);
      const leaving = new AbortController();
      let text = "";
      for await (const chunk of await stream(openai, leaving.signal)) {
        text += chunk.choices[0]?.delta.content ?? "";
        if (text === "Hello from ") leaving.abort();
      }
      await (await llm.nextRequest()).closedByClient;
    }
  });

  test("cuts the connection after some chunks", async (t) => {
    const { llm, openai } = await setUp(t, { kind: "cut", chunks: 2 });
    let text = "";
    await assert.rejects(async () => {
      for await (const chunk of await stream(openai)) text += chunk.choices[0]?.delta.content ?? "";
    }, /terminated/);
    assert.equal(text, "Hello from ");
    assert.equal(await (await llm.nextRequest()).done, "cut");
  });

  test("sends a stream that is no JSON", async (t) => {
    const { openai } = await setUp(t, { kind: "brokenStream" });
    await assert.rejects(async () => readAll(await stream(openai)), SyntaxError);
  });

  test("sends an empty answer, and one without an end", async (t) => {
    const { llm, openai } = await setUp(t, { kind: "empty" });
    const empty = await readAll(await stream(openai));
    assert.deepEqual([empty.deltas, empty.text, empty.finish], [1, "", "stop"]);
    llm.onChat(() => ({ kind: "truncated", text: "and then" }));
    const truncated = await readAll(await stream(openai));
    assert.deepEqual([truncated.text, truncated.finish], ["and then", ""]);
  });

  test("writes without end no faster than the client reads", async (t) => {
    const { llm, openai } = await setUp(t, { kind: "endless" });
    const leaving = new AbortController();
    let chunks = 0;
    for await (const _ of await stream(openai, leaving.signal)) {
      chunks += 1;
      if (chunks === 200) leaving.abort();
    }
    const request = await llm.nextRequest();
    await request.closedByClient;
    const buffers = 32 * 1024 * 1024; // what two sockets and the client may hold at most
    assert.ok(request.bytesSent > 200 * 1400);
    assert.ok(request.bytesSent < buffers, `${request.bytesSent} bytes`);
  });

  test("fails the test whose handler throws", async () => {
    const llm = await startMockLlm();
    const openai = new OpenAI({ baseURL: llm.baseUrl, apiKey: "test-key", maxRetries: 0 });
    llm.onChat(() => {
      throw new RangeError("no such script");
    });
    await assert.rejects(stream(openai), OpenAI.InternalServerError);
    await assert.rejects(llm.close(), RangeError);
  });
});
