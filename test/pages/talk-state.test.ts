import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { IDLE, type TalkAction, talkReducer } from "../../public/talk/talk-state.js";

const after = (...actions: TalkAction[]) => actions.reduce(talkReducer, IDLE);

describe("what the talk page shows", () => {
  test("a verdict stands beside the utterance it is about, whatever was said meanwhile", () => {
    const state = after(
      { type: "dialled", callId: "web-1" },
      { type: "answered", at: 1 },
      { type: "said", id: 1, text: "First.", at: 1_000 },
      { type: "agentSaid", id: 2, text: "Yes?", at: 1_000 },
      { type: "said", id: 3, text: "Second.", at: 1_000 },
      { type: "judged", utterance: 1, verdict: { sentiment: "negative", rough: false } },
    );
    const verdicts = state.lines.map((line) => (line.who === "caller" ? line.verdict?.sentiment : undefined));
    assert.deepEqual(verdicts, ["negative", undefined, undefined]);
  });

  test("the pieces of an answer are one line, and a line cut short knows what was said of it", () => {
    const state = after(
      { type: "thinking", thinking: true },
      { type: "agentSaid", id: 1, text: "One ", at: 1_000 },
      { type: "agentSaid", id: 1, text: "moment.", at: 1_000 },
      { type: "cutShort", id: 1, spoken: "One" },
    );
    assert.deepEqual(state.lines, [
      { id: 1, who: "agent", text: "One moment.", spoken: "One", replyMs: null },
    ]);
    assert.equal(state.thinking, false);
  });

  test("a new call begins with an empty page, and its end keeps what was said", () => {
    const ended = after(
      { type: "said", id: 1, text: "Hello.", at: 1_000 },
      { type: "hearing", text: "and" },
      { type: "over", phase: "ended", at: 9, message: "You hung up." },
    );
    assert.equal(ended.lines.length, 1);
    assert.equal(ended.interim, "");
    assert.equal(ended.until, 9);
    assert.deepEqual(talkReducer(ended, { type: "dialled", callId: "web-1" }), {
      ...IDLE,
      phase: "dialling",
      callId: "web-1",
    });
  });

  test("an answer has the time it took to begin, and a line nobody waited for has none", () => {
    const state = after(
      { type: "agentSaid", id: 1, text: "Hello!", at: 500 },
      { type: "said", id: 2, text: "Where is my parcel?", at: 2_000 },
      { type: "agentSaid", id: 3, text: "One ", at: 2_700 },
      { type: "agentSaid", id: 3, text: "moment.", at: 2_900 },
      { type: "agentSaid", id: 4, text: "Still there?", at: 9_000 },
      { type: "over", phase: "ended", at: 9_500, message: "You hung up." },
    );
    const times = state.lines.map((line) => (line.who === "agent" ? line.replyMs : undefined));
    assert.deepEqual(times, [null, undefined, 700, null]);
    assert.deepEqual(state.replies, [700]);
  });

  test("a call of any length keeps a bounded page", () => {
    const said = Array.from(
      { length: 600 },
      (_, id): TalkAction => ({ type: "said", id, text: "Again.", at: 1_000 }),
    );
    const state = after(...said);
    assert.equal(state.lines.length, 500);
    assert.equal(state.utterances, 600);
  });
});
