import assert from "node:assert/strict";
import test, { describe } from "node:test";
import { toContactLens } from "../../lib/calls/contact-lens.ts";
import { CALL_ENDS } from "../../lib/calls/record.ts";
import { reportCall } from "../../lib/calls/report.ts";
import { reportQuality } from "../../lib/calls/report-quality.ts";
import { reportSentiment } from "../../lib/calls/report-sentiment.ts";
import { renderReport } from "../../lib/calls/report-text.ts";
import { SENTIMENTS } from "../../lib/wire/log-events.ts";
import { endName } from "../../public/shared/names.js";
import { assistantTurn, callRecord, judged, userTurn, userTurns } from "../support/call-records.ts";
import { fc } from "../support/property.ts";

const [P, N, B, F] = ["positive", "neutral", "negative", "frustrated"] as const;

describe("the sentiment of a call", () => {
  test("is nothing at all without a verdict", () => {
    const empty = {
      score: null,
      label: "none",
      source: "none",
      modelVerdicts: 0,
      fallbackVerdicts: 0,
      scores: [],
      shift: null,
      trend: null,
      lowest: null,
      longestNegativeRun: 0,
      negativeShare: null,
      frustratedShare: null,
      recovered: null,
      peakFrustration: 0,
      risk: null,
    };
    assert.deepEqual(reportSentiment([]), { ...empty, periods: { by: "turn", values: [] } });
    assert.deepEqual(reportSentiment([userTurn(1, 500, null)]), {
      ...empty,
      periods: { by: "turn", values: [{ beginMs: 500, endMs: 500, score: null, turns: 0 }] },
    });
    assert.deepEqual(reportSentiment([assistantTurn(1, 0)]).periods, { by: "turn", values: [] });
  });

  test("is the mean over the caller's turns, neutral ones included", () => {
    assert.equal(reportSentiment(userTurns(P, N, B)).score, 0.83); // (5 + 0 − 2.5) / 3
    assert.equal(reportSentiment(userTurns(F, N, N, N)).score, -1.25);
  });

  test("is positive above 1, negative below −1, and neutral on either", () => {
    const label = (...verdicts: Parameters<typeof userTurns>) =>
      reportSentiment(userTurns(...verdicts)).label;
    assert.equal(label(P, N, N, N, N), "neutral"); // exactly 1
    assert.equal(label(P, N, N, N), "positive"); // 1.25
    assert.equal(label(F, N, N, N, N), "neutral"); // exactly −1
    assert.equal(label(F, N, N, N), "negative"); // −1.25
  });

  test("leaves fallback verdicts out where the model gave any, and marks them", () => {
    const turns = [userTurn(1, 0, "positive"), userTurn(2, 1, null, judged("frustrated", "fallback"))];
    const mixed = reportSentiment(turns);
    assert.equal(mixed.score, 5);
    assert.equal(mixed.source, "model");
    assert.equal(mixed.modelVerdicts, 1);
    assert.equal(mixed.fallbackVerdicts, 1);
    assert.deepEqual(
      mixed.scores.map(({ counted }) => counted),
      [true, false],
    );
    // The escalation rule counted it when it came.
    assert.equal(mixed.peakFrustration, 1);
    const alone = reportSentiment(turns.slice(1));
    assert.equal(alone.score, -5);
    assert.equal(alone.source, "fallback");
  });

  test("has four equal periods between first and last turn; one without turns is null", () => {
    const { periods, shift, trend } = reportSentiment([
      assistantTurn(1, 100),
      userTurn(2, 200, B),
      userTurn(3, 1_099, F),
      userTurn(4, 1_100, N),
      userTurn(5, 4_100, P),
    ]);
    assert.deepEqual(periods, {
      by: "quarter",
      values: [
        { beginMs: 100, endMs: 1_100, score: -3.75, turns: 2 },
        { beginMs: 1_100, endMs: 2_100, score: 0, turns: 1 },
        { beginMs: 2_100, endMs: 3_100, score: null, turns: 0 },
        { beginMs: 3_100, endMs: 4_100, score: 5, turns: 1 },
      ],
    });
    assert.equal(shift, 8.75);
    assert.equal(trend, "UP");
  });

  test("goes by turn with fewer than four turns of the caller", () => {
    const turns = [userTurn(1, 0, P), assistantTurn(2, 50), userTurn(3, 900, null), userTurn(4, 1_500, N)];
    const { periods, shift, trend } = reportSentiment([...turns, assistantTurn(5, 2_000)]);
    assert.deepEqual(periods, {
      by: "turn",
      values: [
        { beginMs: 0, endMs: 900, score: 5, turns: 1 },
        { beginMs: 900, endMs: 1_500, score: null, turns: 0 },
        { beginMs: 1_500, endMs: 2_000, score: 0, turns: 1 },
      ],
    });
    assert.equal(shift, -5);
    assert.equal(trend, "DOWN");
  });

  test("is flat within half a point", () => {
    // First quarter (P N)/2 = 2.5, last P B = 1.25 … by hand: shift from the means of the quarters.
    const at = (ms: number, verdict: "positive" | "neutral" | "negative", n: number) =>
      userTurn(n, ms, verdict);
    const flat = [at(0, N, 1), at(0, N, 2), at(0, N, 3), at(0, N, 4), at(0, N, 5)];
    // Last quarter: one positive and two negative of … (5 − 2.5 − 2.5) / 3 = 0.
    const same = reportSentiment([...flat, at(4_000, P, 6), at(4_000, B, 7), at(4_000, B, 8)]);
    assert.equal(same.shift, 0);
    assert.equal(same.trend, "FLAT");
    // (5 + 9 × 0) / 10 = 0.5 is still flat, (5 + 8 × 0) / 9 is not.
    const last = (neutral: number) => [
      at(4_000, P, 6),
      ...Array.from({ length: neutral }, (_, index) => at(4_000, N, 7 + index)),
    ];
    assert.equal(reportSentiment([...flat, ...last(9)]).trend, "FLAT");
    assert.equal(reportSentiment([...flat, ...last(8)]).trend, "UP");
    assert.equal(reportSentiment(userTurns(N)).trend, "FLAT");
  });

  test("knows the worst three turns in a row, the longest negative run and the shares", () => {
    const report = reportSentiment(userTurns(P, B, F, B, N, F, B));
    assert.deepEqual(report.lowest, { score: -3.33, firstTurn: 2, lastTurn: 4 });
    assert.equal(report.longestNegativeRun, 3);
    assert.equal(report.negativeShare, 0.7143); // 5 of 7
    assert.equal(report.frustratedShare, 0.2857); // 2 of 7
    assert.equal(reportSentiment(userTurns(F, F)).lowest, null);
  });

  test("has recovered with two turns in a row that are not negative, after the lowest", () => {
    const recovered = (...verdicts: Parameters<typeof userTurns>) =>
      reportSentiment(userTurns(...verdicts)).recovered?.turn ?? null;
    assert.equal(recovered(N, F, N, P), 3);
    assert.equal(recovered(F, N, B, N, N), 4);
    assert.equal(recovered(F, N, N, F, N), null, "the last low counts");
    assert.equal(recovered(F, N), null);
    assert.equal(recovered(N, N, N), null, "there was no low");
  });

  test("knows how high the frustration count was", () => {
    assert.equal(reportSentiment(userTurns(B, F, P, B, P, P, P)).peakFrustration, 2);
    assert.equal(reportSentiment(userTurns(P, P, F)).peakFrustration, 1);
  });
});

describe("any call's report", () => {
  const source = fc.constantFrom("model" as const, "fallback" as const);
  const turn = fc.record({
    user: fc.boolean(),
    verdict: fc.option(fc.constantFrom(...SENTIMENTS)),
    source,
    gap: fc.nat(60_000),
  });
  const turns = fc.array(turn, { maxLength: 40 }).map((list) => {
    let offset = 0;
    return list.map(({ user, verdict, source, gap }, index) => {
      offset += gap;
      const given = verdict ? judged(verdict, source) : {};
      return user ? userTurn(index + 1, offset, null, given) : assistantTurn(index + 1, offset);
    });
  });
  const within = (value: number | null, low: number, high: number) =>
    value === null || (value >= low && value <= high);

  test("stays in bounds", () => {
    fc.assert(
      fc.property(turns, (list) => {
        const { sentiment, quality } = reportCall(callRecord({ turns: list }));
        assert.ok(within(sentiment.score, -5, 5));
        assert.ok(within(sentiment.shift, -10, 10));
        assert.ok(within(sentiment.lowest?.score ?? null, -5, 5));
        assert.ok(within(sentiment.negativeShare, 0, 1));
        assert.ok(within(quality.talkRatio, 0, 1));
        for (const { score } of sentiment.periods.values) assert.ok(within(score, -5, 5));
        assert.equal(sentiment.score === null, sentiment.label === "none");
        assert.equal(sentiment.score === null, sentiment.trend === null);
      }),
    );
  });

  test("counts every counted turn in exactly one period", () => {
    fc.assert(
      fc.property(turns, (list) => {
        const { periods, scores } = reportSentiment(list);
        const inPeriods = periods.values.reduce((sum, period) => sum + period.turns, 0);
        assert.equal(inPeriods, scores.filter(({ counted }) => counted).length);
        const users = list.filter(({ role }) => role === "user").length;
        assert.equal(periods.values.length, users < 4 ? users : 4);
      }),
    );
  });

  test("has a score, shares and a peak that do not depend on the order where they should not", () => {
    const verdicts = fc.array(fc.constantFrom(...SENTIMENTS), { minLength: 1, maxLength: 30 });
    const shuffled = verdicts.chain((list) =>
      fc.tuple(fc.constant(list), fc.shuffledSubarray(list, { minLength: list.length })),
    );
    fc.assert(
      fc.property(shuffled, ([a, b]) => {
        const [one, other] = [reportSentiment(userTurns(...a)), reportSentiment(userTurns(...b))];
        for (const key of ["score", "label", "negativeShare", "frustratedShare"] as const) {
          assert.equal(one[key], other[key]);
        }
      }),
    );
  });

  test("shifts the other way when the call runs backwards", () => {
    const verdicts = fc.array(fc.constantFrom(...SENTIMENTS), { minLength: 1, maxLength: 3 });
    fc.assert(
      fc.property(verdicts, (list) => {
        const forward = reportSentiment(userTurns(...list)).shift;
        const backward = reportSentiment(userTurns(...list.toReversed())).shift;
        assert.equal((forward ?? 0) + (backward ?? 0), 0);
      }),
    );
  });

  test("can be made into Contact Lens, whose scores are numbers", () => {
    fc.assert(
      fc.property(turns, (list) => {
        const call = callRecord({ turns: list });
        const { Sentiment } = toContactLens(reportCall(call), call).ConversationCharacteristics;
        for (const { Score } of Sentiment.SentimentByPeriod.QUARTER.CUSTOMER) {
          assert.equal(typeof Score, "number");
        }
        if ("CUSTOMER" in Sentiment.OverallSentiment) {
          assert.equal(typeof Sentiment.OverallSentiment.CUSTOMER, "number");
        }
      }),
    );
  });
});

describe("the quality of a call", () => {
  test("counts turns, words and who had most of them", () => {
    const quality = reportQuality({
      turns: [userTurn(1, 0, null, { words: 10 }), assistantTurn(2, 1, { words: 30 })],
      endReason: "idle",
    });
    assert.deepEqual(quality.turns, { user: 1, assistant: 1 });
    assert.deepEqual(quality.words, { user: 10, assistant: 30 });
    assert.equal(quality.talkRatio, 0.75);
    assert.equal(quality.talkRatioBasis, "words");
    assert.equal(reportQuality({ turns: [], endReason: "idle" }).talkRatio, null);
  });

  test("gives reply times by nearest rank, and gaps above 3 s", () => {
    const replies = [3_001, 100, 200, 3_000];
    const turns = replies.map((replyMs, index) => assistantTurn(index + 1, index, { replyMs }));
    const quality = reportQuality({ turns: [...turns, assistantTurn(9, 9)], endReason: null });
    assert.equal(quality.replyP50Ms, 200);
    assert.equal(quality.replyP95Ms, 3_001);
    assert.equal(quality.replyMaxMs, 3_001);
    assert.equal(quality.gapsOver3s, 1);
    assert.equal(reportQuality({ turns: [], endReason: null }).replyP95Ms, null);
  });

  test("counts interruptions, repeated requests, tools and their errors", () => {
    const quality = reportQuality({
      turns: [
        userTurn(1, 0, null),
        assistantTurn(2, 1, {
          interrupted: true,
          tools: [
            { name: "a", outcome: "ok", latencyMs: 1 },
            { name: "b", outcome: "error", latencyMs: null },
          ],
        }),
        userTurn(3, 2, null, { repeated: true }),
        assistantTurn(4, 3),
      ],
      endReason: "client_closed",
    });
    assert.equal(quality.interruptions, 1);
    assert.equal(quality.repeatedRequests, 1);
    assert.equal(quality.toolCalls, 2);
    assert.equal(quality.toolErrors, 1);
    assert.equal(quality.unanswered, 0);
  });

  test("counts answers without a word, and last words that nobody answered", () => {
    const silent = assistantTurn(2, 1, { words: 0, text: "", interrupted: true });
    const turns = [userTurn(1, 0, null), silent, userTurn(3, 2, null)];
    const quality = reportQuality({ turns, endReason: "client_closed" });
    assert.equal(quality.unanswered, 2);
    assert.equal(quality.turns.assistant, 0);
    assert.equal(reportQuality({ turns, endReason: "transferred" }).unanswered, 1);
    assert.equal(reportQuality({ turns, endReason: null }).unanswered, 1, "the answer may be on its way");
  });
});

test("the escalation is reported with what cannot be seen from here", () => {
  const escalation = {
    reason: "frustration_threshold_exceeded",
    utterance: 3,
    offsetMs: 9_000,
    frustrationCount: 3,
    threshold: 3,
    sameTurn: true,
    action: "cold_transfer",
    outcome: "socket_closed",
  } as const;
  const report = reportCall(callRecord({ escalation }));
  assert.match(report.escalation.note ?? "", /not visible here/);
  assert.equal(report.escalation.triggered, true);
  assert.equal(report.escalation.outcome, "socket_closed");
  const transfer = { number: 1, kind: "cold", requestedAtMs: 9_500, tookMs: 8_200, returned: false } as const;
  const call = callRecord({ escalation, transfers: [{ ...transfer, outcome: "answered" }] });
  assert.equal(reportCall(call).escalation.note, null, "the line has told");
  assert.match(
    renderReport(call, reportCall(call)),
    /^Transfer +cold, asked for at 0:09: answered after 8 s$/m,
  );
  assert.deepEqual(reportCall(callRecord()).escalation, {
    triggered: false,
    utterance: null,
    offsetMs: null,
    threshold: null,
    sameTurn: null,
    action: null,
    outcome: null,
    note: null,
  });
});

test("for people, the report of a call says everything in their words", () => {
  const call = callRecord({
    callId: "CA-1",
    endReason: "transferred",
    variables: { plan: "gold" },
    turns: [
      assistantTurn(1, 0, { tools: [{ name: "get_order", outcome: "ok", latencyMs: 1_410 }] }),
      userTurn(2, 1_000, "frustrated", { text: "I want a refund" }),
      assistantTurn(3, 2_000, { speaker: "supervisor", replyMs: 2_318 }),
    ],
    alerts: [{ offsetMs: 1_000, rule: "dead_air", severity: "warn", message: "Nobody speaks", evidence: {} }],
    supervisor: [{ offsetMs: 1_500, action: "take_over", text: null, by: "anna" }],
    escalation: {
      reason: "human_request",
      utterance: 1,
      offsetMs: 9_000,
      frustrationCount: 1,
      threshold: 3,
      sameTurn: true,
      action: "cold_transfer",
      outcome: "requested",
    },
    transfers: [
      {
        number: 1,
        kind: "cold",
        requestedAtMs: 9_500,
        outcome: "no_answer",
        tookMs: 30_000,
        returned: true,
      },
    ],
    summary: [
      { identifier: "call_summary", value: "A refund.", confidence: 1, reasoning: "", type: "summary" },
    ],
  });
  const shown = renderReport(call, reportCall(call));
  const [facts = ""] = shown.split("\n\n");
  assert.deepEqual(facts.split("\n").slice(2), [
    "Mood        −5 negative, steady, 100 % of the remarks negative, 1 verdict",
    "Course      ▁   by turn: −5",
    "Escalation  at 0:09, because the caller asked for a person: transferred directly.",
    "Transfer    cold, asked for at 0:09: nobody answered after 30 s, the caller came back",
    "Supervisor  at 0:01, anna took over the call",
    "Outcome     handed over, found by rules",
    "Topics      refund, found by rules",
    "Turns       1 of the caller, 2 of the agent, who spoke 67 % of the words",
    "Replies     half within 2.3 s, 95 % within 2.3 s, the slowest 2.3 s, 0 over 3 s",
    "Trouble     none",
    "Tool        get_order took 1.4 s, turn 1",
    "Alerts      Silence on the line ×1",
    "Variables   plan: gold",
    "Summary     A refund.",
  ]);
  assert.match(shown, /^3 +0:02 +supervisor/m);
  const silent = callRecord();
  assert.match(renderReport(silent, reportCall(silent)), /\n\nNobody said anything\.$/);
});

test("every way a call can end has words for people", () => {
  for (const end of CALL_ENDS) assert.notEqual(endName(end), end.replaceAll("_", " "));
});
