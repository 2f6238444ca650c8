import assert from "node:assert/strict";
import test, { after, before, describe } from "node:test";
import { Example, logsIn, toolResultsOf, turnsOf } from "../support/example.ts";
import type { LlmRequest, Reply, ScriptedToolCall } from "../support/mock-llm.ts";

const NUMBER = "+15550100";
const SENTIMENT: ScriptedToolCall = { id: "call_a", name: "get_customer_sentiment", arguments: "{}" };
const CHECK: ScriptedToolCall = { id: "call_b", name: "check_escalation_needed", arguments: "{}" };

let example: Example;
before(async () => {
  example = await Example.start({ ESCALATION_POLICY: "count", TRANSFER_NUMBER: NUMBER });
});
after(() => example.close());

/** The replies one after the other; the last one again and again. */
function inTurn(...replies: (Reply | string)[]): LlmRequest[] {
  const requests: LlmRequest[] = [];
  example.llm.onChat((request) => {
    const reply = replies[Math.min(requests.push(request), replies.length) - 1];
    return reply ?? "";
  });
  return requests;
}

const callsOf = (...calls: ScriptedToolCall[]): Reply => ({ kind: "toolCalls", calls });

describe("tool calls of the model", () => {
  test("are answered in a second request that holds the calls and one result for each", async () => {
    await example.call(async (client) => {
      const requests = inTurn(callsOf(SENTIMENT, CHECK), "All is well.");
      assert.equal((await client.turn("How do I sound?")).text, "All is well.");
      assert.equal(requests.length, 2);
      const [, second] = requests;
      assert.ok(second);
      const [, asked, first, other] = second.body.messages.filter(({ role }) => role !== "system");
      assert.deepEqual(
        asked?.tool_calls,
        [SENTIMENT, CHECK].map(({ id, name, arguments: args }) => ({
          id,
          type: "function",
          function: { name, arguments: args },
        })),
      );
      assert.equal(first?.tool_call_id, "call_a");
      assert.equal(other?.tool_call_id, "call_b");
      assert.deepEqual(JSON.parse(toolResultsOf(second)[1] ?? ""), {
        escalationNeeded: false,
        frustrationCount: 0,
        threshold: 3,
      });
    });
  });

  test("stay in the conversation, with what was said around them once", async () => {
    await example.call(async (client) => {
      const requests = inTurn(
        { kind: "toolCalls", text: "One moment.", calls: [CHECK] },
        "No need.",
        "Fine.",
      );
      assert.equal((await client.turn("Escalate?")).text, "One moment. No need.");
      await client.turn("Good.");
      const last = requests.at(-1);
      assert.ok(last);
      assert.deepEqual(
        turnsOf(last).map(({ role, content }) => (role === "tool" ? role : `${role}: ${content ?? "calls"}`)),
        ["user: Escalate?", "assistant: calls", "tool", "assistant: One moment. No need.", "user: Good."],
      );
    });
  });

  for (const [conversationType, expected] of [
    ["telephonyInbound", 1],
    ["chat", 0],
  ] as const) {
    test(`are on the wire of a ${conversationType} ${expected ? "as they start, end and fail" : "not at all"}`, async () => {
      await example.call(async (client) => {
        inTurn(callsOf(CHECK, { id: "call_x", name: "no_such_tool", arguments: "{}" }), "Done.");
        await client.turn("Both, please.");
        const [end, ...noMoreEnds] = logsIn(client.frames, "tool_call_end");
        assert.equal(logsIn(client.frames, "tool_call_start").length, expected * 2);
        assert.equal(logsIn(client.frames, "tool_call_error").length, expected);
        assert.equal(noMoreEnds.length, 0);
        if (expected === 0) {
          assert.ok(!client.frames.some(({ type }) => type === "agent.log"));
          return;
        }
        assert.equal(typeof end?.latency, "number");
        assert.deepEqual(
          { ...end, latency: 0 },
          {
            turn_id: "turn-1",
            tool_call_id: "call_b",
            function_name: "check_escalation_needed",
            context: {
              arguments: {},
              response: '{"escalationNeeded":false,"frustrationCount":0,"threshold":3}',
            },
            latency: 0,
            success: true,
          },
        );
        assert.deepEqual(logsIn(client.frames, "tool_call_error"), [
          {
            turn_id: "turn-1",
            tool_call_id: "call_x",
            function_name: "no_such_tool",
            context: { arguments: {} },
            error: "There is no tool named no_such_tool",
            success: false,
          },
        ]);
      }, conversationType);
    });
  }

  for (const [what, call, readable] of [
    ["a name nobody has", { name: "lookup_order", arguments: "{}" }, /no tool named lookup_order/],
    [
      "arguments of the wrong kind",
      { name: "transfer_to_supervisor", arguments: '{"reason":7}' },
      /Bad arguments.*reason/s,
    ],
    [
      "arguments that are no JSON",
      { name: "transfer_to_supervisor", arguments: '{"reason":' },
      /not valid JSON/,
    ],
  ] satisfies [string, ScriptedToolCall, RegExp][]) {
    test(`with ${what} have a result the model can read, and the turn goes on`, async () => {
      await example.call(async (client) => {
        const requests = inTurn(callsOf(call), "Let me try another way.");
        assert.equal((await client.turn("Do it.")).text, "Let me try another way.");
        const [, second] = requests;
        assert.ok(second);
        assert.match(toolResultsOf(second)[0] ?? "", readable);
        assert.equal(logsIn(client.frames, "tool_call_start").length, 1);
        // Some compatible servers parse the arguments of the history, and refuse all of it over these.
        const [asked] = second.body.messages.filter(({ tool_calls }) => tool_calls !== undefined);
        const args = JSON.stringify(asked?.tool_calls).match(/"arguments":("(?:[^"\\]|\\.)*")/)?.[1] ?? "";
        assert.doesNotThrow(() => JSON.parse(JSON.parse(args)));
      });
    });
  }

  test("end after four rounds: the fifth request forbids them", async () => {
    await example.call(async (client) => {
      const round = callsOf(CHECK);
      const requests = inTurn(round, round, round, round, "Enough.");
      assert.equal((await client.turn("Check, check, check.")).text, "Enough.");
      assert.deepEqual(
        requests.map(({ body }) => body.tool_choice),
        ["auto", "auto", "auto", "auto", "none"],
      );
    });
  });

  test("that come where they are forbidden are not made, and the caller hears an apology", async () => {
    await example.call(async (client) => {
      const requests = inTurn(callsOf(CHECK));
      assert.match((await client.turn("Check for ever.")).text, /^I'm sorry/);
      assert.equal(requests.length, 5);
      assert.equal(logsIn(client.frames, "tool_call_end").length, 4);
    });
  });

  test("of a sloppy server are understood: no role, arguments in many parts, no usage, no [DONE]", async () => {
    await example.call(async (client) => {
      const call = { name: "transfer_to_supervisor", arguments: ['{"rea', 'son":"', "asked", '"}'] };
      inTurn({ kind: "toolCalls", sloppy: true, calls: [call] });
      const turn = await client.turn("A person!");
      assert.equal(turn.text, "Of course. Let me connect you with a supervisor.");
      assert.equal((await client.next("agent.transfer_call")).transfer_call_number, NUMBER);
      assert.deepEqual(logsIn(client.frames, "tool_call_start")[0]?.context, {
        arguments: { reason: "asked" },
      });
    });
  });
});

describe("a transfer by the model", () => {
  test("says the model's words first, is not asked about again, and happens once", async () => {
    await example.call(async (client) => {
      const transfer = { name: "transfer_to_supervisor", arguments: '{"reason":"asked"}' };
      const requests = inTurn({ kind: "toolCalls", text: "Right away.", calls: [transfer, transfer] });
      assert.equal((await client.turn("A person!")).text, "Right away.");
      await client.next("agent.transfer_call");
      assert.equal((await client.turn("Hello?")).text, "");
      assert.equal(requests.length, 1);
      assert.equal(client.frames.filter(({ type }) => type === "agent.transfer_call").length, 1);
    });
  });
});
