import assert from "node:assert/strict";
import { Writable } from "node:stream";
import { describe, type TestContext, test } from "node:test";
import { pino } from "pino";
import { parseConfig } from "../../lib/config.ts";
import { type ChatRequest, ChatStream } from "../../lib/llm/chat.ts";
import { createLlm, type Llm } from "../../lib/llm/client.ts";
import { type LlmRequest, type MockLlm, type Reply, startMockLlm } from "../support/mock-llm.ts";

const NEVER = new AbortController().signal;

type Setting = { mock: MockLlm; llm: Llm; log: string[] };

/** A client of a mock server, and what it writes into the log. */
async function setUp(t: TestContext, env: Record<string, string> = {}): Promise<Setting> {
  const mock = await startMockLlm();
  t.after(() => mock.close());
  const log: string[] = [];
  const lines = new Writable({
    write(line, _encoding, done) {
      log.push(String(line));
      done();
    },
  });
  const config = parseConfig({ OPENAI_BASE_URL: mock.baseUrl, LLM_TIMEOUT_MS: "20000", ...env });
  return { mock, llm: createLlm(config, pino(lines)), log };
}

const refusal = (message: string, param: string | null = null, status = 400): Reply => ({
  kind: "error",
  status,
  body: { error: { message, param, type: "invalid_request_error", code: null } },
});

const GREETED: ChatRequest["messages"] = [
  { role: "system", content: "You are an agent." },
  { role: "assistant", content: "Hello!" },
  { role: "user", content: "Where is my order?" },
];
const TOOL = { type: "function", function: { name: "look_up", parameters: {}, strict: true } } as const;

const REQUEST: ChatRequest = {
  model: "m",
  messages: GREETED,
  tools: [TOOL],
  toolChoice: "auto",
  temperature: 0.7,
};

/** One turn with this model: what is said. */
async function say(llm: Llm, model: string, change: Partial<ChatRequest> = {}): Promise<string> {
  let said = "";
  for await (const piece of new ChatStream(llm, { ...REQUEST, model, ...change }, NEVER)) said += piece;
  return said;
}

function judge(llm: Llm, model: string) {
  const messages = [
    { role: "system", content: "one word" },
    { role: "user", content: "Hm." },
  ] as const;
  const request = { ...llm.sentiment, messages, maxTokens: 5, topLogprobs: 4 };
  return llm.models.get(model).complete(request, { signal: NEVER, maxRetries: 0 });
}

const has = ({ body }: LlmRequest, field: string) => body[field] !== undefined;
const roles = ({ body }: LlmRequest) => body.messages.map(({ role }) => role).join(" ");

/** Refusals in the words of those who make them, what they are about, and what is asked instead. */
const REFUSALS: {
  what: string;
  refuses: (request: LlmRequest) => boolean;
  reply: Reply;
  learns: string;
  change?: Partial<ChatRequest>;
}[] = [
  {
    what: "a temperature (OpenAI)",
    refuses: (request) => has(request, "temperature"),
    reply: refusal("Unsupported value: 'temperature' does not support 0.7 with this model.", "temperature"),
    learns: "without temperature",
  },
  {
    what: "a temperature (LiteLLM)",
    refuses: (request) => has(request, "temperature"),
    reply: refusal("litellm.UnsupportedParamsError: gpt-5 models don't support temperature=0.7."),
    learns: "without temperature",
  },
  {
    what: "stream_options",
    refuses: (request) => has(request, "stream_options"),
    reply: refusal("Extra inputs are not permitted: stream_options", null, 422),
    learns: "without stream_options",
  },
  {
    what: "tools that are strict",
    refuses: (request) => JSON.stringify(request.body.tools ?? []).includes("strict"),
    reply: refusal("property 'strict' is unsupported", "tools.0.function.strict"),
    learns: "without strict tools",
  },
  {
    what: "tools (Ollama)",
    refuses: (request) => has(request, "tools"),
    reply: { kind: "error", status: 400, body: { error: "registry/gemma:2b does not support tools" } },
    learns: "no tools",
  },
  {
    what: "tools (vLLM)",
    refuses: (request) => has(request, "tools"),
    reply: refusal('"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set'),
    learns: "no tools",
  },
  {
    what: "the agent as the first who speaks (a template in llama.cpp)",
    refuses: (request) => roles(request).startsWith("system assistant"),
    reply: refusal("Jinja Exception: Conversation roles must alternate user/assistant/...", null, 500),
    learns: "turn by turn",
  },
  {
    what: "the agent as the first who speaks, without saying so",
    refuses: (request) => roles(request).startsWith("system assistant"),
    reply: { kind: "error", status: 400, body: "Bad Request" },
    learns: "turn by turn",
  },
  {
    what: "a system role",
    refuses: (request) => roles(request).includes("system"),
    reply: refusal("Error rendering prompt with jinja template: System role not supported"),
    learns: "no system role",
  },
];

describe("a model that refuses", () => {
  for (const { what, refuses, reply, learns } of REFUSALS) {
    test(`${what} is asked again at once, and without from then on`, async (t) => {
      const { mock, llm, log } = await setUp(t);
      mock.onChat((request) => (refuses(request) ? reply : "Here I am."));
      assert.equal(await say(llm, "m"), "Here I am.");
      const asked = mock.requests.length;
      assert.ok(asked >= 2 && asked <= 4, `${asked} requests`);
      for (let turn = 0; turn < 3; turn += 1) assert.equal(await say(llm, "m"), "Here I am.");
      assert.equal(mock.requests.length, asked + 3);
      assert.ok(llm.models.get("m").adaptations.includes(learns), llm.models.get("m").adaptations.join());
      assert.equal(log.filter((line) => line.includes("asked differently")).length, 1);
      assert.equal(llm.agentCircuit.isOpen, false);
      // Another model of the same server is another matter.
      assert.deepEqual(llm.models.get("other").adaptations, []);
    });
  }

  test("one thing after the other is asked without all of them, in one turn", async (t) => {
    const { mock, llm } = await setUp(t);
    mock.onChat((request) => REFUSALS.find(({ refuses }) => refuses(request))?.reply ?? "Here I am.");
    assert.equal(await say(llm, "m"), "Here I am.");
    const asked = mock.requests.length;
    assert.equal(await say(llm, "m"), "Here I am.");
    assert.equal(mock.requests.length, asked + 1);
  });

  test("whatever it is asked teaches nothing", async (t) => {
    const { mock, llm, log } = await setUp(t);
    mock.onChat(() => refusal("no, not the temperature either", "temperature"));
    await assert.rejects(say(llm, "m"), { kind: "bad_request" });
    mock.onChat(() => "Here I am.");
    await say(llm, "m");
    assert.deepEqual(llm.models.get("m").adaptations, []);
    assert.ok(mock.requests.at(-1)?.body.temperature === 0.7);
    assert.equal(log.filter((line) => line.includes("says: no, not the temperature")).length, 1);
  });

  test("a parameter of one's own keeps it, and the log says what the server said of it", async (t) => {
    const { mock, llm, log } = await setUp(t, { AGENT_EXTRA_BODY: '{"temperature":0.1,"seed":7}' });
    mock.onChat(({ body }) => (body.seed === 7 ? refusal("bad temperature", "temperature") : "?"));
    await assert.rejects(say(llm, "m"), { kind: "bad_request" });
    assert.equal(mock.requests[0]?.body.temperature, 0.1);
    assert.ok(log.some((line) => line.includes("says: bad temperature")));
  });

  test("max_tokens gets max_completion_tokens, and log-probabilities are left away", async (t) => {
    const { mock, llm } = await setUp(t);
    mock.onSentiment((request) => {
      if (has(request, "max_tokens")) {
        return refusal(
          "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.",
          "max_tokens",
        );
      }
      return has(request, "logprobs") ? refusal("logprobs is not supported with this model") : "neutral";
    });
    assert.equal((await judge(llm, "m")).text, "neutral");
    assert.deepEqual(llm.models.get("m").adaptations, ["max_completion_tokens", "without logprobs"]);
    assert.equal(mock.requests.at(-1)?.body.max_completion_tokens, 5);
  });
});

describe("a model known by its name", () => {
  for (const [model, expected] of [
    ["gpt-5-mini", { reasoning_effort: "minimal", temperature: undefined }],
    ["openai/o3", { reasoning_effort: "low", temperature: undefined }],
    ["gpt-5.4-mini", { reasoning_effort: "none", temperature: 0.7 }],
    ["gpt-6-luna", { reasoning_effort: "none", temperature: 0.7 }],
    ["gpt-4.1-mini", { reasoning_effort: undefined, temperature: 0.7 }],
    ["gpt-5-chat-latest", { reasoning_effort: undefined, temperature: 0.7 }],
    ["gpt-oss-120b", { reasoning_effort: "low", temperature: 0.7 }],
  ] as const) {
    test(`${model} is asked as it takes it, the first time`, async (t) => {
      const { mock, llm } = await setUp(t);
      await say(llm, model);
      const [first] = mock.requests;
      const { reasoning_effort, temperature } = first?.body ?? { reasoning_effort: null };
      assert.deepEqual({ reasoning_effort, temperature }, expected);
      assert.equal(mock.requests.length, 1);
    });
  }

  test("Qwen 3 is told not to think, unless somebody wants it to", async (t) => {
    const { mock, llm } = await setUp(t);
    await say(llm, "Qwen/Qwen3-8B");
    assert.deepEqual(mock.requests[0]?.body.chat_template_kwargs, { enable_thinking: false });
    const willing = await setUp(t, { AGENT_REASONING_EFFORT: "medium" });
    await say(willing.llm, "Qwen/Qwen3-8B");
    const { body } = willing.mock.requests[0] ?? {};
    assert.deepEqual(body?.chat_template_kwargs, { enable_thinking: true });
    assert.equal(body?.reasoning_effort, "medium");
  });

  test("tools and effort exclude one another (gpt-5.4): the effort goes", async (t) => {
    const { mock, llm } = await setUp(t, { AGENT_REASONING_EFFORT: "low" });
    const message =
      "Function tools with reasoning_effort are not supported for gpt-5.4 in /v1/chat/completions. To use function tools, use /v1/responses or set reasoning_effort to 'none'.";
    mock.onChat(({ body }) =>
      body.reasoning_effort !== "none" ? refusal(message, "reasoning_effort") : "Here I am.",
    );
    assert.equal(await say(llm, "gpt-5.4"), "Here I am.");
    assert.ok(mock.requests.at(-1)?.body.tools, "the tools are kept");
  });

  test("a temperature goes where an effort is wanted that allows none (LiteLLM)", async (t) => {
    const { mock, llm } = await setUp(t, { AGENT_REASONING_EFFORT: "low" });
    const message =
      "gpt-6-luna doesn't support temperature=0.7 while reasoning is active. Only temperature=1 is supported unless reasoning_effort resolves to 'none'.";
    mock.onChat((request) => (has(request, "temperature") ? refusal(message) : "Here I am."));
    assert.equal(await say(llm, "gpt-6-luna"), "Here I am.");
    assert.equal(mock.requests.at(-1)?.body.reasoning_effort, "low");
  });

  test("an effort that it does not have is the least of those it names", async (t) => {
    const { mock, llm } = await setUp(t);
    mock.onChat(({ body }) =>
      body.reasoning_effort === "none"
        ? refusal(
            "Unsupported value: 'none'. Supported values are: 'low', 'medium', and 'high'.",
            "reasoning_effort",
          )
        : "Here I am.",
    );
    assert.equal(await say(llm, "gpt-5.9"), "Here I am.");
    assert.equal(mock.requests.at(-1)?.body.reasoning_effort, "low");
  });
});

describe("a verdict of a model that thinks first", () => {
  test("gets room to think when its first answer was all thinking, within the same request", async (t) => {
    const { mock, llm } = await setUp(t);
    mock.onSentiment(({ body }) =>
      Number(body.max_tokens) < 100
        ? { kind: "text", text: "<think>The caller", finish: "length" }
        : "<think>Hm.</think>\n\nneutral",
    );
    assert.equal((await judge(llm, "m")).text.trim(), "neutral");
    assert.equal((await judge(llm, "m")).text.trim(), "neutral");
    assert.equal(mock.requests.length, 3);
    assert.ok(llm.models.get("m").adaptations.includes("thinks"));
  });
});

describe("thinking", () => {
  const THOUGHT = "The caller wants an order.";
  const words: [string, Reply][] = [
    [
      "in reasoning_content",
      { kind: "deltas", deltas: [{ reasoning_content: THOUGHT }, { content: "Here I am." }] },
    ],
    [
      "in reasoning",
      { kind: "deltas", deltas: [{ reasoning: THOUGHT, content: "" }, { content: "Here I am." }] },
    ],
    [
      "as a part of the content",
      {
        kind: "deltas",
        deltas: [
          { content: [{ type: "thinking", thinking: [{ type: "text", text: THOUGHT }] }] },
          { content: [{ type: "text", text: "Here I am." }] },
        ],
      },
    ],
    ["in tags", { kind: "text", text: ["<thi", `nk>${THOUGHT}</th`, "ink>\n\nHere I", " am."] }],
  ];
  for (const [where, reply] of words) {
    test(`${where} is not said, and its time is told apart`, async (t) => {
      const { mock, llm } = await setUp(t);
      mock.onChat(() => reply);
      const times: (number | null)[] = [];
      const stream = new ChatStream(llm, REQUEST, NEVER, ({ thinkingMs }) => times.push(thinkingMs));
      let said = "";
      for await (const piece of stream) said += piece;
      assert.equal(said, "Here I am.");
      assert.equal(typeof times[0], "number");
      assert.deepEqual(llm.models.get("m").adaptations, ["thinks"]);
    });
  }

  test("that was opened in the prompt is said once at most, then kept back", async (t) => {
    const { mock, llm } = await setUp(t);
    mock.onChat(() => ({ kind: "text", text: ["I wonder. ", "Well.</think>", "Here I am."] }));
    assert.equal(await say(llm, "m"), "I wonder. Here I am.");
    assert.equal(await say(llm, "m"), "Here I am.");
    // One that does not think after all is said, late, and at once from then on.
    mock.onChat(() => "Here I am.");
    assert.equal(await say(llm, "m"), "Here I am.");
    assert.equal(llm.models.get("m").thinksFromStart, false);
  });

  test("goes back to the server with the results of the tools it called, in the turn", async (t) => {
    const { mock, llm } = await setUp(t);
    const call = {
      index: 0,
      id: "a",
      function: { name: "look_up", arguments: "{}" },
      extra_content: { signature: "s" },
    };
    mock.onChat(() => ({
      kind: "deltas",
      deltas: [{ reasoning_content: THOUGHT }, { tool_calls: [call] }],
      finish: "tool_calls",
    }));
    const stream = new ChatStream(llm, REQUEST, NEVER);
    for await (const _ of stream);
    assert.equal(stream.thoughts, THOUGHT);
    assert.deepEqual(stream.toolCalls[0]?.extra, { extra_content: { signature: "s" } });
  });
});

describe("the shapes of an answer", () => {
  test("an answer whose connection stays open after [DONE] has ended", async (t) => {
    const { mock, llm } = await setUp(t);
    mock.onChat(() => ({ kind: "leftOpen", text: "Here I am." }));
    assert.equal(await say(llm, "m"), "Here I am.");
    await mock.requests[0]?.closedByClient;
  });

  test("so has one whose finish_reason nothing follows", async (t) => {
    const { mock, llm } = await setUp(t);
    mock.onChat(() => ({ kind: "leftOpen", text: "Here I am.", done: false }));
    assert.equal(await say(llm, "m"), "Here I am.");
    await mock.requests[0]?.closedByClient;
  });

  test("a whole answer in place of a stream is said", async (t) => {
    const { mock, llm } = await setUp(t);
    const message = { role: "assistant", content: "Here I am." };
    mock.onChat(() => ({ kind: "json", body: { choices: [{ message, finish_reason: "stop" }] } }));
    assert.equal(await say(llm, "m"), "Here I am.");
  });

  test("200 with an error is that error: it teaches, and is of its kind", async (t) => {
    const { mock, llm } = await setUp(t);
    const failed = (code: number, message: string): Reply => ({
      kind: "json",
      body: { error: { code, message } },
    });
    mock.onChat((request) => (has(request, "tools") ? failed(400, "tools is not supported") : "Here I am."));
    assert.equal(await say(llm, "m"), "Here I am.");
    mock.onChat(() => failed(402, "Insufficient credits"));
    await assert.rejects(say(llm, "m"), { kind: "quota" });
  });

  test("arguments that are null, or an object, are those of a call", async (t) => {
    const { mock, llm } = await setUp(t);
    const call = (index: number, args: unknown) => ({
      index,
      id: `c${index}`,
      function: { name: "f", arguments: args },
    });
    mock.onChat(() => ({ kind: "deltas", deltas: [{ tool_calls: [call(0, null), call(1, { a: 1 })] }] }));
    const stream = new ChatStream(llm, REQUEST, NEVER);
    for await (const _ of stream);
    assert.deepEqual(
      stream.toolCalls.map(({ arguments: args }) => args),
      ["", '{"a":1}'],
    );
  });

  test("more tool calls than a person would make are no answer", async (t) => {
    const { mock, llm } = await setUp(t);
    const calls = Array.from({ length: 1_000 }, () => ({ name: "end_call", arguments: "{}" }));
    mock.onChat(() => ({ kind: "toolCalls", calls }));
    await assert.rejects(say(llm, "m"), { kind: "bad_stream" });
  });

  test("blanks are no answer, and none of it at its beginning", async (t) => {
    const { mock, llm } = await setUp(t);
    mock.onChat(() => ({ kind: "text", text: ["\n", " ", "\n"] }));
    assert.equal(await say(llm, "m"), "");
    mock.onChat(() => ({ kind: "text", text: ["\n\n", " Here", " I am."] }));
    assert.equal(await say(llm, "m"), "Here I am.");
  });
});

describe("a failure of its own kind", () => {
  const LONG = Array.from({ length: 40 }, (_, index) => ({
    role: index % 2 === 0 ? ("user" as const) : ("assistant" as const),
    content: `${index} ${"words ".repeat(50)}`,
  }));

  test("a conversation that is too long loses its oldest turns, at once and for good", async (t) => {
    const { mock, llm } = await setUp(t);
    const message =
      "This model's maximum context length is 4096 tokens. Please reduce the length of the messages.";
    mock.onChat(({ body }) =>
      JSON.stringify(body.messages).length > 4_000 ? refusal(message, "messages") : "Here I am.",
    );
    const messages = [GREETED[0], ...LONG, GREETED[2]].flatMap((each) => each ?? []);
    assert.equal(await say(llm, "m", { messages }), "Here I am.");
    const sent = mock.requests.at(-1)?.body.messages ?? [];
    assert.deepEqual([sent[0]?.role, sent.at(-1)?.content], ["system", "Where is my order?"]);
    assert.ok(sent.length < messages.length);
    const asked = mock.requests.length;
    assert.equal(await say(llm, "m", { messages }), "Here I am.");
    assert.equal(mock.requests.length, asked + 1);
  });

  test("a filter that stops the question or the answer is content_filter, and no fault of the model", async (t) => {
    const { mock, llm } = await setUp(t);
    mock.onChat(() => refusal("The response was filtered due to Azure OpenAI's content management policy."));
    await assert.rejects(say(llm, "m"), { kind: "content_filter" });
    mock.onChat(() => ({ kind: "text", text: "", finish: "content_filter" }));
    for (let turn = 0; turn < 8; turn += 1) await assert.rejects(say(llm, "m"), { kind: "content_filter" });
  });

  test("an empty account is quota, and is not asked again in the turn", async (t) => {
    const { mock, llm } = await setUp(t);
    mock.onChat(() => ({
      kind: "error",
      status: 429,
      headers: { "retry-after-ms": "1" },
      body: { error: { message: "You exceeded your current quota", code: "insufficient_quota" } },
    }));
    await assert.rejects(say(llm, "m"), { kind: "quota" });
    assert.equal(mock.requests.length, 1);
  });

  test("is in the log in the server's own words once, without the words of the call", async (t) => {
    const { mock, llm, log } = await setUp(t);
    mock.onChat(() => refusal('Sorry: "Where is my order?" is not allowed here'));
    for (let turn = 0; turn < 3; turn += 1) await assert.rejects(say(llm, "m"), { kind: "bad_request" });
    const said = log.filter((line) => line.includes(" says: "));
    assert.equal(said.length, 1);
    assert.match(said[0] ?? "", /Sorry: .{0,3}\[…\].{0,3} is not allowed here/);
  });
});
