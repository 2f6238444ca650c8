import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { CallRecord, SummaryItem } from "../../lib/calls/record.ts";
import { findingsOf, topicNames } from "../../lib/calls/topics.ts";
import type { Sentiment } from "../../lib/wire/log-events.ts";
import { assistantTurn, callRecord, userTurn } from "../support/call-records.ts";

/** A call in which the caller says these; the last with this verdict. */
const call = (
  texts: readonly (string | null)[],
  verdict: Sentiment | null,
  changes: Partial<CallRecord> = {},
) =>
  callRecord({
    turns: [
      ...texts.map((text, n) => userTurn(n + 1, n, n === texts.length - 1 ? verdict : null, { text })),
      assistantTurn(99, 1_000, { text: "Your refund and your invoice are on their way" }),
    ],
    ...changes,
  });
const found = (record: CallRecord) => {
  const { topics, outcome } = findingsOf(record);
  return [topics.names.join(" "), outcome.name];
};

describe("without a model", () => {
  test("topics are told by the caller's words alone", () => {
    for (const [text, topics] of [
      ["My parcel hasn't arrived, and I want my money back", "delivery refund"],
      ["I can't log in, I was LOCKED OUT", "account"],
      ["You charged me twice", "billing"],
      ["I would like to cancel", "cancellation"],
      ["the router is broken and it doesn’t work", "technical"],
      ["Who plays tonight?", ""],
    ] as const) {
      assert.equal(found(call([text], null))[0], topics, text);
    }
    assert.deepEqual(findingsOf(call([null], "neutral")).topics, { names: [], by: "rules" });
  });

  test("the outcome is told by the end", () => {
    const escalation = {
      reason: "model",
      utterance: 1,
      offsetMs: 1,
      frustrationCount: null,
      threshold: null,
      sameTurn: true,
      action: "cold_transfer" as const,
      outcome: "requested" as const,
    };
    for (const [record, outcome] of [
      [call(["Where is it?", "Great, thanks!"], "neutral"), "resolved"],
      [call(["Where is it?", "Well"], "positive"), "resolved"],
      [call(["Where is it?", "Thanks for nothing"], "frustrated"), "not_resolved"],
      [call(["Where is it?"], "neutral"), "not_resolved"],
      [call(["I see"], "neutral", { endReason: "end_call" }), "resolved"],
      [call(["Thank you"], "positive", { endReason: "transferred" }), "handed_over"],
      [call(["Thank you"], "positive", { escalation }), "handed_over"],
      [call(["Hello?"], "negative", { escalation: { ...escalation, outcome: "no_number" } }), "not_resolved"],
      [
        call(["Hello?"], null, { supervisor: [{ offsetMs: 1, action: "transfer", text: null, by: "a" }] }),
        "handed_over",
      ],
      [call([], null), null],
      [call(["Thank you"], "positive", { endedAt: null, endReason: null }), null],
    ] as const) {
      assert.equal(found(record)[1], outcome, JSON.stringify(record.turns[0]));
    }
  });
});

describe("with a model's summary", () => {
  const item = (type: SummaryItem["type"], value: string): SummaryItem => ({
    identifier: type,
    value,
    confidence: 1,
    reasoning: "",
    type,
  });

  test("topics and outcome are the model's, where it says what is one", () => {
    const record = (...summary: SummaryItem[]) => call(["My parcel is late"], "negative", { summary });
    assert.deepEqual(findingsOf(record(item("disposition", "Resolved"), item("topics", "late parcel"))), {
      topics: { names: ["late parcel"], by: "model" },
      outcome: { name: "resolved", by: "model" },
    });
    for (const [said, outcome] of [
      ["unresolved", "not_resolved"],
      ["not resolved", "not_resolved"],
      ["abandoned", "not_resolved"],
      ["escalated", "handed_over"],
      ["Handed over to a supervisor", "handed_over"],
    ] as const) {
      assert.deepEqual(findingsOf(record(item("disposition", said))).outcome, { name: outcome, by: "model" });
    }
    const odd = findingsOf(record(item("disposition", "fine"), item("summary", "It was resolved")));
    assert.deepEqual(odd, {
      topics: { names: ["delivery"], by: "rules" },
      outcome: { name: "not_resolved", by: "rules" },
    });
  });

  test("names are small, few and short", () => {
    assert.deepEqual(topicNames(" Delivery, refund;REFUND / billing\nlate, more"), [
      "delivery",
      "refund",
      "billing",
    ]);
    assert.deepEqual(topicNames("x".repeat(100)), ["x".repeat(40)]);
    assert.deepEqual(topicNames(" , ;"), []);
  });
});
