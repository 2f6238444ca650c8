import assert from "node:assert/strict";
import test, { describe } from "node:test";
import { parseConfig } from "../../lib/config.ts";
import { CountPolicy, createPolicy, RiskPolicy, riskFor } from "../../lib/mood/policy.ts";
import type { Sentiment } from "../../lib/wire/log-events.ts";
import { fc } from "../support/property.ts";

const upset = (probability: number) => ({ sentiment: "neutral" as const, upset: probability });

describe("the count", () => {
  test("grows with negative and frustrated verdicts, and falls with positive ones, never below 0", () => {
    const policy = new CountPolicy(3);
    const levels = (["positive", "negative", "frustrated", "neutral", "positive", "frustrated"] as const).map(
      (sentiment: Sentiment) => {
        policy.add({ sentiment, upset: 0.5 });
        return policy.level;
      },
    );
    assert.deepEqual(levels, [0, 1, 2, 2, 1, 2]);
    assert.deepEqual([policy.reached, policy.couldReach(1)], [false, true]);
  });
});

describe("the risk", () => {
  test("is a sum of squared probabilities that fades with calm utterances", () => {
    const policy = new RiskPolicy(1.5);
    for (const each of [0.5, 1, 0, 0]) policy.add(upset(each));
    assert.equal(policy.level.toFixed(3), ((0.5 ** 2 + 1) * 0.6 * 0.6).toFixed(3));
  });

  test("lets two utterances pass, however upset they are, and hands over at the third", () => {
    const policy = new RiskPolicy(1.5);
    for (const isReached of [false, false, true]) {
      policy.add(upset(1));
      assert.equal(policy.reached, isReached);
    }
  });

  test("is not worth a wait where no verdict could reach the threshold", () => {
    const policy = new RiskPolicy(1.5);
    for (const each of [0.1, 0.1, 0.1]) policy.add(upset(each));
    assert.equal(policy.couldReach(1), false);
    policy.add(upset(0.9));
    assert.equal(policy.couldReach(1), true);
  });

  test("says beforehand whether it could be reached: whatever follows, it is never reached where it said no", () => {
    const probability = fc.double({ min: 0, max: 1, noNaN: true });
    fc.assert(
      fc.property(fc.array(probability), fc.array(probability, { maxLength: 4 }), (before, after) => {
        const policy = new RiskPolicy(1.6);
        for (const each of before) policy.add(upset(each));
        const could = policy.couldReach(after.length);
        for (const each of after) policy.add(upset(each));
        assert.ok(could || !policy.reached);
      }),
    );
  });
});

describe("the configured policy", () => {
  test("is the risk, and the count for whoever has set its threshold or asks for it", () => {
    const of = (env: Record<string, string>) => {
      const { name, threshold } = createPolicy(parseConfig(env));
      return { name, threshold };
    };
    assert.equal(of({}).name, "risk");
    assert.deepEqual(of({ ESCALATION_THRESHOLD: "5" }), { name: "count", threshold: 5 });
    assert.deepEqual(of({ ESCALATION_POLICY: "count" }), { name: "count", threshold: 3 });
    assert.equal(of({ ESCALATION_POLICY: "risk", ESCALATION_THRESHOLD: "5" }).name, "risk");
  });

  test("hands over the later, the fewer false escalations it may make", () => {
    const risks = [1, 5, 20, 40, 100, 1_000].map((rate) => riskFor(rate));
    assert.deepEqual(
      risks,
      risks.toSorted((a, b) => b - a),
    );
    for (const risk of risks) assert.ok(risk > 1, "a single verdict never decides, and no calm turn waits");
  });
});
