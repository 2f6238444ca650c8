import assert from "node:assert/strict";
import test, { describe } from "node:test";
import { type ChatMessage, Conversation } from "../../lib/session/conversation.ts";
import { fc } from "../support/property.ts";

const user = (content: string) => ({ role: "user" as const, content });
const agent = (content: string) => ({ role: "assistant" as const, content });
const exchange = (id: string): ChatMessage[] => [
  {
    role: "assistant",
    content: null,
    tool_calls: [{ id, type: "function", function: { name: "f", arguments: "{}" } }],
  },
  { role: "tool", tool_call_id: id, content: "1" },
];

function answered(conversation: Conversation, question: string, answer: string): void {
  conversation.heard(question);
  conversation.beginAnswer().end(answer);
}

describe("what the agent said is in the conversation once", () => {
  test("as it was sent, when the client reports nothing", () => {
    const conversation = new Conversation(10);
    answered(conversation, "hi", "Hello");
    assert.deepEqual(conversation.messages(), [user("hi"), agent("Hello")]);
  });

  test("as it was spoken, when the client reports less", () => {
    const conversation = new Conversation(10);
    answered(conversation, "hi", "Hello, how can I help?");
    conversation.reported("Hello, how");
    assert.deepEqual(conversation.messages(), [user("hi"), agent("Hello, how")]);
  });

  test("when a report comes after the caller's next words", () => {
    const conversation = new Conversation(10);
    answered(conversation, "hi", "Hello there");
    conversation.heard("stop");
    conversation.reported("Hello");
    assert.deepEqual(conversation.messages(), [user("hi"), agent("Hello"), user("stop")]);
  });

  test("when a report comes while the answer is still being given", () => {
    const conversation = new Conversation(10);
    conversation.heard("hi");
    const answer = conversation.beginAnswer();
    conversation.reported("Hello");
    answer.end("Hello there");
    assert.deepEqual(conversation.messages(), [user("hi"), agent("Hello there")]);
  });

  test("when one report covers a spoken line and an answer, as the command line client does", () => {
    const conversation = new Conversation(10);
    conversation.said("One moment. ");
    answered(conversation, "hi", "Hello");
    conversation.reported("One moment. Hello");
    assert.deepEqual(conversation.messages(), [agent("One moment. "), user("hi"), agent("Hello")]);
  });

  test("when the client reports something nobody sent, as it says", () => {
    const conversation = new Conversation(10);
    conversation.reported("Welcome");
    assert.deepEqual(conversation.messages(), [agent("Welcome")]);
  });

  test("not at all, when nothing of it was sent", () => {
    const conversation = new Conversation(10);
    answered(conversation, "hi", "");
    conversation.heard("hello?");
    assert.deepEqual(conversation.messages(), [user("hi\nhello?")]);
  });
});

test("words heard while an answer is given come after it", () => {
  const conversation = new Conversation(10);
  conversation.heard("one");
  const answer = conversation.beginAnswer();
  conversation.heard("two");
  answer.end("first");
  assert.deepEqual(conversation.messages(), [user("one"), agent("first"), user("two")]);
});

test("tool calls stand before the answer they were made for", () => {
  const conversation = new Conversation(10);
  conversation.heard("hi");
  const answer = conversation.beginAnswer();
  answer.usedTools(exchange("c1"));
  answer.end("done");
  assert.deepEqual(conversation.messages(), [user("hi"), ...exchange("c1"), agent("done")]);
});

test("the bound never cuts a tool call from its result, and keeps the latest", () => {
  type Step = { kind: "user" | "answer" | "tools" | "report"; text: string };
  const steps = fc.array(
    fc.record({
      kind: fc.constantFrom<Step["kind"]>("user", "answer", "tools", "report"),
      text: fc.string({ minLength: 1 }),
    }),
    { maxLength: 60 },
  );
  fc.assert(
    fc.property(steps, fc.integer({ min: 2, max: 12 }), (script, limit) => {
      const conversation = new Conversation(limit);
      for (const [index, { kind, text }] of script.entries()) {
        if (kind === "user") conversation.heard(text);
        else if (kind === "report") conversation.reported(text);
        else {
          const answer = conversation.beginAnswer();
          if (kind === "tools") answer.usedTools(exchange(`c${index}`));
          answer.end(text);
        }
      }
      const messages = conversation.messages();
      assert.ok(messages.length <= limit + 1, `${messages.length} messages`);
      for (const [index, message] of messages.entries()) {
        const next = messages[index + 1];
        if (message.role === "assistant" && message.tool_calls) {
          assert.ok(next?.role === "tool" && next.tool_call_id === message.tool_calls[0]?.id);
        } else {
          const callsTools = next?.role === "assistant" && next.tool_calls !== undefined;
          assert.ok(next?.role !== message.role || callsTools, "two neighbours of one role");
        }
        if (message.role === "tool") assert.equal(messages[index - 1]?.role, "assistant");
      }
    }),
  );
});

test("of a caller who talks without end only the last quarter of a million characters are kept", () => {
  const conversation = new Conversation(200);
  for (let n = 0; n < 100; n += 1) {
    conversation.heard("x".repeat(32_000));
    conversation.beginAnswer().end(`answer ${n}`);
  }
  const text = JSON.stringify(conversation.messages());
  assert.ok(text.length < 270_000, `${text.length} characters`);
  assert.match(text, /answer 99/);
});
