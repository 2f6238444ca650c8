import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { ChatCompletionMessageParam } from "openai/resources/chat/completions";
import { charsOf, fitHistory, shapeHistory } from "../../lib/llm/history.ts";
import type { Lesson } from "../../lib/llm/lessons.ts";
import { fc } from "../support/property.ts";

type Message = ChatCompletionMessageParam;

const SYSTEM: Message = { role: "system", content: "You are an agent." };
const GREETING: Message = { role: "assistant", content: "Hello!" };
const user = (content: string): Message => ({ role: "user", content });
const agent = (content: string): Message => ({ role: "assistant", content });
const calls = (...ids: string[]): Message => ({
  role: "assistant",
  content: null,
  tool_calls: ids.map((id) => ({ id, type: "function", function: { name: "look_up", arguments: "{}" } })),
});
const result = (id: string, content = "found"): Message => ({ role: "tool", tool_call_id: id, content });

const shape = (messages: Message[], ...lessons: Lesson[]) => shapeHistory(messages, new Set(lessons));
const outline = (messages: readonly Message[]) =>
  messages.map((message) => {
    if (message.role === "assistant" && message.tool_calls) return "call";
    return message.role;
  });

/** What happens in calls: words of either side, some of them empty, and rounds of tools. */
const rounds = fc.array(
  fc.oneof(
    fc.constantFrom("a", "b", "").map((words) => [user(words)]),
    fc.constantFrom("c", "d", "").map((words) => [agent(words)]),
    fc
      .uniqueArray(fc.stringMatching(/^[a-z]{3,6}$/), { minLength: 1, maxLength: 3 })
      .map((ids) => [calls(...ids), ...ids.map((id) => result(id))]),
  ),
  { maxLength: 12 },
);
const conversation = rounds.map((each) => [SYSTEM, GREETING, ...each.flat()]);

describe("a conversation, turn by turn", () => {
  test("begins and ends with the caller, and the sides take turns, tools left aside", () => {
    fc.assert(
      fc.property(conversation, (messages) => {
        const [first, ...turns] = shape(messages, "turn by turn");
        assert.deepEqual(first, SYSTEM);
        const spoken = turns.filter(({ role }, index) => role !== "tool" && outline(turns)[index] !== "call");
        spoken.forEach(({ role }, index) => {
          assert.equal(role, index % 2 === 0 ? "user" : "assistant", outline(turns).join(" "));
        });
        const last = turns.at(-1)?.role;
        assert.ok(last === "user" || last === "tool", outline(turns).join(" "));
      }),
    );
  });

  test("says all that was said, in its order", () => {
    fc.assert(
      fc.property(conversation, (messages) => {
        const texts = (list: readonly Message[]) =>
          list
            .flatMap(({ content }) => (typeof content === "string" ? content.split("\n") : []))
            .filter((text) => text !== "" && !/^\(|^…$/.test(text));
        assert.deepEqual(texts(shape(messages, "turn by turn")), texts(messages));
      }),
    );
  });

  test("has no filler where none is needed", () => {
    const messages = [SYSTEM, user("a"), agent("b"), user("c")];
    assert.deepEqual(shape(messages, "turn by turn"), messages);
  });
});

describe("what a model does not know", () => {
  test("a system role: the instructions begin the caller's first words", () => {
    const [first, ...rest] = shape([SYSTEM, GREETING, user("a")], "turn by turn", "no system role");
    assert.deepEqual(first, user("You are an agent.\n\n(The call begins.)"));
    assert.deepEqual(outline(rest), ["assistant", "user"]);
  });

  test("tools: what they gave is told in words", () => {
    const shaped = shape([SYSTEM, user("a"), calls("x"), result("x", "7 days"), agent("b")], "no tools");
    assert.deepEqual(outline(shaped), ["system", "user", "user", "assistant"]);
    assert.match(String(shaped[2]?.content), /7 days/);
  });

  test("several calls at once: one after the other, each with its result", () => {
    const shaped = shape([user("a"), calls("x", "y"), result("y"), result("x")], "one tool call a message");
    assert.deepEqual(outline(shaped), ["user", "call", "tool", "call", "tool"]);
    assert.deepEqual(shaped[2], result("x"));
  });

  test("long ids of calls: nine letters or digits, the same for call and result", () => {
    const [, call, found] = shape(
      [user("a"), calls("call_7f0c"), result("call_7f0c")],
      "tool call ids of nine characters",
    );
    const id = call?.role === "assistant" ? call.tool_calls?.[0]?.id : null;
    assert.match(id ?? "", /^[a-z0-9]{9}$/);
    assert.equal(found?.role === "tool" ? found.tool_call_id : null, id);
  });

  test("empty messages: none are sent to anybody", () => {
    assert.deepEqual(shape([SYSTEM, agent(""), user("a")]), [SYSTEM, user("a")]);
  });
});

test("a conversation made to fit keeps the instructions, the last words and whole rounds of tools", () => {
  fc.assert(
    fc.property(conversation, fc.nat(1_000), (messages, room) => {
      const given = [...messages, user("the last words")];
      const kept = fitHistory(given, room);
      assert.deepEqual([kept[0], kept.at(-1)], [SYSTEM, user("the last words")]);
      assert.notEqual(kept[1]?.role, "tool");
      assert.ok(charsOf(kept) <= room || kept.length <= given.length);
      if (charsOf(given) <= room) assert.deepEqual(kept, given);
      else assert.ok(charsOf(kept) <= room || kept.length === 2, outline(kept).join(" "));
    }),
  );
});
