import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { EventStreamParser } from "../../public/console/event-stream.js";
import { applyEvents, fromPicture, verdictsByTurn } from "../../public/console/live-state.js";
import { formatRoute, parseRoute } from "../../public/console/route.js";

const AT = "2026-11-23T08:11:39.000Z";

const wireCall = (id: string, more: object = {}) => ({
  session_id: id,
  call_id: null,
  direction: "inbound",
  conversation_type: "webcall",
  started_at: AT,
  ...more,
});
const picture = (...ids: string[]) =>
  fromPicture({ last_event_id: 10, can_supervise: true, calls: ids.map((id) => wireCall(id)) });
const watched = (turns: object[] = []) =>
  fromPicture({ last_event_id: 10, can_supervise: true, call: wireCall("a", { turns }) });
const event = (id: number | null, type: string, data: object) => ({
  id,
  type,
  data: { at: AT, session_id: "a", ...data },
});
const verdict = (id: number, utterance: number, sentiment: string, frustration = 0) =>
  event(id, "verdict", { utterance, sentiment, score: -5, source: "model", frustration_count: frustration });
/** In these calls the caller has every second turn, beginning with the second. */
const turn = (number: number, role: string, text = "…") => ({
  number,
  role,
  text,
  offset_ms: number * 1000,
  ...(role === "user" ? { utterance: number / 2 } : { speaker: "agent" }),
});

describe("the live calls on the console", () => {
  test("an event the picture already holds changes nothing", () => {
    const state = applyEvents(picture("a"), [verdict(9, 1, "negative"), verdict(10, 2, "negative")], "drop");
    assert.deepEqual(state.calls.get("a")?.scores, []);
    assert.equal(state.lastEventId, 10);
  });

  test("only the calls that events are about become other objects", () => {
    const before = picture("a", "b");
    const state = applyEvents(before, [verdict(11, 1, "frustrated", 1)], "drop");
    assert.equal(state.calls.get("b"), before.calls.get("b"));
    assert.equal(state.calls.get("a")?.sentiment, "frustrated");
    assert.equal(state.calls.get("a")?.frustrationCount, 1);
  });

  test("a call comes and goes; the one that is watched stays, with the reason of its end", () => {
    const events = [
      event(11, "call.started", wireCall("new")),
      event(12, "call.ended", { reason: "end_call" }),
    ];
    assert.deepEqual([...applyEvents(picture("a"), events, "drop").calls.keys()], ["new"]);
    assert.equal(applyEvents(watched(), events, "keep").calls.get("a")?.ended?.reason, "end_call");
  });

  test("turns stand in the order they began, and the whole answer replaces its beginning", () => {
    const events = [
      event(null, "turn.partial", { number: 1, text: "Let me" }),
      event(11, "turn", turn(2, "user", "Wait!")),
    ];
    const speaking = applyEvents(watched(), events, "keep");
    assert.deepEqual(speaking.calls.get("a")?.partial, { number: 1, text: "Let me" });
    const said = applyEvents(
      speaking,
      [event(12, "turn", turn(1, "agent", "Let me look."))],
      "keep",
    ).calls.get("a");
    assert.equal(said?.partial, null);
    assert.deepEqual(
      said?.turns?.map(({ text }) => text),
      ["Let me look.", "Wait!"],
    );
  });

  test("a list keeps no words, and what is kept of a long call is bounded", () => {
    const turns = Array.from({ length: 300 }, (_, index) =>
      event(11 + index, "turn", turn(index + 1, "user")),
    );
    assert.equal(applyEvents(picture("a"), turns, "drop").calls.get("a")?.turns, null);
    const kept = applyEvents(watched(), turns, "keep").calls.get("a")?.turns;
    assert.equal(kept?.length, 200);
    assert.equal(kept?.at(-1)?.number, 300);
  });

  test("mute and unmute are the supervisor's acts, and other acts leave it as it is", () => {
    const act = (id: number, action: string) => event(id, "supervisor", { action, text: null });
    const muted = applyEvents(picture("a"), [act(11, "mute"), act(12, "say")], "drop");
    assert.equal(muted.calls.get("a")?.muted, true);
    assert.equal(applyEvents(muted, [act(13, "unmute")], "drop").calls.get("a")?.muted, false);
  });

  test("a verdict belongs to the caller's turn of its number, also when the beginning is not there any more", () => {
    const state = applyEvents(
      watched([turn(1, "agent"), turn(2, "user"), turn(3, "agent"), turn(4, "user")]),
      [verdict(11, 2, "negative")],
      "keep",
    );
    const call = state.calls.get("a");
    assert.ok(call?.turns);
    assert.deepEqual([...verdictsByTurn(call.turns, call.scores).keys()], [4]);
    assert.deepEqual([...verdictsByTurn(call.turns.slice(2), call.scores).keys()], [4]);
  });
});

describe("the stream of events", () => {
  test("is read whatever the pieces it comes in, heartbeats left out", () => {
    const text = ': heartbeat\n\nid: 7\nevent: turn\ndata: {"a":"b: c"}\n\nevent: turn.partial\ndata: {}\n\n';
    const parser = new EventStreamParser();
    const events = [...text].flatMap((letter) => parser.push(letter));
    assert.deepEqual(events, [
      { id: 7, type: "turn", data: { a: "b: c" } },
      { id: null, type: "turn.partial", data: {} },
    ]);
    assert.deepEqual(new EventStreamParser().push(text), events);
  });
});

describe("the address of a view", () => {
  test("comes back as it was written", () => {
    for (const [tab, id, query] of [
      ["live", null, {}],
      ["live", "a/b ü", {}],
      ["calls", null, { escalated: "true", id: "CA 1" }],
      ["quality", null, { bucket: "hour" }],
    ] as const) {
      assert.deepEqual(parseRoute(formatRoute(tab, id, query)), { tab, id, query });
    }
  });

  test("is the live calls when nobody wrote it, and a broken one breaks nothing", () => {
    assert.deepEqual(parseRoute(""), { tab: "live", id: null, query: {} });
    assert.equal(parseRoute("#/nonsense").tab, "live");
    assert.equal(parseRoute("#/calls/%E0%A4%A").id, "%E0%A4%A");
  });
});
