import assert from "node:assert/strict";
import test, { describe } from "node:test";
import OpenAI from "openai";
import { embeddedFetch } from "../../lib/llm/embedded/fetch.ts";

type Body = OpenAI.Chat.ChatCompletionCreateParamsStreaming;

const client = new OpenAI({
  apiKey: "embedded",
  baseURL: "http://embedded.invalid/v1",
  fetch: embeddedFetch,
  maxRetries: 0,
});
const url = "http://embedded.invalid/v1/chat/completions";
const tools = ["end_call", "transfer_to_supervisor"].map((name) => ({
  type: "function" as const,
  function: { name, parameters: { type: "object", properties: {} } },
}));

function agentRequest(utterance: string): Body {
  return {
    model: "gpt-6-luna",
    temperature: 0.7,
    stream: true,
    stream_options: { include_usage: true },
    tools,
    messages: [
      { role: "system", content: "You are an agent.\nCurrent mood of the caller: neutral" },
      { role: "user", content: utterance },
    ],
  };
}

async function chunksOf(body: Body) {
  const chunks: OpenAI.Chat.ChatCompletionChunk[] = [];
  for await (const chunk of await client.chat.completions.create(body)) chunks.push(chunk);
  return chunks;
}

const post = (body: string, signal?: AbortSignal) =>
  embeddedFetch(url, { method: "POST", body, ...(signal && { signal }) });

describe("a streamed answer", () => {
  test("comes word by word: the role first, then the end, then the usage", async () => {
    const chunks = await chunksOf(agentRequest("Where is my order?"));
    const deltas = chunks.flatMap(({ choices }) => choices.map(({ delta }) => delta));
    assert.deepEqual(deltas.shift(), { role: "assistant", content: "" });
    assert.deepEqual(deltas.pop(), {});
    const words = deltas.map(({ content }) => content ?? "");
    assert.ok(words.length > 5);
    for (const word of words.slice(1)) assert.match(word, /^ \S+$/);
    assert.match(words.join(""), /order number/);

    const [end, usage] = chunks.slice(-2);
    assert.equal(end?.choices[0]?.finish_reason, "stop");
    assert.deepEqual(usage?.choices, []);
    assert.equal(usage?.usage?.completion_tokens, words.length);
    assert.deepEqual(new Set(chunks.map(({ model }) => model)), new Set(["embedded"]));
    assert.equal(new Set(chunks.map(({ id }) => id)).size, 1);
  });

  test("has no usage chunk unless it was asked for", async () => {
    const { stream_options: _, ...body } = agentRequest("Hello");
    const chunks = await chunksOf(body);
    assert.equal(chunks.at(-1)?.choices[0]?.finish_reason, "stop");
    assert.ok(chunks.every((chunk) => !("usage" in chunk)));
  });

  test("can be a tool call, in pieces as OpenAI sends them", async () => {
    const chunks = await chunksOf(agentRequest("I want to speak to a manager"));
    const calls = chunks.flatMap(({ choices }) => choices[0]?.delta.tool_calls ?? []);
    assert.equal(calls[0]?.function?.name, "transfer_to_supervisor");
    assert.match(calls[0]?.id ?? "", /^call-/);
    const json = calls.map((call) => call.function?.arguments ?? "").join("");
    assert.deepEqual(JSON.parse(json), { reason: "The caller asked for a person." });
    assert.equal(chunks.at(-2)?.choices[0]?.finish_reason, "tool_calls");
  });

  test("calls no tool when the choice is none", async () => {
    const chunks = await chunksOf({ ...agentRequest("I want a manager"), tool_choice: "none" });
    assert.equal(chunks.at(-2)?.choices[0]?.finish_reason, "stop");
  });

  test("the same conversation gets the same words", async () => {
    const say = async () => {
      const chunks = await chunksOf(agentRequest("My parcel is late"));
      return chunks.map(({ choices }) => choices[0]?.delta.content ?? "").join("");
    };
    assert.equal(await say(), await say());
  });

  test("ends with [DONE], one event at a time as it is read", async () => {
    const response = await post(JSON.stringify(agentRequest("Hello")));
    assert.match(response.headers.get("content-type") ?? "", /^text\/event-stream/);
    const events: string[] = [];
    const decoder = new TextDecoder();
    for await (const bytes of response.body ?? []) events.push(decoder.decode(bytes));
    for (const event of events) assert.match(event, /^data: [^\n]+\n\n$/);
    assert.equal(events.at(-1), "data: [DONE]\n\n");
  });
});

describe("an abort", () => {
  test("in mid-stream stops the client's loop", async () => {
    const abort = new AbortController();
    const stream = await client.chat.completions.create(agentRequest("Who are you?"), {
      signal: abort.signal,
    });
    let words = 0;
    for await (const chunk of stream) {
      if (chunk.choices[0]?.delta.content) words += 1;
      if (words === 3) abort.abort();
    }
    assert.equal(words, 3);
  });

  test("in mid-stream fails the pending read with an AbortError", async () => {
    const abort = new AbortController();
    const response = await post(JSON.stringify(agentRequest("Who are you?")), abort.signal);
    const reader = response.body?.getReader();
    await reader?.read();
    const pending = reader?.read();
    abort.abort();
    await assert.rejects(async () => pending, { name: "AbortError" });
  });

  test("before the request rejects with an AbortError", async () => {
    await assert.rejects(post(JSON.stringify(agentRequest("Hello")), AbortSignal.abort()), {
      name: "AbortError",
    });
  });
});

describe("a sentiment request", () => {
  const judge = async (utterance: string) => {
    const completion = await client.chat.completions.create({
      model: "gpt-6-luna",
      temperature: 0,
      max_tokens: 5,
      messages: [
        { role: "system", content: "Answer with one word: positive, neutral, negative or frustrated." },
        { role: "user", content: utterance },
      ],
    });
    assert.equal(completion.object, "chat.completion");
    assert.equal(completion.choices[0]?.finish_reason, "stop");
    assert.equal(completion.usage?.completion_tokens, 1);
    return completion.choices[0]?.message.content;
  };

  test("is answered with exactly one label", async () => {
    assert.equal(await judge("This is ridiculous! I want a refund now!"), "frustrated");
    assert.equal(await judge("My order number is 48213."), "neutral");
    assert.equal(await judge("Perfect, that solved it."), "positive");
  });

  test("is not answered by the conversation's rules, whatever the caller says", async () => {
    assert.equal(await judge("I want to speak to a manager"), "neutral");
  });
});

describe("what it does not do", () => {
  test("a body that is no request gets a 400 in OpenAI's shape", async () => {
    for (const body of [
      "",
      "no JSON",
      "[]",
      "{}",
      '{"model":"m","messages":[]}',
      '{"model":"m","messages":"hi"}',
    ]) {
      const response = await post(body);
      assert.equal(response.status, 400, body);
      const answer: unknown = await response.json();
      assert.match(JSON.stringify(answer), /^\{"error":\{"message":.*"type":"invalid_request_error"/, body);
    }
  });

  test("the client turns it into its own error", async () => {
    await assert.rejects(
      client.chat.completions.create({ model: "m", messages: [] }),
      OpenAI.BadRequestError,
    );
  });

  test("a request for JSON gets a 400 that says so", async () => {
    const request = client.chat.completions.create({
      model: "m",
      messages: [{ role: "user", content: "Summarise the call." }],
      response_format: { type: "json_object" },
    });
    await assert.rejects(request, /does not answer in JSON/);
  });

  test("any other path gets a 404", async () => {
    await assert.rejects(client.models.list(), OpenAI.NotFoundError);
    assert.equal((await embeddedFetch(url)).status, 404);
  });
});

test("content in parts and a megabyte of it are read", async () => {
  const completion = await client.chat.completions.create({
    model: "m",
    messages: [
      {
        role: "user",
        content: [
          { type: "text", text: "Who are you?" },
          { type: "text", text: "!".repeat(1e6) },
        ],
      },
    ],
  });
  assert.match(completion.choices[0]?.message.content ?? "", /offline demo/);
});
