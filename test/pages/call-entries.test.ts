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

type Call = Omit<Parameters<typeof callEntries>[0], "transfers"> & { transfers?: Transfer[] };
type Transfer = { number: number; offsetMs: number };

/** The entries in words. */
function read(call: Call): string[] {
  return callEntries({ transfers: [], ...call }).map(inWords);
}

function inWords(entry: ReturnType<typeof callEntries>[number]): string {
  switch (entry.kind) {
    case "turn":
      return `${entry.bySupervisor ? "supervisor" : entry.turn.role}: ${entry.turn.text}`;
    case "act":
      return `(${entry.act.action})`;
    case "escalation":
      return "(escalation)";
    case "transfer":
      return `(transfer ${entry.transfer.number})`;
  }
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

  test("a hand-over by a supervisor stands behind the act, and before the line that announces it", () => {
    const turns = [
      { number: 1, role: "user", offsetMs: 1_000, text: "Where is it?" },
      said(2, 1_000, "I will look.", answered),
      said(3, 3_000, "Let me connect you."),
    ];
    const acts = [{ offsetMs: 3_001, action: "transfer", text: null }];
    assert.deepEqual(read({ turns, acts, escalation: { offsetMs: 3_000, sameTurn: false } }), [
      "user: Where is it?",
      "assistant: I will look.",
      "(transfer)",
      "(escalation)",
      "assistant: Let me connect you.",
    ]);
  });

  test("a transfer stands where it was asked for, and stays there when the caller comes back and talks on", () => {
    const user = (number: number, offsetMs: number, text: string) => ({
      ...said(number, offsetMs, text),
      role: "user",
    });
    const turns = [
      user(1, 1_000, "A supervisor, now!"),
      said(2, 1_000, "Let me connect you.", answered),
      said(3, 21_000, "Nobody answers there."),
      user(4, 25_000, "Then call me back."),
      said(5, 25_000, "I will try again.", answered),
    ];
    const call = {
      turns,
      acts: [],
      escalation: { offsetMs: 1_300, sameTurn: true },
      transfers: [
        { number: 1, offsetMs: 1_900 },
        { number: 2, offsetMs: 25_700 },
      ],
    };
    assert.deepEqual(read(call), [
      "user: A supervisor, now!",
      "(escalation)",
      "assistant: Let me connect you.",
      "(transfer 1)",
      "assistant: Nobody answers there.",
      "user: Then call me back.",
      "assistant: I will try again.",
      "(transfer 2)",
    ]);
    // Where neither answer tells by the clock which of the two came first, the hand-over does.
    const late = { turns: turns.slice(0, 2), acts: [], escalation: { offsetMs: 1_900, sameTurn: false } };
    assert.deepEqual(read({ ...late, transfers: [{ number: 1, offsetMs: 1_900 }] }).slice(2), [
      "(escalation)",
      "(transfer 1)",
    ]);
  });
});
