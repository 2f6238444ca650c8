import assert from "node:assert/strict";
import { after, afterEach, before, describe, test } from "node:test";
import { z } from "zod";
import { parseConfig } from "../../lib/config.ts";
import { ConfigError } from "../../lib/errors.ts";
import { createStepGate, type MockLlm, type Reply, startMockLlm } from "../support/mock-llm.ts";
import { freePort, type ServerProcess, startServerProcess } from "../support/server-process.ts";
import { VoiceClient } from "../support/voice-client.ts";

const APOLOGY = /^I'm sorry, I'm having trouble answering right now/;
const FIRST_KEY = "sk-first-secret";
const SECOND_KEY = "sk-second-secret";
/** Long enough for a first model that answers at once, on a machine that does ten things at a time. */
const AFTER_MS = 1_500;

const error = (status: number, message = "no"): Reply => ({
  kind: "error",
  status,
  body: { error: { message } },
});

const callsSchema = z.object({
  calls: z.array(z.object({ session_id: z.string(), ended_at: z.string().nullable() })),
});
const callSchema = z.object({
  turns: z.array(z.object({ role: z.string(), text: z.string().nullable(), model: z.string().nullable() })),
  usage: z.array(z.object({ model: z.string(), requests: z.number(), failed: z.number() })),
});
const readySchema = z.object({
  status: z.string(),
  reason: z.string().optional(),
  models: z.array(z.object({ variable: z.string(), model: z.string(), problem: z.string().nullable() })),
});

type Pair = { first: MockLlm; second: MockLlm; server: ServerProcess; client: VoiceClient };

async function start(env: Record<string, string> = {}): Promise<Pair> {
  const [first, second] = await Promise.all([startMockLlm(), startMockLlm()]);
  const server = await startServerProcess({
    env: {
      OPENAI_BASE_URL: first.baseUrl,
      OPENAI_API_KEY: FIRST_KEY,
      AGENT_MODEL: "first",
      FALLBACK_MODEL: "second",
      FALLBACK_BASE_URL: second.baseUrl,
      FALLBACK_API_KEY: SECOND_KEY,
      FALLBACK_AFTER_MS: String(AFTER_MS),
      AGENT_EXTRA_BODY: '{"service_tier":"priority"}',
      ESCALATION_THRESHOLD: "100",
      ...env,
    },
  });
  const client = await VoiceClient.connect(server.wsUrl);
  return { first, second, server, client };
}

async function stop({ first, second, server, client }: Pair): Promise<void> {
  client.socket.terminate();
  const code = await server.stop();
  await Promise.all([first.close(), second.close()]);
  assert.equal(code, 0, server.output);
  assert.ok(!server.output.includes(FIRST_KEY) && !server.output.includes(SECOND_KEY), "the log has a key");
}

const chats = ({ requests }: MockLlm) => requests.filter(({ kind }) => kind === "chat");
const failures = ({ frames }: VoiceClient) => frames.filter(({ type }) => type === "agent.error").length;

async function readiness({ url }: ServerProcess) {
  return readySchema.parse(await (await fetch(`${url}/ready`)).json());
}

/** Of `voice_agent_model_switches_total`, by kind. */
async function switches({ url }: ServerProcess): Promise<Record<string, number>> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const rows = text.matchAll(/^voice_agent_model_switches_total\{kind="(\w+)"\} (\d+)$/gm);
  return Object.fromEntries([...rows].map(([, kind, count]) => [kind, Number(count)]));
}

async function recordOf({ url }: ServerProcess) {
  const read = async (path: string): Promise<unknown> => (await fetch(url + path)).json();
  // The end of a call is written a moment after it.
  let [call] = callsSchema.parse(await read("/calls")).calls;
  while (!call?.ended_at) [call] = callsSchema.parse(await read("/calls")).calls;
  return callSchema.parse(await read(`/calls/${call.session_id}`));
}

describe("a second model", () => {
  let pair: Pair;
  before(async () => {
    pair = await start();
  });
  after(() => stop(pair));
  // Five failures in a row would leave the first model alone.
  afterEach(async () => {
    pair.first.onChat(() => "All is well.");
    pair.second.onChat(() => "Nobody should hear this.");
    assert.equal((await pair.client.turn("And now?")).text, "All is well.");
  });

  const causes: { what: string; reply: Reply; kind: string }[] = [
    { what: "refuses the key", reply: error(401), kind: "auth" },
    { what: "has no quota", reply: error(429, "insufficient_quota"), kind: "quota" },
    { what: "is at its limit", reply: error(429), kind: "rate_limit" },
    { what: "refuses the request", reply: error(404), kind: "bad_request" },
    { what: "fails", reply: error(500), kind: "server" },
    { what: "breaks off before its first word", reply: { kind: "cut", chunks: 0 }, kind: "cut" },
    { what: "sends nonsense", reply: { kind: "brokenStream" }, kind: "bad_stream" },
    { what: "ends without a word", reply: { kind: "empty" }, kind: "empty" },
    { what: "sends blanks", reply: { kind: "text", text: [" ", "\n"] }, kind: "empty" },
    { what: "accepts the request and hangs", reply: { kind: "hang" }, kind: "timeout" },
    { what: "sends its headers and hangs", reply: { kind: "hangAfter", chunks: 0 }, kind: "timeout" },
    {
      what: "thinks and says nothing",
      reply: { kind: "hangAfter", chunks: 2, text: ["<think>", "Well, "] },
      kind: "timeout",
    },
    {
      what: "begins a tool call and hangs",
      reply: { kind: "toolCalls", calls: [{ name: "end_call", arguments: ["{", "}"] }], gate: hangAt(1) },
      kind: "timeout",
    },
  ];

  for (const { what, reply, kind } of causes) {
    test(`answers where the first one ${what}; the first is asked once, and cancelled`, async () => {
      const { first, second, server, client } = pair;
      const [asked, failed] = [chats(first).length, failures(client)];
      const counted = (await switches(server))[kind] ?? 0;
      first.onChat(() => reply);
      second.onChat(() => "It left today.");
      assert.equal((await client.turn("Where is my order?")).text, "It left today.");
      assert.equal(failures(client), failed);
      assert.equal(chats(first).length, asked + 1);
      if (kind === "timeout") await chats(first).at(-1)?.closedByClient;
      assert.equal((await switches(server))[kind], counted + 1);
      await server.nextLine(
        (line) => line.msg === "second answers, for first did not" && line.because === kind,
      );
    });
  }

  test("is asked at its own server with its own key, and nothing that is meant for the first", async () => {
    const { first, second, client } = pair;
    first.onChat(() => error(500));
    second.onChat(() => "It left today.");
    await client.turn("Where is my order?");
    const [asked, instead] = [chats(first).at(-1), chats(second).at(-1)];
    assert.equal(asked?.headers.authorization, `Bearer ${FIRST_KEY}`);
    assert.equal(asked.body.service_tier, "priority");
    assert.equal(instead?.headers.authorization, `Bearer ${SECOND_KEY}`);
    assert.equal(instead.body.service_tier, undefined);
    assert.deepEqual([asked.body.model, instead.body.model], ["first", "second"]);
    assert.deepEqual(instead.body.messages, asked.body.messages);
    assert.deepEqual(instead.body.tools, asked.body.tools);
  });

  test("is not asked once the first has said a word: not when it stalls, and not when it breaks off", async () => {
    const { first, second, client } = pair;
    const asked = chats(second).length;
    first.onChat(() => ({ kind: "cut", chunks: 2 }));
    assert.match((await client.turn("Hello?")).text, /^Hello from {2}I'm sorry, I lost my thread/);
    const steps = createStepGate();
    first.onChat(() => ({ kind: "text", text: "one two", gate: steps.gate }));
    client.say("Slowly.");
    steps.release(1);
    await client.next("agent.llm.response.chunk", ({ text }) => text === "one ");
    // For longer than the first word may take.
    setTimeout(() => steps.release(1), AFTER_MS + 300);
    await client.next("agent.llm.response.end");
    assert.equal(client.frames.filter(({ text }) => text === "two").length, 1);
    assert.equal(chats(second).length, asked);
  });

  test("is not asked what a content filter has stopped", async () => {
    const { first, second, client } = pair;
    const asked = chats(second).length;
    first.onChat(() => ({ kind: "text", text: [], finish: "content_filter" }));
    assert.match((await client.turn("Something bad")).text, /^I'm sorry, I can't talk about that\./);
    assert.equal(chats(second).length, asked);
  });

  test("a word of the first that comes after it was cancelled is never heard", async () => {
    const { first, second, client } = pair;
    const late = createStepGate();
    first.onChat(() => ({ kind: "text", text: "Too late.", gate: late.gate }));
    second.onChat(() => {
      late.release(Number.POSITIVE_INFINITY);
      return "It left today.";
    });
    assert.equal((await client.turn("Where is my order?")).text, "It left today.");
    assert.ok(!JSON.stringify(client.frames).includes("Too late"));
  });

  test("both fail: one apology, one end, and the reason is the second's", async () => {
    const { first, second, server, client } = pair;
    const failed = failures(client);
    first.onChat(() => error(500));
    second.onChat(() => error(401));
    const turn = await client.turn("Where is my order?");
    assert.match(turn.text, APOLOGY);
    assert.equal(turn.chunks.length, 1);
    assert.equal(failures(client), failed + 1);
    assert.match(
      JSON.stringify(client.frames.findLast(({ type }) => type === "agent.error")),
      /"kind":"auth"/,
    );
    await server.nextLine(
      ({ msg, reason }) => msg === "Turn failed" && /refused the key/.test(String(reason)),
    );
  });

  test("an interrupt during the switch closes both requests, and neither is heard", async () => {
    const { first, second, client } = pair;
    first.onChat(() => ({ kind: "hang" }));
    second.onChat(() => ({ kind: "hang" }));
    const asked = chats(second).length;
    client.say("Where is my order?");
    let request = await second.nextRequest("chat");
    while (chats(second).indexOf(request) < asked) request = await second.nextRequest("chat");
    client.interrupt();
    await client.next("agent.llm.response.end");
    await chats(first).at(-1)?.closedByClient;
    await request.closedByClient;
    assert.equal(first.openConnections + second.openConnections, 0);
  });

  test("an interrupt while the first is still silent closes it, and the second is not asked", async () => {
    const { first, second, client } = pair;
    first.onChat(() => ({ kind: "hang" }));
    const [asked, askedSecond] = [chats(first).length, chats(second).length];
    client.say("Where is my order?");
    while (chats(first).length === asked) await first.nextRequest("chat");
    client.interrupt();
    await client.next("agent.llm.response.end");
    await chats(first).at(-1)?.closedByClient;
    first.onChat(() => "Here I am.");
    assert.equal((await client.turn("Still there?")).text, "Here I am.");
    assert.equal(chats(second).length, askedSecond);
  });

  test("gives the rest of the turn when it calls a tool, and the history is the first one's again", async () => {
    const { first, second, client } = pair;
    const asked = chats(first).length;
    first.onChat(() => error(500));
    const call = {
      id: "c1",
      function: { name: "get_customer_sentiment", arguments: "{}" },
      thought: "signed",
    };
    const rounds: Reply[] = [
      { kind: "deltas", deltas: [{ tool_calls: [{ index: 0, type: "function", ...call }] }] },
      { kind: "text", text: "You sound calm." },
    ];
    second.onChat(() => rounds.shift() ?? "?");
    assert.equal((await client.turn("How do I sound?")).text, "You sound calm.");
    assert.equal(chats(first).length, asked + 1);
    // Within its own turn it gets back what it has put into the call.
    assert.match(JSON.stringify(chats(second).at(-1)?.body.messages), /"thought":"signed"/);
    first.onChat(() => "Good.");
    assert.equal((await client.turn("Thank you.")).text, "Good.");
    const history = JSON.stringify(chats(first).at(-1)?.body.messages);
    assert.match(history, /get_customer_sentiment/);
    assert.doesNotMatch(history, /signed/);
  });

  test("goes on where the first has called a tool and then fails", async () => {
    const { first, second, client } = pair;
    const call = {
      id: "c2",
      function: { name: "get_customer_sentiment", arguments: "{}" },
      thought: "signed",
    };
    const rounds: Reply[] = [
      {
        kind: "deltas",
        deltas: [{ content: "Let me see." }, { tool_calls: [{ index: 0, type: "function", ...call }] }],
      },
      error(500),
    ];
    first.onChat(() => rounds.shift() ?? "?");
    second.onChat(() => "You sound calm.");
    assert.equal((await client.turn("How do I sound?")).text, "Let me see. You sound calm.");
    const messages = JSON.stringify(chats(second).at(-1)?.body.messages);
    assert.match(messages, /"content":"Let me see\."/);
    assert.doesNotMatch(messages, /"thought":"signed"/);
  });

  test("is on the record beside each turn it spoke, and in the usage", async () => {
    const { first, second, server } = pair;
    const client = await VoiceClient.connect(server.wsUrl);
    first.onChat(() => "I am the first.");
    await client.turn("One");
    first.onChat(() => error(500));
    second.onChat(() => "I am the second.");
    await client.turn("Two");
    await client.close();
    const { turns, usage } = await recordOf(server);
    assert.deepEqual(
      turns.map(({ text, model }) => [text, model]),
      [
        ["One", null],
        ["I am the first.", "first"],
        ["Two", null],
        ["I am the second.", "second"],
      ],
    );
    const asked = usage.filter(({ model }) => /first|second/.test(model));
    assert.deepEqual(asked, [
      { model: "first", requests: 2, failed: 1 },
      { model: "second", requests: 1, failed: 0 },
    ]);
  });
});

describe("the circuits of two models", () => {
  let pair: Pair;
  before(async () => {
    pair = await start({ OPENAI_BASE_URL: `http://127.0.0.1:${await freePort()}/v1` });
  });
  after(() => stop(pair));

  test("while that of the first is open the second is asked at once; when both are, an apology", async () => {
    const { second, server, client } = pair;
    second.onChat(() => "It left today.");
    for (let turn = 0; turn < 5; turn += 1) {
      assert.equal((await readiness(server)).status, "ready");
      assert.equal((await client.turn("Where is my order?")).text, "It left today.");
    }
    const { status, reason, models } = await readiness(server);
    assert.deepEqual([status, reason], ["degraded", "the agent's model keeps failing, second answers"]);
    assert.deepEqual(
      models.map(({ variable, model }) => [variable, model]),
      [
        ["AGENT_MODEL", "first"],
        ["FALLBACK_MODEL", "second"],
        ["SENTIMENT_MODEL", "gpt-6-luna"],
      ],
    );
    assert.equal((await client.turn("Where is my order?")).text, "It left today.");
    assert.deepEqual(await switches(server), { refused: 5, circuit_open: 1 });
    assert.equal(failures(client), 0);

    second.onChat(() => error(401));
    for (let turn = 0; turn < 5; turn += 1) assert.match((await client.turn("Hello?")).text, APOLOGY);
    assert.equal(
      (await readiness(server)).reason,
      "the agent's model keeps failing, callers hear an apology",
    );
    const asked = chats(second).length;
    assert.match((await client.turn("Hello?")).text, APOLOGY);
    assert.equal(chats(second).length, asked);
  });
});

test("a first model that hangs is left alone after five turns, and nobody waits for it any more", async () => {
  const pair = await start({ FALLBACK_AFTER_MS: "300" });
  const { first, second, client } = pair;
  first.onChat(() => ({ kind: "hang" }));
  second.onChat(() => "It left today.");
  for (let turn = 0; turn < 8; turn += 1) {
    assert.equal((await client.turn("Where is my order?")).text, "It left today.");
  }
  assert.deepEqual(await switches(pair.server), { timeout: 5, circuit_open: 3 });
  await stop(pair);
});

test("while the second is left alone the first gets all of LLM_TIMEOUT_MS, and is tried again", async () => {
  const pair = await start({ FALLBACK_AFTER_MS: "300" });
  const { first, second, client } = pair;
  second.onChat(() => error(401));
  for (let turn = 0; turn < 5; turn += 1) {
    first.onChat(() => (turn === 4 ? error(401) : error(400)));
    assert.match((await client.turn("Hello?")).text, APOLOGY);
  }
  const script = [error(500), { kind: "text", text: "Late.", firstTokenAfter: 600 } as const];
  first.onChat(() => script.shift() ?? "?");
  const asked = chats(second).length;
  assert.equal((await client.turn("Hello?")).text, "Late.");
  assert.equal(chats(second).length, asked);
  await stop(pair);
});

test("the check at the start asks the second model, too, and says which setting is wrong", async () => {
  const pair = await start({
    MODEL_CHECK: "true",
    FALLBACK_BASE_URL: `http://127.0.0.1:${await freePort()}/v1`,
  });
  const { reason, models } = await readiness(pair.server);
  const second = models.find(({ variable }) => variable === "FALLBACK_MODEL");
  assert.match(
    second?.problem ?? "",
    /^FALLBACK_MODEL second at 127\.0\.0\.1:\d+: nobody answers there: check FALLBACK_BASE_URL/,
  );
  assert.equal(reason, second?.problem);
  await stop(pair);
});

describe("the settings of a second model", () => {
  const FIRST = { OPENAI_API_KEY: "sk-first" };
  for (const [what, env, named] of [
    ["a second model without a first", { FALLBACK_MODEL: "b" }, "FALLBACK_MODEL"],
    ["an address without a model", { ...FIRST, FALLBACK_BASE_URL: "http://b.example" }, "FALLBACK_MODEL"],
    ["a key without a model", { ...FIRST, FALLBACK_API_KEY: "sk-b" }, "FALLBACK_MODEL"],
    [
      "a first that has all the time",
      { ...FIRST, FALLBACK_MODEL: "b", LLM_TIMEOUT_MS: "2000" },
      "FALLBACK_AFTER_MS",
    ],
  ] as const) {
    test(`refuses ${what}`, () => {
      assert.throws(
        () => parseConfig(env),
        (thrown: unknown) => thrown instanceof ConfigError && thrown.message.includes(`: ${named}: `),
      );
    });
  }
});

/** A gate that lets so many chunks pass and no more. */
function hangAt(chunks: number): () => Promise<void> {
  const { gate, release } = createStepGate();
  release(chunks);
  return gate;
}
