import assert from "node:assert/strict";
import test, { type TestContext } from "node:test";
import { parse } from "yaml";
import type { CallRecord } from "../../lib/calls/record.ts";
import { toScenario } from "../../lib/calls/scenario.ts";
import { loadScenarios } from "../../rehearse/scenario/load.ts";
import { assistantTurn, callRecord, userTurn } from "../support/call-records.ts";
import { scenarioFile } from "../support/rehearsal.ts";

const call = (changes: Partial<CallRecord> = {}) =>
  callRecord({
    sessionId: "0b5f4f0e-1c1b",
    variables: { plan: "gold" },
    turns: [
      assistantTurn(1, 3),
      userTurn(2, 2_000, "negative", {
        utterance: 1,
        text: "Write to jo@example.com, or call +44 20 7946 0958.",
      }),
      assistantTurn(3, 2_010, {
        interrupted: true,
        tools: [{ name: "order_status", outcome: "ok", latencyMs: 4 }],
      }),
      userTurn(4, 3_000, "frustrated", { utterance: 2, text: "Quick!" }),
      assistantTurn(5, 3_010),
    ],
    escalation: {
      reason: "human_request",
      utterance: 2,
      offsetMs: 3_010,
      frustrationCount: 2,
      threshold: 3,
      sameTurn: true,
      action: "cold_transfer",
      outcome: "requested",
    },
    endReason: "transferred",
    ...changes,
  });

async function scenarioOf(t: TestContext, record: CallRecord) {
  const text = toScenario(record) ?? assert.fail("no scenario");
  const [loaded] = loadScenarios([await scenarioFile(t, text)]);
  return { text, scenario: loaded?.scenario ?? assert.fail("it does not load") };
}

test("a recorded call becomes a scenario with its turns, interrupts, variables and outcomes", async (t) => {
  const { text, scenario } = await scenarioOf(t, call());
  assert.deepEqual(parse(text), {
    name: "call_0b5f4f0e",
    channel: "telephonyInbound",
    variables: { plan: "gold" },
    escalates_at: 2,
    turns: [
      {
        user: "Write to [e-mail], or call [phone].",
        interrupt: { after_chunks: 3 },
        expect: [
          { event: "verdict", sentiment: "negative" },
          { event: "function_call", calls: ["order_status"] },
          { event: "interrupted" },
        ],
      },
      { user: "Quick!", expect: [{ event: "verdict", sentiment: "frustrated" }, { event: "response" }] },
    ],
    expect: [
      { event: "escalation", reason: "human_request", same_turn: true, action: "cold_transfer" },
      { event: "transfer" },
    ],
  });
  assert.equal(scenario.turns?.length, 2);
});

test("a call without an escalation expects none", async (t) => {
  const { scenario } = await scenarioOf(t, call({ escalation: null, endReason: "end_call" }));
  assert.equal(scenario.escalates_at, "never");
  assert.deepEqual(
    scenario.expect.map(({ event }) => event),
    ["end_call"],
  );
});

test("a record without words gives none", () => {
  assert.equal(toScenario(call({ turns: [userTurn(1, 0, null, { text: null })] })), null);
});
