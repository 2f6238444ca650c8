import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { callEntries } from "../../public/console/call-entries.js";

const said = (number: number, offsetMs: number, text: string, more: object = {}) => ({
  number,
  role: "assistant",
  offsetMs,
  text,
  firstChunkMs: null,
  outcome: null,
  ...more,
});
const answered = { firstChunkMs: 300, outcome: "completed" };

/** The entries in words. */
function read(call: Parameters<typeof callEntries>[0]): string[] {
  return callEntries(call).map((entry) => {
    if (entry.kind === "turn") {
      return `${entry.bySupervisor ? "supervisor" : entry.turn.role}: ${entry.turn.text}`;
    }
    return entry.kind === "act" ? `(${entry.act.action})` : "(escalation)";
  });
}

describe("the order of a transcript", () => {
  test("an act that makes the agent speak stands before its line, which is the supervisor's", () => {
    const turns = [
      said(1, 0, "Hello!"),
      { number: 2, role: "user", offsetMs: 4_000, text: "Where is it?" },
      said(3, 4_010, "I will look.", answered),
      said(4, 9_000, "This is Ann, I take over."),
      said(5, 12_000, "One moment, please."),
    ];
    const acts = [
      { offsetMs: 9_004, action: "say", text: "This is Ann, I take over." },
      { offsetMs: 12_003, action: "transfer", text: null },
    ];
    assert.deepEqual(read({ turns, acts, escalation: null }), [
      "assistant: Hello!",
      "user: Where is it?",
      "assistant: I will look.",
      "(say)",
      "supervisor: This is Ann, I take over.",
      "(transfer)",
      "assistant: One moment, please.",
    ]);
  });

  test("the words of two supervisors' lines are told apart, also where none were recorded", () => {
    const turns = [said(1, 100, "A"), said(2, 110, "B")];
    const acts = [
      { offsetMs: 102, action: "say", text: "A" },
      { offsetMs: 112, action: "say", text: "B" },
    ];
    const both = ["(say)", "supervisor: A", "(say)", "supervisor: B"];
    assert.deepEqual(read({ turns, acts, escalation: null }), both);
    const silent = { turns: [said(1, 5_000, "A")], acts: [{ offsetMs: 5_001, action: "say", text: null }] };
    assert.deepEqual(read({ ...silent, escalation: null }), ["(say)", "supervisor: A"]);
  });

  test("a hand-over in the same turn stands before the answer that announces it", () => {
    const turns = [
      { number: 1, role: "user", offsetMs: 1_000, text: "A supervisor, now!" },
      said(2, 1_000, "Let me connect you.", answered),
    ];
    const after = { turns, acts: [], escalation: { offsetMs: 1_300, sameTurn: true } };
    assert.deepEqual(read(after), [
      "user: A supervisor, now!",
      "(escalation)",
      "assistant: Let me connect you.",
    ]);
  });

  test("a whisper, and a hand-over after the answer, stand where they happened", () => {
    const turns = [said(1, 1_000, "I am sorry.", answered), said(2, 2_000, "Let me connect you.", answered)];
    const acts = [{ offsetMs: 1_001, action: "whisper", text: "Offer a refund" }];
    assert.deepEqual(read({ turns, acts, escalation: { offsetMs: 2_100, sameTurn: false } }), [
      "assistant: I am sorry.",
      "(whisper)",
      "assistant: Let me connect you.",
      "(escalation)",
    ]);
  });
});
