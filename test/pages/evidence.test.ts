import assert from "node:assert/strict";
import test from "node:test";
import { describeEvidence } from "../../public/console/evidence.js";

test("what made a rule fire is said in words people use", () => {
  for (const [rule, evidence, said] of [
    ["negative_sustained", { ms: 60_001, utterances: [1, 2] }, "60 s · remarks 1, 2"],
    [
      "frustration_threshold",
      { count: 3, threshold: 1.08, action: "cold_transfer", outcome: "requested" },
      "transferred directly",
    ],
    ["slow_reply", { ms: [2_600, 310, 3_140], limit: 2_500 }, "2.6 s, 0.3 s, 3.1 s · limit 2.5 s"],
    ["monologue", { words: 143, limit: 60, utterance: 2 }, "143 words · limit 60 · remark 2"],
    ["human_request", { utterance: 2, phrase: "speak to a person" }, "remark 2 · “speak to a person”"],
    [
      "sentiment_drop",
      { mean: -3.3, best: 2, utterances: [3, 4, 5] },
      "mood −3.3 · before +2.0 · remarks 3, 4, 5",
    ],
    ["interruptions", { times: 3, ms: 60_000 }, "3 times · 60 s"],
    ["recovered", { utterance: 4, negatives: 2 }, "remark 4 · 2 upset before"],
    ["of_my_own", { some_thing: [1, 2] }, "some thing: 1, 2"],
  ] as const) {
    assert.equal(describeEvidence(rule, evidence), said);
  }
});
