import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { IDLE, type TalkAction, talkReducer } from "../../public/talk/talk-state.js";

const after = (...actions: TalkAction[]) => actions.reduce(talkReducer, IDLE);

describe("what the talk page shows", () => {
  test("a verdict stands beside the utterance it is about, whatever was said meanwhile", () => {
    const state = after(
      { type: "dialled" },
      { type: "answered", at: 1 },
      { type: "said", id: 1, text: "First." },
      { type: "agentSaid", id: 2, text: "Yes?" },
      { type: "said", id: 3, text: "Second." },
      { type: "judged", utterance: 1, verdict: { sentiment: "negative", rough: false } },
    );
    const verdicts = state.lines.map((line) => (line.who === "caller" ? line.verdict?.sentiment : undefined));
    assert.deepEqual(verdicts, ["negative", undefined, undefined]);
  });

  test("the pieces of an answer are one line, and a line cut short knows what was said of it", () => {
    const state = after(
      { type: "thinking", thinking: true },
      { type: "agentSaid", id: 1, text: "One " },
      { type: "agentSaid", id: 1, text: "moment." },
      { type: "cutShort", id: 1, spoken: "One" },
    );
    assert.deepEqual(state.lines, [{ id: 1, who: "agent", text: "One moment.", spoken: "One" }]);
    assert.equal(state.thinking, false);
  });

  test("a new call begins with an empty page, and its end keeps what was said", () => {
    const ended = after(
      { type: "said", id: 1, text: "Hello." },
      { type: "hearing", text: "and" },
      { type: "over", phase: "ended", at: 9, message: "You hung up." },
    );
    assert.equal(ended.lines.length, 1);
    assert.equal(ended.interim, "");
    assert.equal(ended.until, 9);
    assert.deepEqual(talkReducer(ended, { type: "dialled" }), { ...IDLE, phase: "dialling" });
  });

  test("a call of any length keeps a bounded page", () => {
    const said = Array.from({ length: 600 }, (_, id): TalkAction => ({ type: "said", id, text: "Again." }));
    const state = after(...said);
    assert.equal(state.lines.length, 500);
    assert.equal(state.utterances, 600);
  });
});
