import assert from "node:assert/strict";
import { after, before, describe, type TestContext, test } from "node:test";
import * as conventions from "@opentelemetry/semantic-conventions/incubating";
import { providerOf } from "../../lib/tracing/names.ts";
import { type MockLlm, type Reply, startMockLlm } from "../support/mock-llm.ts";
import { OtlpReceiver, type OtlpSpan } from "../support/otlp-receiver.ts";
import { freePort, type ServerProcess, startServerProcess } from "../support/server-process.ts";
import { VoiceClient } from "../support/voice-client.ts";

/** Every name and value that the conventions know. */
const registry = new Set<unknown>(Object.values(conventions));

/** Of the card that callers name: fewer of its digits are found in ids and times by chance. */
const CARD = /4111 ?1111/;

const INTERNAL = 1;
const CLIENT = 3;
const ERROR = 2;

type Stage = { llm: MockLlm; collector: OtlpReceiver; server: ServerProcess };

async function start(env: Record<string, string> = {}): Promise<Stage> {
  const [llm, collector] = await Promise.all([startMockLlm(), OtlpReceiver.start()]);
  const server = await startServerProcess({
    env: {
      OPENAI_BASE_URL: llm.baseUrl,
      AGENT_MODEL: "talker",
      SENTIMENT_MODEL: "judge",
      AGENT_VERSION: "7",
      TRANSFER_NUMBER: "+15550123",
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint,
      OTEL_BSP_SCHEDULE_DELAY: "20",
      ...env,
    },
  });
  return { llm, collector, server };
}

async function stop({ llm, collector, server }: Stage): Promise<void> {
  assert.equal(await server.stop(), 0, server.output);
  await Promise.all([llm.close(), collector.close()]);
}

async function staged(t: TestContext, env: Record<string, string> = {}): Promise<Stage> {
  const stage = await start(env);
  t.after(() => stop(stage));
  return stage;
}

const of = (span: OtlpSpan, name: string) => span.attributes[name];
const kindOf = (span: OtlpSpan) => of(span, "voice_agent.turn.kind");
const isTurn = (kind: string) => (span: OtlpSpan) => kindOf(span) === kind;
const childrenOf = ({ spans }: OtlpReceiver, root: OtlpSpan) =>
  spans.filter(({ parentSpanId }) => parentSpanId === root.spanId);

/** Of `voice_agent_trace_spans…`, by name. */
async function figures({ url }: ServerProcess): Promise<{ sent: number; lost: number }> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const value = (name: string) => Number(new RegExp(`^voice_agent_${name} (\\d+)$`, "m").exec(text)?.[1]);
  return { sent: value("trace_spans_total"), lost: value("trace_spans_lost_total") };
}

for (const protocol of ["http/protobuf", "http/json"]) {
  describe(`a call, traced over ${protocol}`, () => {
    let stage: Stage;
    before(async () => {
      stage = await start({
        OTEL_EXPORTER_OTLP_PROTOCOL: protocol,
        OTEL_EXPORTER_OTLP_HEADERS: "x-key=secret",
      });
      const { llm, server } = stage;
      const script: Reply[] = [
        { kind: "error", status: 503 },
        { kind: "toolCalls", calls: [{ id: "c1", name: "get_customer_sentiment", arguments: "{}" }] },
        { kind: "text", text: "It left today." },
      ];
      llm.onChat(() => script.shift() ?? "Good.");
      llm.onSentiment(() => "negative");
      const client = await VoiceClient.connect(server.wsUrl);
      client.join();
      await client.next("agent.speak");
      await client.turn("My card is 4111 1111 1111 1111");
      llm.onChat(() => ({
        kind: "toolCalls",
        calls: [{ name: "transfer_to_supervisor", arguments: '{"reason":null}' }],
      }));
      await client.turn("A person, please");
      await client.close();
      await stage.collector.span("hand_off", isTurn("hand_off"));
    });
    after(() => stop(stage));

    test("is posted where the variables say, with their headers", () => {
      const [request] = stage.collector.requests;
      assert.equal(request?.path, "/v1/traces");
      assert.equal(request.headers["x-key"], "secret");
      const type = protocol === "http/json" ? "application/json" : "application/x-protobuf";
      assert.equal(request.headers["content-type"], type);
      assert.equal(stage.collector.spans[0]?.resource["service.name"], "voice-agent-server");
    });

    test("has a trace for the greeting, for each answer and for the hand-off, and the session on every span", () => {
      const { spans } = stage.collector;
      const roots = spans.filter(({ parentSpanId }) => parentSpanId === undefined);
      // An alert may come after the last turn.
      const kinds = roots.map(kindOf).filter((kind) => kind !== "end");
      assert.deepEqual(kinds.sort(), ["answer", "answer", "greeting", "hand_off"]);
      assert.equal(new Set(roots.map(({ traceId }) => traceId)).size, roots.length);
      for (const root of roots) {
        assert.equal(root.name, "invoke_agent support-agent");
        assert.equal(root.kind, INTERNAL);
      }
      const sessions = new Set(
        spans.flatMap((span) => [of(span, "session.id"), of(span, "gen_ai.conversation.id")]),
      );
      assert.equal(sessions.size, 1);
      assert.ok(![...sessions].includes(undefined));
      assert.ok(spans.every((span) => of(span, "gen_ai.agent.version") === "7"));
    });

    test("an answer has its requests, its tool and the request for the verdict as children, in its time", async () => {
      const { collector } = stage;
      const root = await collector.span("answer", (span) => of(span, "voice_agent.turn.number") === 3);
      await collector.span("verdict", (span) => span.name === "chat judge" && span.traceId === root.traceId);
      const children = childrenOf(collector, root);
      assert.deepEqual(children.map(({ name }) => name).sort(), [
        "chat judge",
        "chat talker",
        "chat talker",
        "execute_tool get_customer_sentiment",
      ]);
      for (const { traceId, startTimeUnixNano } of children) {
        assert.equal(traceId, root.traceId);
        assert.ok(root.startTimeUnixNano <= startTimeUnixNano);
      }
      assert.equal(of(root, "voice_agent.turn.outcome"), "completed");
      const [first, second] = children.filter(({ name }) => name === "chat talker");
      assert.ok(first && second);
      assert.equal(first.kind, CLIENT);
      assert.deepEqual(
        ["gen_ai.operation.name", "gen_ai.request.model", "gen_ai.response.model", "gen_ai.response.id"].map(
          (name) => of(second, name),
        ),
        ["chat", "talker", "talker", "chatcmpl-mock"],
      );
      assert.deepEqual(
        [of(first, "gen_ai.response.finish_reasons"), of(second, "gen_ai.response.finish_reasons")],
        [["tool_calls"], ["stop"]],
      );
      assert.deepEqual(
        [of(second, "gen_ai.usage.input_tokens"), of(second, "gen_ai.usage.output_tokens")],
        [10, 5],
      );
      assert.ok(Number(of(second, "gen_ai.response.time_to_first_chunk")) >= 0);
      assert.equal(of(second, "server.address"), "127.0.0.1");
      // The 503 was followed by a second try.
      assert.deepEqual(
        first.events.map(({ name, attributes }) => [name, attributes["error.type"]]),
        [["voice_agent.retry", "server"]],
      );
      const tool = children.find(({ name }) => name.startsWith("execute_tool"));
      assert.deepEqual(
        [of(tool ?? root, "gen_ai.tool.name"), of(tool ?? root, "gen_ai.tool.call.id")],
        ["get_customer_sentiment", "c1"],
      );
    });

    test("every span takes time: one that takes none looks like a fault to Jaeger", () => {
      for (const { name, startTimeUnixNano, endTimeUnixNano } of stage.collector.spans) {
        assert.ok(startTimeUnixNano < endTimeUnixNano, name);
      }
    });

    test("a verdict is an evaluation on the span of the request that gave it", async () => {
      const judge = await stage.collector.span("verdict", ({ name }) => name === "chat judge");
      const [event] = judge.events;
      assert.equal(event?.name, "gen_ai.evaluation.result");
      assert.equal(event.attributes["gen_ai.evaluation.score.label"], "negative");
      assert.equal(event.attributes["gen_ai.evaluation.score.value"], -2.5);
      assert.equal(event.attributes["gen_ai.evaluation.name"], "caller_sentiment");
    });

    test("a hand-off says what became of the transfer", async () => {
      const handOff = await stage.collector.span("hand_off", isTurn("hand_off"));
      assert.deepEqual(
        [of(handOff, "voice_agent.transfer.kind"), of(handOff, "voice_agent.transfer.outcome")],
        ["cold", "unknown"],
      );
    });

    test("no word of the call is in it, and every name is one of the conventions' or our own", () => {
      const text = JSON.stringify(stage.collector.spans);
      assert.doesNotMatch(text, CARD);
      for (const word of ["It left today", "A person", "How", "support agent on the telephone"]) {
        assert.ok(!text.includes(word), word);
      }
      const names = stage.collector.spans.flatMap(({ attributes, events }) => [
        ...Object.keys(attributes),
        ...events.flatMap((event) => [event.name, ...Object.keys(event.attributes)]),
      ]);
      const foreign = new Set(
        names.filter((name) => !registry.has(name) && !name.startsWith("voice_agent.")),
      );
      assert.deepEqual([...foreign], ["langfuse.observation.completion_start_time"]);
      const operations = new Set(stage.collector.spans.map((span) => of(span, "gen_ai.operation.name")));
      for (const operation of operations) assert.ok(registry.has(String(operation)), String(operation));
    });

    test("the log's lines of a turn name its trace, and what was sent is counted", async () => {
      const { collector, server } = stage;
      const traces = new Set(collector.spans.map(({ traceId }) => traceId));
      const line = await server.nextLine(({ msg }) => /Detected negative/.test(String(msg)));
      assert.ok(traces.has(String(line.trace_id)));
      assert.match(String(line.span_id), /^[0-9a-f]{16}$/);
      const root = await collector.span("answer", (span) => of(span, "voice_agent.turn.number") === 3);
      assert.deepEqual([line.trace_id, line.span_id], [root.traceId, root.spanId]);
      const end = await server.nextLine(({ msg }) => msg === "Session ended");
      await collector.span("the end's", ({ traceId }) => traceId === end.trace_id);
      assert.deepEqual(await figures(server), { sent: collector.spans.length, lost: 0 });
    });
  });
}

test("providers of models are called as the conventions call them", () => {
  const hosts = [
    "api.openai.com",
    "api.groq.com",
    "api.mistral.ai",
    "x.openai.azure.com",
    "api.deepseek.com",
    "api.x.ai",
  ];
  for (const host of [...hosts, "generativelanguage.googleapis.com", "api.anthropic.com", "localhost"]) {
    const provider = providerOf(host);
    // These two are written otherwise, or not at all, in the package.
    assert.ok(registry.has(provider) || ["openai", "azure.ai.openai"].includes(provider), provider);
  }
});

describe("the words of a call", () => {
  for (const [policy, heard] of [
    ["redacted", "My card is [card]"],
    ["full", "My card is 4111 1111 1111 1111"],
  ] as const) {
    test(`are in its traces where TRACE_TEXT is ${policy}`, async (t) => {
      const { llm, collector, server } = await staged(t, { TRACE_TEXT: policy });
      const calls = [
        { id: "c1", name: "transfer_to_supervisor", arguments: '{"reason":"card 4111111111111111"}' },
      ];
      const script: Reply[] = [
        { kind: "text", text: "Call +1 555 010 0200." },
        { kind: "toolCalls", calls },
      ];
      llm.onChat(() => script.shift() ?? "?");
      const client = await VoiceClient.connect(server.wsUrl);
      await client.turn("My card is 4111 1111 1111 1111");
      await client.turn("A person, please");
      await client.close();
      const root = await collector.span("answer", isTurn("answer"));
      const said = policy === "full" ? "Call +1 555 010 0200." : "Call [phone].";
      const text = (content: string) => [{ type: "text", content }];
      const json = (span: OtlpSpan, name: string): unknown => JSON.parse(String(of(span, name)));
      assert.deepEqual(json(root, "gen_ai.input.messages"), [{ role: "user", parts: text(heard) }]);
      const output = [{ role: "assistant", parts: text(said), finish_reason: "stop" }];
      assert.deepEqual(json(root, "gen_ai.output.messages"), output);
      const chat = await collector.span("chat", ({ name }) => name === "chat talker");
      assert.deepEqual(json(chat, "gen_ai.input.messages"), [{ role: "user", parts: text(heard) }]);
      assert.deepEqual(json(chat, "gen_ai.output.messages"), output);
      assert.match(String(of(chat, "gen_ai.system_instructions")), /support agent on the telephone/);
      const tool = await collector.span("tool", ({ name }) => name.startsWith("execute_tool"));
      const args = policy === "full" ? "card 4111111111111111" : "card [card]";
      assert.equal(of(tool, "gen_ai.tool.call.arguments"), `{"reason":"${args}"}`);
      assert.equal(CARD.test(JSON.stringify(collector.spans)), policy === "full");
    });
  }
});

test("a request has the words that its model wrote, and no others", async (t) => {
  const { llm, collector, server } = await staged(t, { TRACE_TEXT: "full" });
  const client = await VoiceClient.connect(server.wsUrl);
  const output = (span: OtlpSpan): unknown => JSON.parse(String(of(span, "gen_ai.output.messages")));
  const message = (finish_reason: string, ...words: string[]) => [
    { role: "assistant", parts: words.map((content) => ({ type: "text", content })), finish_reason },
  ];
  const requestOf = (turn: OtlpSpan) =>
    collector.span("chat", (span) => span.name === "chat talker" && span.parentSpanId === turn.spanId);
  llm.onChat(() => "It left **today**.");
  await client.turn("Where is it?");
  const cleaned = await collector.span("cleaned", isTurn("answer"));
  assert.deepEqual(output(cleaned), message("stop", "It left today."));
  assert.deepEqual(output(await requestOf(cleaned)), message("stop", "It left **today**."));
  llm.onChat(() => ({ kind: "error", status: 401 }));
  const { text } = await client.turn("Hello?");
  const failed = await collector.span("failed", (span) => of(span, "voice_agent.turn.outcome") === "failed");
  assert.deepEqual(output(failed), message("failed", text));
  assert.deepEqual(output(await requestOf(failed)), message("error"));
  llm.onChat(() => ({ kind: "hangAfter", chunks: 1 }));
  client.say("And now?");
  await client.next("agent.llm.response.chunk", ({ text: chunk }) => chunk === "Hello ");
  client.interrupt();
  const cut = await collector.span("cut", (span) => of(span, "voice_agent.turn.outcome") === "interrupted");
  assert.deepEqual(output(cut), message("interrupted", "Hello "));
  assert.deepEqual(output(await requestOf(cut)), message("cancelled", "Hello "));
  await client.close();
});

test("a turn begins with the caller's words, though its answer is asked for later", async (t) => {
  const { llm, collector, server } = await staged(t);
  llm.onChat(() => "Good.");
  const client = await VoiceClient.connect(server.wsUrl);
  client.send({ type: "agent.transcript.update", role: "user", content: "Hello?" });
  await client.next("agent.log", ({ name }) => name === "sentiment");
  client.send({ type: "system.llm.request" });
  await client.next("agent.llm.response.end");
  const turn = await collector.span("answer", isTurn("answer"));
  const judge = await collector.span("verdict", ({ name }) => name === "chat judge");
  const talker = await collector.span("request", ({ name }) => name === "chat talker");
  assert.ok(turn.startTimeUnixNano <= judge.startTimeUnixNano);
  assert.ok(judge.endTimeUnixNano <= talker.startTimeUnixNano);
  assert.ok(talker.endTimeUnixNano <= turn.endTimeUnixNano);
  await client.close();
});

test("an answer that fails is an error, and one that is interrupted is not", async (t) => {
  const { llm, collector, server } = await staged(t);
  const client = await VoiceClient.connect(server.wsUrl);
  llm.onChat(() => ({ kind: "error", status: 401 }));
  await client.turn("Hello?");
  const failed = await collector.span("failed", (span) => of(span, "voice_agent.turn.outcome") === "failed");
  assert.equal(failed.status.code, ERROR);
  const [request] = childrenOf(collector, failed).filter(({ name }) => name === "chat talker");
  assert.deepEqual([request?.status.code, request && of(request, "error.type")], [ERROR, "auth"]);
  llm.onChat(() => ({ kind: "hangAfter", chunks: 1 }));
  client.say("And now?");
  await client.next("agent.llm.response.chunk", ({ text }) => text === "Hello ");
  client.interrupt();
  await client.next("agent.llm.response.end");
  const cut = await collector.span("cut", (span) => of(span, "voice_agent.turn.outcome") === "interrupted");
  assert.equal(cut.status.code, 0);
  const chat = await collector.span(
    "chat",
    ({ parentSpanId, name }) => parentSpanId === cut.spanId && /talker/.test(name),
  );
  assert.deepEqual([chat.status.code, of(chat, "voice_agent.request.outcome")], [0, "cancelled"]);
  await client.close();
});

test("what a supervisor does is a turn", async (t) => {
  const { collector, server } = await staged(t, { AUTH_TOKEN: "a-token-of-the-tests" });
  const client = await VoiceClient.connect(`${server.wsUrl}?token=a-token-of-the-tests`);
  await client.turn("Hello");
  const answer = await collector.span("answer", isTurn("answer"));
  const session = String(of(answer, "session.id"));
  const response = await fetch(`${server.url}/live/${session}/say`, {
    method: "POST",
    headers: { authorization: "Bearer a-token-of-the-tests", "content-type": "application/json" },
    body: JSON.stringify({ text: "This is Anna." }),
  });
  assert.ok(response.ok, `${response.status}`);
  const act = await collector.span("supervisor", isTurn("supervisor"));
  assert.equal(of(act, "voice_agent.supervisor.action"), "say");
  assert.equal(of(act, "session.id"), session);
  await client.close();
});

test("the embedded model is traced, too, and its verdict is on the turn", async (t) => {
  const { collector, server } = await staged(t, { OPENAI_BASE_URL: "" });
  const client = await VoiceClient.connect(server.wsUrl);
  await client.turn("This is ridiculous!");
  const root = await collector.span("answer", isTurn("answer"));
  assert.deepEqual(
    root.events
      .filter(({ name }) => name === "gen_ai.evaluation.result")
      .map(({ attributes }) => attributes["gen_ai.evaluation.score.label"]),
    ["frustrated"],
  );
  await client.close();
});

describe("a collector that fails", () => {
  test("refuses: calls go on, the losses are counted, and the log says so once", async (t) => {
    const { llm, collector, server } = await staged(t);
    collector.mode = "refuses";
    llm.onChat(() => "Good.");
    const client = await VoiceClient.connect(server.wsUrl);
    assert.equal((await client.turn("Hello")).text, "Good.");
    await server.nextLine(({ msg }) => /collector does not take traces/.test(String(msg)));
    const { sent, lost } = await figures(server);
    assert.equal(sent, 0);
    assert.ok(lost > 0);
    collector.mode = "well";
    assert.equal((await client.turn("Again")).text, "Good.");
    await server.nextLine(({ msg }) => msg === "The collector takes traces again");
    await client.close();
    assert.equal(server.lines.filter(({ msg }) => /does not take traces/.test(String(msg))).length, 1);
  });

  test("hangs: the queue is bounded, calls go on, and the end does not wait for it", async () => {
    const stage = await start({ OTEL_BSP_MAX_QUEUE_SIZE: "10", OTEL_BSP_MAX_EXPORT_BATCH_SIZE: "5" });
    const { llm, collector, server } = stage;
    collector.mode = "hangs";
    llm.onChat(() => "Good.");
    const client = await VoiceClient.connect(server.wsUrl);
    for (let turn = 0; turn < 10; turn += 1) assert.equal((await client.turn("Hello")).text, "Good.");
    assert.ok((await figures(server)).lost >= 10);
    await client.close();
    // It is 3 s, of the 10 that an end may take; a hang would be the guard's minute.
    await stop(stage);
  });

  test("is not there: the server starts, and calls go on", async (t) => {
    const port = await freePort();
    const { llm, server } = await staged(t, { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}` });
    llm.onChat(() => "Good.");
    const client = await VoiceClient.connect(server.wsUrl);
    assert.equal((await client.turn("Hello")).text, "Good.");
    await client.close();
  });
});

test("what waits is sent when the server ends", async () => {
  const stage = await start({ OTEL_BSP_SCHEDULE_DELAY: "600000" });
  const { collector, server } = stage;
  const client = await VoiceClient.connect(server.wsUrl);
  await client.turn("Hello");
  await client.close();
  assert.equal(collector.spans.length, 0);
  await stop(stage);
  assert.ok(collector.spans.some(isTurn("answer")));
});

describe("tracing is off", () => {
  for (const [what, env] of [
    ["without an endpoint", { OTEL_EXPORTER_OTLP_ENDPOINT: "" }],
    ["by OTEL_SDK_DISABLED", { OTEL_SDK_DISABLED: "true" }],
    ["by OTEL_TRACES_EXPORTER", { OTEL_TRACES_EXPORTER: "none" }],
  ] as const) {
    test(what, async (t) => {
      const { collector, server } = await staged(t, env);
      const client = await VoiceClient.connect(server.wsUrl);
      await client.turn("Hello");
      await client.close();
      const line = await server.nextLine(({ msg }) => msg === "Session ended");
      assert.equal(line.trace_id, undefined);
      assert.doesNotMatch(await (await fetch(`${server.url}/metrics`)).text(), /trace_spans/);
      assert.equal(collector.requests.length, 0);
    });
  }

  test("the sampler's variables are heeded", async (t) => {
    const { collector, server } = await staged(t, { OTEL_TRACES_SAMPLER: "always_off" });
    const client = await VoiceClient.connect(server.wsUrl);
    await client.turn("Hello");
    await client.close();
    await server.nextLine(({ msg }) => msg === "Session ended");
    assert.deepEqual(await figures(server), { sent: 0, lost: 0 });
    assert.equal(collector.requests.length, 0);
  });
});
