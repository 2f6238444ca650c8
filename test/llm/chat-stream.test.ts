import assert from "node:assert/strict";
import test, { describe, type TestContext } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { parseConfig } from "../../lib/config.ts";
import { LlmError } from "../../lib/errors.ts";
import { type ChatRequest, ChatStream } from "../../lib/llm/chat.ts";
import { createLlm, type Llm } from "../../lib/llm/client.ts";
import type { LlmUsage } from "../../lib/llm/usage.ts";
import { listen } from "../support/http-server.ts";
import { createStepGate, type MockLlm, type Reply, startMockLlm } from "../support/mock-llm.ts";

const REQUEST: ChatRequest = {
  model: "m",
  messages: [{ role: "user", content: "Hi" }],
  tools: [],
  toolChoice: "auto",
  temperature: 0,
};

async function setUp(t: TestContext, reply: Reply | string, env = {}): Promise<{ llm: Llm; mock: MockLlm }> {
  const mock = await startMockLlm();
  t.after(() => mock.close());
  mock.onChat(() => reply);
  return { llm: clientOf(mock.baseUrl, env), mock };
}

function clientOf(baseUrl: string, env = {}): Llm {
  return createLlm(parseConfig({ OPENAI_BASE_URL: baseUrl, OPENAI_API_KEY: "test-key", ...env }));
}

async function read(stream: ChatStream): Promise<string> {
  let text = "";
  for await (const piece of stream) text += piece;
  return text;
}

function failsWith(stream: ChatStream, kind: LlmError["kind"]): Promise<void> {
  return assert.rejects(read(stream), (error) => {
    assert.ok(error instanceof LlmError);
    assert.equal(error.kind, kind);
    return true;
  });
}

const NEVER = new AbortController().signal;

describe("a streamed answer", () => {
  test("gives the text, the tool calls and the usage", async (t) => {
    const calls = [{ id: "a", name: "look_up", arguments: ['{"or', 'der":7}'] }];
    const { llm } = await setUp(t, { kind: "toolCalls", calls, text: "Un moment, café ☕. " });
    let usage: LlmUsage | null = null;
    const stream = new ChatStream(llm, REQUEST, NEVER, (reported) => {
      usage = reported;
    });
    assert.equal(await read(stream), "Un moment, café ☕. ");
    assert.deepEqual(stream.toolCalls, [{ id: "a", name: "look_up", arguments: '{"order":7}', extra: {} }]);
    assert.match(JSON.stringify(usage), /"outcome":"completed","inputTokens":[1-9]\d*,"outputTokens":[1-9]/);
  });

  test("sends the key and asks for no compression", async (t) => {
    const { llm, mock } = await setUp(t, "Hello");
    await read(new ChatStream(llm, REQUEST, NEVER));
    const { headers } = await mock.nextRequest();
    assert.equal(headers.authorization, "Bearer test-key");
    assert.equal(headers["accept-encoding"], "identity");
    assert.equal(headers["content-type"], "application/json");
  });

  test("uses its connection again", async (t) => {
    const sockets = new Set<object>();
    const url = await listen(t, (request, response) => {
      request.resume();
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.end('data: {"choices":[{"delta":{"content":"Hello"},"finish_reason":"stop"}]}\n\n');
      sockets.add(request.socket);
    });
    const llm = clientOf(`${url}/v1`);
    for (let turn = 0; turn < 6; turn += 1)
      assert.equal(await read(new ChatStream(llm, REQUEST, NEVER)), "Hello");
    // The last bytes may have been read before their connection counts as free, so there may be a second.
    assert.ok(sockets.size <= 2, `${sockets.size} connections for six answers`);
  });

  test("closes its connection when it is cancelled in mid-answer", async (t) => {
    const { gate, release } = createStepGate();
    const { llm, mock } = await setUp(t, { kind: "text", text: "one two three", gate });
    const controller = new AbortController();
    const stream = new ChatStream(llm, REQUEST, controller.signal);
    release(1);
    const pieces = stream[Symbol.asyncIterator]();
    assert.equal((await pieces.next()).value, "one ");
    const request = await mock.nextRequest();
    controller.abort();
    await assert.rejects(pieces.next(), (error) => error instanceof LlmError && error.kind === "aborted");
    await request.closedByClient;
  });

  test("closes its connection when it is cancelled before the answer", async (t) => {
    const { llm, mock } = await setUp(t, { kind: "hang" });
    const controller = new AbortController();
    const failed = failsWith(new ChatStream(llm, REQUEST, controller.signal), "aborted");
    const request = await mock.nextRequest();
    controller.abort();
    await failed;
    await request.closedByClient;
  });

  test("closes its connection when nobody reads on", async (t) => {
    const { llm, mock } = await setUp(t, { kind: "endless" });
    for await (const piece of new ChatStream(llm, REQUEST, NEVER)) {
      assert.notEqual(piece, "");
      break;
    }
    await (await mock.nextRequest()).closedByClient;
  });

  test("does not read faster than its reader", async (t) => {
    const { llm, mock } = await setUp(t, { kind: "endless" });
    const pieces = new ChatStream(llm, REQUEST, NEVER)[Symbol.asyncIterator]();
    await pieces.next();
    const request = await mock.nextRequest();
    // The kernel's buffers and ours fill up; then the mock, which heeds back-pressure, stands still.
    let before = -1;
    while (before !== request.bytesSent) {
      before = request.bytesSent;
      await delay(100);
    }
    assert.ok(before < 20 * 1024 * 1024, `${before} bytes were taken`);
    await pieces.return?.(undefined);
  });

  for (const [status, kind] of [
    [401, "auth"],
    [404, "bad_request"],
    [429, "rate_limit"],
    [503, "server"],
  ] as const) {
    test(`fails as ${kind} on status ${status}`, async (t) => {
      const { llm } = await setUp(t, { kind: "error", status, headers: { "x-should-retry": "false" } });
      await failsWith(new ChatStream(llm, REQUEST, NEVER), kind);
    });
  }

  test("tries again when the server says it may", async (t) => {
    const { llm, mock } = await setUp(t, "Hello");
    let asked = 0;
    mock.onChat(() => {
      asked += 1;
      return asked === 1 ? { kind: "error", status: 503, headers: { "retry-after-ms": "1" } } : "Second try";
    });
    assert.equal(await read(new ChatStream(llm, REQUEST, NEVER)), "Second try");
  });

  test("fails as refused where nobody listens", async () => {
    // No test is given port 1; one that was free a moment ago may have been taken by another test.
    const llm = clientOf("http://127.0.0.1:1/v1");
    await failsWith(new ChatStream(llm, REQUEST, NEVER), "refused");
  });

  test("fails as cut when the connection breaks, or the answer ends too early", async (t) => {
    const { llm, mock } = await setUp(t, { kind: "cut", chunks: 2 });
    await failsWith(new ChatStream(llm, REQUEST, NEVER), "cut");
    mock.onChat(() => ({ kind: "truncated" }));
    await failsWith(new ChatStream(llm, REQUEST, NEVER), "cut");
    mock.onChat(() => ({ kind: "brokenStream", garbage: "<html>No events here</html>" }));
    await failsWith(new ChatStream(llm, REQUEST, NEVER), "cut");
  });

  test("fails as a bad stream when an event is not JSON, or reports an error", async (t) => {
    const { llm, mock } = await setUp(t, { kind: "brokenStream", garbage: "data: {oops\n\n" });
    await failsWith(new ChatStream(llm, REQUEST, NEVER), "bad_stream");
    for (const garbage of ['data: {"error":{"message":"overloaded"}}\n\n', "data: null\n\n", "data: 7\n\n"]) {
      mock.onChat(() => ({ kind: "brokenStream", garbage }));
      await failsWith(new ChatStream(llm, REQUEST, NEVER), "bad_stream");
    }
  });

  test("fails as a bad stream when an event has no end, and closes the connection", async (t) => {
    const { llm, mock } = await setUp(t, "");
    for (const piece of ["data: no line feed ".repeat(100), "data: no empty line\n".repeat(100)]) {
      mock.onChat(() => ({ kind: "endless", piece }));
      await failsWith(new ChatStream(llm, REQUEST, NEVER), "bad_stream");
      await (await mock.nextRequest()).closedByClient;
    }
  });

  test("passes over chunks and parts of chunks that only some servers send, or leave out", async (t) => {
    const chunks = [
      { type: "ping" },
      [],
      { choices: null },
      { choices: [{}] },
      { choices: [{ delta: { role: "assistant", content: null } }] },
      { choices: [{ delta: { content: "Fine." } }] },
      { choices: [{ delta: null, finish_reason: "stop" }] },
    ];
    const garbage = chunks.map((chunk) => `data: ${JSON.stringify(chunk)}\n\n`).join("");
    const { llm } = await setUp(t, { kind: "brokenStream", garbage });
    assert.equal(await read(new ChatStream(llm, REQUEST, NEVER)), "Fine.");
  });

  test("fails as timeout when nothing comes, as stalled when nothing more comes", async (t) => {
    const { llm, mock } = await setUp(t, { kind: "hang" }, { LLM_TIMEOUT_MS: "200" });
    await failsWith(new ChatStream(llm, REQUEST, NEVER), "timeout");
    mock.onChat(() => ({ kind: "hangAfter", chunks: 2 }));
    const stalled = new ChatStream(llm, REQUEST, NEVER);
    await failsWith(stalled, "stalled");
    for (const request of mock.requests) await request.closedByClient;
  });

  test("waits for a reader who comes late, and counts the model's time from then", async (t) => {
    const { llm, mock } = await setUp(t, "Hello", { LLM_TIMEOUT_MS: "500" });
    const stream = new ChatStream(llm, REQUEST, NEVER);
    await (await mock.nextRequest()).done;
    await delay(800);
    assert.equal(await read(stream), "Hello");
  });

  test("follows a redirect", async (t) => {
    const { mock } = await setUp(t, "Moved here");
    const url = await listen(t, (request, response) => {
      request.resume();
      response.writeHead(307, { location: new URL(request.url ?? "/", mock.baseUrl).href }).end();
    });
    const llm = clientOf(`${url}/v1`);
    assert.equal(await read(new ChatStream(llm, REQUEST, NEVER)), "Moved here");
  });
});
