import assert from "node:assert/strict";
import test, { describe } from "node:test";
import { readBaseline, regressions } from "../../rehearse/figures/baseline.ts";
import { figuresOf } from "../../rehearse/figures/figures.ts";
import { compare } from "../../rehearse/figures/mcnemar.ts";
import { passK } from "../../rehearse/figures/pass-k.ts";
import { costOf, readPrices } from "../../rehearse/figures/prices.ts";
import { renderComparison, renderFigures } from "../../rehearse/output/figures-text.ts";
import { toHtml } from "../../rehearse/output/html.ts";
import { toJsonl } from "../../rehearse/output/jsonl.ts";
import { toJunit } from "../../rehearse/output/junit.ts";
import { summarize } from "../../rehearse/output/summary.ts";
import type { RunResult } from "../../rehearse/run/result.ts";
import { fc } from "../support/property.ts";
import { scenarioFile } from "../support/rehearsal.ts";

const run = (change: Partial<RunResult>): RunResult => ({
  id: "a",
  file: "a.yaml",
  seed: 1,
  variant: "",
  outcome: "passed",
  reasons: [],
  durationMs: 10,
  turns: 2,
  firstChunkMs: [5],
  replyMs: [5],
  silenceMs: [],
  backchannels: 0,
  backchannelCuts: 0,
  escalatedAt: null,
  escalatesAt: null,
  tools: [],
  usage: [],
  judgements: [],
  skippedChecks: 0,
  metrics: [],
  ownMs: 1,
  events: [],
  ...change,
});
const times = (passed: number, failed: number) => [
  ...new Array<[boolean, boolean]>(passed).fill([true, false]),
  ...new Array<[boolean, boolean]>(failed).fill([false, true]),
];

describe("McNemar's exact test", () => {
  // By hand: 2 · Σ C(n, i) / 2^n for i up to the smaller of the two.
  for (const [first, second, p] of [
    [5, 0, 0.0625],
    [6, 0, 0.03125],
    [1, 9, 22 / 1024],
    [3, 3, 1],
    [0, 0, 1],
    [10, 2, (2 * (1 + 12 + 66)) / 4096],
  ] as const) {
    test(`${first} to ${second}`, () => {
      const result = compare([...times(first, second), [true, true], [false, false]]);
      assert.ok(Math.abs(result.p - p) < 1e-9, `${result.p} is not ${p}`);
      assert.deepEqual([result.onlyFirst, result.onlySecond], [first, second]);
    });
  }

  test("is a chance, and the same for both orders", () => {
    fc.assert(
      fc.property(fc.nat(60), fc.nat(60), (a, b) => {
        const { p } = compare(times(a, b));
        assert.ok(p > 0 && p <= 1);
        assert.ok(Math.abs(p - compare(times(b, a)).p) < 1e-12);
      }),
    );
  });

  test("what it says: who is better, or that nobody can tell", () => {
    assert.match(renderComparison(["A", "B"], compare(times(9, 1))), /p = 0\.0215: A is better/);
    assert.match(renderComparison(["A", "B"], compare(times(0, 8))), /B is better/);
    assert.match(renderComparison(["A", "B"], compare(times(4, 1))), /p = 0\.3750: cannot tell them apart/);
  });
});

describe("pass^k", () => {
  test("is the share of passes for one, and all of them for n", () => {
    assert.equal(passK([{ passed: 3, held: 4 }], 1), 0.75);
    assert.equal(passK([{ passed: 3, held: 4 }], 2), 0.5);
    assert.equal(passK([{ passed: 3, held: 4 }], 4), 0);
    assert.equal(
      passK(
        [
          { passed: 4, held: 4 },
          { passed: 2, held: 4 },
        ],
        2,
      ),
      (1 + 1 / 6) / 2,
    );
    assert.equal(passK([{ passed: 1, held: 1 }], 2), null);
  });

  test("never grows with k", () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 30 }), fc.nat(30), (held, passes) => {
        const counts = [{ passed: Math.min(passes, held), held }];
        for (let k = 2; k <= held; k += 1) assert.ok((passK(counts, k) ?? 0) <= (passK(counts, k - 1) ?? 0));
      }),
    );
  });
});

test("escalations: on time, late, missed and false ones", () => {
  const results = [
    run({ id: "on time", escalatesAt: 3, escalatedAt: 3 }),
    run({ id: "late", escalatesAt: 3, escalatedAt: 5 }),
    run({ id: "early", escalatesAt: 3, escalatedAt: 2 }),
    run({ id: "missed", escalatesAt: 2 }),
    run({ id: "false", escalatesAt: "never", escalatedAt: 1 }),
    run({ id: "calm", escalatesAt: "never" }),
    run({ id: "not held", escalatesAt: "never", escalatedAt: 1, outcome: "error" }),
  ];
  const figures = figuresOf(summarize(results), null);
  assert.deepEqual(figures.escalationDelays, [0, 2, -1]);
  assert.deepEqual([figures.missedEscalations, figures.falseEscalations, figures.calmCalls], [1, 1, 2]);
  assert.match(
    renderFigures(figures),
    /1 of 4 at their turn \(turns off: −1, \+2\), 1 missed; false: 1 of 2 calm calls/,
  );
});

test("times, tools, backchannels and the rehearsal's own time", () => {
  const results = [
    run({ firstChunkMs: [10, 20], replyMs: [11, 21], silenceMs: [7], tools: ["x", "y"], backchannels: 2 }),
    run({ firstChunkMs: [30], tools: ["x"], backchannels: 1, backchannelCuts: 1, turns: 18, ownMs: 9 }),
  ];
  const text = renderFigures(figuresOf(summarize(results), null));
  assert.match(text, /First chunk +p50 20 ms, p95 29 ms/);
  assert.match(text, /Interrupt to silence p50 7 ms/);
  assert.match(text, /Tools +x ×2, y ×1/);
  assert.match(text, /Backchannels +3, answers cut by them: 1/);
  assert.match(text, /The rehearsal's own +0\.50 ms a turn/);
});

describe("tokens and cost", () => {
  const usage = [{ model: "m", inputTokens: 2_000_000, outputTokens: 500_000 }];
  test("by the user's own table", async (t) => {
    const prices = readPrices(await scenarioFile(t, "m: { input: 0.15, output: 0.6 }\n", "prices.yaml"));
    assert.equal(costOf(usage, prices), 0.6);
    assert.equal(costOf([{ ...(usage[0] ?? assert.fail()), model: "other" }], prices), null);
    assert.equal(costOf(usage, { "*": { input: 1, output: 1 } }), 2.5);
    assert.match(
      renderFigures(figuresOf(summarize([run({ usage })]), prices)),
      /2000000 in, 500000 out, cost 0\.6000/,
    );
  });

  test("a table that is none is said to be", async (t) => {
    const file = await scenarioFile(t, "m: cheap\n", "prices.yaml");
    assert.throws(() => readPrices(file), /is not a table of prices/);
  });
});

describe("a baseline", () => {
  const before = [
    run({ id: "good" }),
    run({ id: "bad", outcome: "failed", reasons: ["x"] }),
    run({ id: "off", outcome: "error" }),
  ];
  const worse = async (t: test.TestContext, results: RunResult[], earlier = before) =>
    regressions(
      summarize(results),
      readBaseline(await scenarioFile(t, toJsonl(earlier), "before.jsonl")),
      50,
    );

  test("is met by what is as good, and by what failed before as well", async (t) => {
    assert.deepEqual(await worse(t, before), []);
    assert.deepEqual(await worse(t, [run({ id: "bad" })]), []);
  });

  test("is missed by what passes less often, and by a new scenario that fails", async (t) => {
    const failed = { outcome: "failed", reasons: ["x"] } as const;
    assert.deepEqual(await worse(t, [run({ id: "good" }), run({ id: "good", seed: 2, ...failed })]), [
      "good passed 1 of 2, before 1 of 1",
    ]);
    assert.deepEqual(await worse(t, [run({ id: "new", ...failed })]), ["new is new and passed 0 of 1"]);
  });

  test("is missed by an escalation that comes later, no longer, or where none came", async (t) => {
    const at = (escalatedAt: number | null, seed = 1) => run({ id: "upset", seed, escalatedAt });
    const compared = (now: RunResult[], earlier: RunResult[]) => worse(t, now, earlier);
    assert.deepEqual(await compared([at(4)], [at(3)]), ["upset escalates at turn 4, before at 3"]);
    assert.deepEqual(await compared([at(2)], [at(3)]), []);
    assert.deepEqual(await compared([at(3), at(4, 2)], [at(3), at(3, 2)]), []);
    const none = ["upset escalates in 0 of 1 runs, before in 1 of 1"];
    assert.deepEqual(await compared([at(null)], [at(3)]), none);
    const one = ["upset escalates in 1 of 1 runs, before in 0 of 1"];
    assert.deepEqual(await compared([at(3)], [at(null)]), one);
  });

  test("is missed by answers that begin later than the tolerance and 100 ms allow", async (t) => {
    const with95 = (firstChunkMs: number, replyMs: number) => [
      run({ firstChunkMs: [firstChunkMs], replyMs: [replyMs] }),
    ];
    assert.deepEqual(await worse(t, with95(105, 105), with95(5, 5)), []);
    assert.deepEqual(await worse(t, with95(1_500, 1_600), with95(1_000, 1_000)), [
      "reply p95 1600 ms, before 1000 ms (at most 1500 ms)",
    ]);
    assert.deepEqual(await worse(t, with95(106, 5), with95(5, 5)), [
      "first chunk p95 106 ms, before 5 ms (at most 105 ms)",
    ]);
    const [slow] = with95(9_000, 9_000);
    assert.deepEqual(
      await worse(t, [...with95(5, 5), { ...(slow ?? assert.fail()), id: "new" }], with95(5, 5)),
      [],
    );
  });

  test("that is none names the line", async (t) => {
    const file = await scenarioFile(t, `${toJsonl(before)}nonsense\n`, "before.jsonl");
    assert.throws(() => readBaseline(file), /before\.jsonl:4: is not a line of --jsonl/);
    assert.throws(() => readBaseline("none.jsonl"), /there is no such baseline/);
  });
});

describe("what is written for others", () => {
  const results = [
    run({ events: [{ event: "user", atMs: 1, fields: { text: "<script>alert(1)</script>" } }] }),
    run({ seed: 2, outcome: "failed", reasons: ["turn 1: expected <this> & that"] }),
    run({ id: "b", outcome: "error", reasons: ["no server"] }),
    run({ id: "c", outcome: "skipped", reasons: ["not here"] }),
  ];

  test("JUnit has a case a run, with failures, errors and skips apart", () => {
    const xml = toJunit(summarize(results));
    assert.match(xml, /<testsuite name="a" tests="2" failures="1" errors="0" skipped="0">/);
    assert.match(xml, /<testsuite name="b" tests="1" .*errors="1"/);
    assert.match(xml, /<testsuite name="c" .*skipped="1"/);
    assert.match(xml, /<failure message="turn 1: expected &lt;this(>|&gt;) &amp; that"/);
    assert.match(xml, /classname="a"/);
  });

  test("JSON lines can be read again", () => {
    const lines = toJsonl(results).trimEnd().split("\n");
    assert.equal(lines.length, 4);
    assert.deepEqual(JSON.parse(lines[0] ?? "").events, [
      { event: "user", atMs: 1, text: "<script>alert(1)</script>" },
    ]);
  });

  test("the page shows every conversation, fetches nothing, and runs nothing a caller said", () => {
    const page = toHtml(summarize(results), "figures", "4 calls");
    assert.ok(!page.includes("<script"));
    assert.ok(!/(?:src|href)="(?!#)/.test(page));
    assert.match(page, /expected &#60;this&#62; &#38; that/);
  });
});
