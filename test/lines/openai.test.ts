import assert from "node:assert/strict";
import test, { after, before } from "node:test";
import OpenAI from "openai";
import { type LineServer, startLineServer, TRANSFER_NUMBER } from "../support/line-server.ts";
import { CALL_TOKEN } from "../support/phones.ts";

let server: LineServer;
before(async () => {
  server = await startLineServer();
});
after(() => server.close());

const client = (apiKey = CALL_TOKEN) => new OpenAI({ apiKey, baseURL: `${server.url}/v1`, maxRetries: 0 });
const user = (content: string) => ({ role: "user" as const, content });

test("OpenAI's own client gets an answer, whole and streamed", async () => {
  const whole = await client().chat.completions.create({ model: "voice-agent", messages: [user("hello")] });
  assert.equal(whole.choices[0]?.message.content, "Answer to: hello");
  assert.equal(whole.choices[0]?.finish_reason, "stop");
  assert.ok((whole.usage?.total_tokens ?? 0) > 0);
  const stream = await client().chat.completions.create({
    model: "voice-agent",
    messages: [user("hello")],
    stream: true,
    stream_options: { include_usage: true },
  });
  let said = "";
  let usage = 0;
  for await (const chunk of stream) {
    said += chunk.choices[0]?.delta.content ?? "";
    usage += chunk.usage?.total_tokens ?? 0;
  }
  assert.equal(said, "Answer to: hello");
  assert.ok(usage > 0);
});

test("there is one model, and its key is a token", async () => {
  const models = await client().models.list();
  assert.deepEqual(
    models.data.map(({ id }) => id),
    ["voice-agent"],
  );
  await assert.rejects(client("not-a-token").models.list(), (error: unknown) => {
    return error instanceof OpenAI.AuthenticationError && /does not know this token/.test(error.message);
  });
});

test("a request that is none is told why, in OpenAI's shape", async () => {
  const create = client().chat.completions.create({ model: "voice-agent", messages: [] });
  await assert.rejects(create, (error: unknown) => {
    return (
      error instanceof OpenAI.BadRequestError &&
      error.param === "messages" &&
      error.type === "invalid_request_error"
    );
  });
});

test("requests with the same call id are one call, and the history replaces", async () => {
  const headers = { "x-call-id": "call-of-the-client" };
  const ask = (...messages: OpenAI.ChatCompletionMessageParam[]) =>
    client().chat.completions.create({ model: "voice-agent", messages }, { headers });
  await ask({ role: "system", content: "You are somebody else." }, user("one"));
  await ask(user("one"), { role: "assistant", content: "Answer to: one" }, user("two"));
  const sent = server.mock.requests.findLast(({ utterance, kind }) => kind === "chat" && utterance === "two");
  assert.deepEqual(
    sent?.body.messages.slice(1).map(({ role, content }) => [role, content]),
    [
      ["user", "one"],
      ["assistant", "Answer to: one"],
      ["user", "two"],
    ],
  );
  assert.doesNotMatch(JSON.stringify(sent?.body.messages), /somebody else/);
  const { turns } = await server.record("call-of-the-client", (call) => call.turns.length === 4);
  assert.deepEqual(
    turns.map(({ text }) => text),
    ["one", "Answer to: one", "two", "Answer to: two"],
  );
});

test("an escalation calls the request's own tool, with the number, in the same turn", async () => {
  const tool = (name: string, properties: object) => ({
    type: "function" as const,
    function: { name, parameters: { type: "object", properties } },
  });
  const text = { type: "string" };
  const tools = [
    tool("end_call", {}),
    tool("transfer_to_number", { transfer_number: text, reason: text, client_message: text }),
  ];
  const ask = (...messages: OpenAI.ChatCompletionMessageParam[]) =>
    client().chat.completions.create(
      { model: "voice-agent", messages, tools },
      { headers: { "x-call-id": "an-upset-caller" } },
    );
  const first = await ask(user("I am frustrated"));
  assert.equal(first.choices[0]?.finish_reason, "stop");
  const second = await ask(
    user("I am frustrated"),
    { role: "assistant", content: "Answer" },
    user("so frustrated"),
  );
  const [choice] = second.choices;
  assert.match(choice?.message.content ?? "", /connect you with a supervisor/);
  assert.equal(choice?.finish_reason, "tool_calls");
  const [call] = choice?.message.tool_calls ?? [];
  assert.ok(call?.type === "function");
  const args = JSON.parse(call.function.arguments);
  assert.deepEqual([call.function.name, args.transfer_number], ["transfer_to_number", TRANSFER_NUMBER]);
  assert.equal(typeof args.reason, "string");
  // The platform could not do it: the caller is still there, and has the agent again.
  const back = await ask(
    user("so frustrated"),
    { role: "assistant", content: "Let me" },
    user("nobody came"),
  );
  assert.equal(back.choices[0]?.message.content, "Answer to: nobody came");
  const { transfers } = await server.record(
    "an-upset-caller",
    (call) => call.transfers[0]?.outcome === "unknown",
  );
  assert.equal(transfers[0]?.returned, true);
});
