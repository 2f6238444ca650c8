import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { groupOf, needsOf, urgency } from "../../public/console/attention.js";
import { holdOrder } from "../../public/console/held-order.js";
import { applyEvents, fromPicture, type LiveCall } from "../../public/console/live-state.js";
import { fc } from "../support/property.ts";

const START = Date.parse("2026-11-23T08:00:00.000Z");
type Event = { type: string; s: number; [field: string]: unknown };

/** A call in which this has happened, at so many seconds each. */
function callOf(id: string, ...events: Event[]): LiveCall {
  const picture = {
    last_event_id: 0,
    can_supervise: true,
    calls: [{ session_id: id, started_at: new Date(START).toISOString() }],
  };
  const told = events.map(({ type, s, ...data }, index) => ({
    id: index + 1,
    type,
    data: { session_id: id, at: new Date(START + s * 1000).toISOString(), ...data },
  }));
  const call = applyEvents(fromPicture(picture), told, "drop").calls.get(id);
  assert.ok(call);
  return call;
}

const says = (s: number, text = "…"): Event => ({
  type: "turn",
  s,
  number: s,
  role: "user",
  utterance: s,
  text,
});
const answers = (s: number): Event => ({ type: "turn", s, number: s, role: "agent", text: "…" });
const feels = (s: number, sentiment: string, frustration_count: number): Event => ({
  type: "verdict",
  s,
  utterance: s,
  sentiment,
  score: { positive: 5, neutral: 0, negative: -2.5, frustrated: -5 }[sentiment],
  frustration_count,
});
const alert = (s: number, rule: string, severity = "alert"): Event => ({
  type: "alert",
  s,
  rule,
  severity,
  message: "…",
  evidence: {},
});
const escalation = (s: number, outcome: string): Event => ({
  type: "escalation",
  s,
  reason: "frustration_threshold_exceeded",
  same_turn: true,
  action: outcome === "requested" ? "cold_transfer" : "none",
  outcome,
  frustration_count: 3,
});
const act = (s: number, action: string, by = "Ann"): Event => ({
  type: "supervisor",
  s,
  action,
  by,
  text: null,
});

const firstOf = (calls: LiveCall[]) =>
  calls
    .map((call) => ({ id: call.id, rank: urgency(call, needsOf(call)) }))
    .sort((a, b) => b.rank - a.rank)[0]?.id;

/** Nine that can wait: calm, pleased again, handed over, in somebody's hands, and long since seen to. */
const OTHERS = [
  callOf("calm", says(1), feels(2, "neutral", 0), answers(3)),
  callOf("quiet"),
  callOf("pleased", says(1), feels(2, "positive", 0)),
  callOf(
    "calmed",
    feels(1, "frustrated", 1),
    feels(2, "frustrated", 2),
    feels(3, "positive", 1),
    alert(3, "recovered", "info"),
  ),
  callOf(
    "handed over",
    feels(1, "frustrated", 3),
    alert(1, "frustration_threshold"),
    escalation(1, "requested"),
  ),
  callOf("claimed", says(1), alert(1, "human_request"), act(2, "claim")),
  callOf("taken over", feels(1, "frustrated", 2), act(2, "take_over")),
  callOf("seen", alert(1, "human_request"), act(2, "acknowledge")),
  callOf("silence is over", alert(1, "dead_air", "warn"), answers(2)),
];

describe("a list of twelve calls has the one that needs help first", () => {
  for (const [scene, right, ...beside] of [
    [
      "an unanswered request for a person",
      callOf("right", says(1), alert(1, "human_request"), answers(2)),
      callOf("upset", feels(1, "negative", 1), feels(2, "frustrated", 2)),
      callOf("waits", says(1), alert(9, "unanswered")),
    ],
    [
      "risk that rises",
      callOf("right", feels(1, "negative", 1), feels(2, "frustrated", 2)),
      callOf("once upset", feels(1, "negative", 1)),
      callOf("silent", answers(1), alert(11, "dead_air", "warn")),
    ],
    [
      "dead air",
      callOf("right", says(1), answers(2), alert(12, "dead_air", "warn")),
      callOf("once upset", feels(1, "negative", 1)),
      callOf("long answer", alert(1, "monologue", "info")),
    ],
  ] as const) {
    test(scene, () => {
      assert.equal(OTHERS.length + beside.length + 1, 12);
      assert.equal(firstOf([...OTHERS, ...beside, right]), "right");
      assert.equal(groupOf(right, needsOf(right)), "needs");
    });
  }

  test("a supervisor that was promised where there is no number is open until it is seen to", () => {
    const promised = callOf("promised", feels(1, "frustrated", 3), escalation(1, "no_number"));
    assert.equal(needsOf(promised)[0]?.text, "Was promised a supervisor");
    const handed = OTHERS.find(({ id }) => id === "handed over");
    assert.ok(handed);
    assert.equal(groupOf(handed, needsOf(handed)), "handedOver");
  });

  test("what is likely counts, not the word for it: two remarks that are rather upset are worse than one for certain", () => {
    const likely = (s: number, sentiment: string, upset: number): Event => ({
      ...feels(s, sentiment, 0),
      upset,
    });
    const once = callOf("once", likely(1, "frustrated", 0.99));
    const twice = callOf("twice", likely(1, "negative", 0.7), likely(2, "negative", 0.75));
    const calmed = callOf("calmed", likely(1, "frustrated", 0.99), likely(2, "neutral", 0.2));
    assert.equal(firstOf([once, twice, calmed]), "twice");
    assert.deepEqual(needsOf(calmed), []);
    assert.equal(needsOf(once)[0]?.text, "Upset");
    assert.equal(needsOf(twice)[0]?.text, "Upset, getting worse");
  });

  test("who is called neutral is not called upset beside it, however near that is", () => {
    const near = callOf("near", alert(1, "churn_or_legal"), {
      ...feels(2, "neutral", 0),
      upset: 0.55,
    });
    assert.deepEqual(
      needsOf(near).map(({ text }) => text),
      ["Wants to leave or sue"],
    );
    const over = callOf("over", feels(1, "negative", 1), alert(2, "no_empathy", "warn"), {
      ...feels(3, "neutral", 0),
      upset: 0.55,
    });
    assert.deepEqual(needsOf(over), []);
  });

  test("who talks calmly of leaving is still leaving", () => {
    const leaving = callOf("leaving", alert(1, "churn_or_legal"), feels(2, "neutral", 0));
    assert.equal(needsOf(leaving)[0]?.kind, "leaving");
    assert.deepEqual(needsOf(callOf("stays", alert(1, "churn_or_legal"), feels(2, "positive", 0))), []);
  });
});

describe("an order that is held", () => {
  test("stays, and says how many have come, gone and moved", () => {
    assert.deepEqual(holdOrder(null, ["a", "b"]), { shown: ["a", "b"], changed: 0 });
    assert.deepEqual(holdOrder(["a", "b", "c"], ["c", "a", "b"]), { shown: ["a", "b", "c"], changed: 1 });
    assert.equal(holdOrder(["a", "b"], ["b", "new"]).changed, 2);
  });

  test("never moves, and has nothing to take only when nothing is different", () => {
    const order = fc.uniqueArray(fc.constantFrom("a", "b", "c", "d", "e", "f"));
    fc.assert(
      fc.property(order, order, (held, fresh) => {
        const { shown, changed } = holdOrder(held, fresh);
        assert.deepEqual(shown, held);
        assert.equal(changed === 0, held.join() === fresh.join());
      }),
    );
  });
});
