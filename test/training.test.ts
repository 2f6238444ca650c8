import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { describe } from "node:test";
import { promisify } from "node:util";
import { CallContext } from "../lib/mood/context.ts";
import { judge } from "../lib/mood/judge.ts";
import { RiskPolicy } from "../lib/mood/policy.ts";
import { formatWeights, parseWeights } from "../lib/mood/weights.ts";
import { embeddedJudge, judgeCall } from "../training/calls.ts";
import { LabelError, type LabelledCall, readLabelledCalls } from "../training/labelled-calls.ts";
import { measure } from "../training/measure.ts";
import { learnFromComments, train } from "../training/train.ts";
import { argsOf } from "./support/programs.ts";

const AUTHOR = new URL("../training/calls/train-1.jsonl", import.meta.url).pathname;
const run = promisify(execFile);

/** A command as `npm run` starts it; gives what it printed, and how it ended. */
async function command(script: string, ...args: string[]) {
  const node = [...argsOf(`training/${script}.ts`), ...args];
  const { stdout, stderr, code } = await run(process.execPath, node)
    .catch((error: { stdout: string; stderr: string; code: number }) => error)
    .then((result) => ({ code: 0, ...result }));
  return { stdout, stderr, code };
}

async function withFile(lines: readonly string[], use: (file: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "labelled-"));
  try {
    const file = join(folder, "calls.jsonl");
    await writeFile(file, lines.join("\n"));
    await use(file);
  } finally {
    await rm(folder, { recursive: true });
  }
}

describe("training", () => {
  const calls = readLabelledCalls(AUTHOR);
  const small = {
    authors: [calls.slice(0, 20), calls.slice(20, 40)],
    calm: calls.slice(40, 60).filter(({ upset }) => upset.size === 0),
    comments: learnFromComments(
      calls
        .slice(60, 90)
        .flatMap(({ turns, upset, kind }) =>
          turns.map(({ text }, at) => ({ text, upset: upset.has(at), pleased: kind === "thanks" })),
        ),
    ),
  };

  test("on the same data gives the same weights, and they judge as the file of them does", () => {
    const weights = train(small);
    const text = formatWeights(weights, ["a small sample"]);
    assert.equal(formatWeights(train(small), ["a small sample"]), text);
    assert.ok(weights.words.size > 200);
    const read = parseWeights(text);
    for (const { turns } of calls.slice(0, 20)) {
      const [a, b] = [weights, read].map((each) => {
        const context = new CallContext(4, each);
        return turns
          .filter(({ role }) => role === "user")
          .map((turn) => judge(context.heard(turn.text), each));
      });
      for (const [at, judgement] of (a ?? []).entries()) {
        assert.ok(Math.abs(judgement.upset - (b?.[at]?.upset ?? 9)) < 0.05);
      }
    }
  });

  test("has learnt what its own calls show", async () => {
    const weights = train(small);
    const judged = await Promise.all(
      small.authors
        .flat()
        .map((call) =>
          judgeCall(call, embeddedJudge(weights), new RiskPolicy(1.5), new CallContext(4, weights)),
        ),
    );
    const { classes } = measure(judged, 1.5);
    assert.ok((classes.upset?.recall.share ?? 0) > 0.5);
    assert.ok((classes.calm?.recall.share ?? 0) > 0.8);
  });

  test("says how it is used when the folder is missing, and what is missing in one that is not it", async () => {
    assert.match((await command("train-cli")).stderr, /npm run train:sentiment -- DATA/);
    const { stderr, code } = await command("train-cli", "/nowhere");
    assert.match(stderr, /^\/nowhere\/goemotions\/\S+ cannot be read: ENOENT\n$/);
    assert.equal(code, 1);
  });
});

describe("figures", () => {
  const turn = (upset: number, isUpset: boolean, level: number) => ({
    text: "…",
    label: null,
    cause: null,
    sentiment: upset >= 0.5 ? ("negative" as const) : ("neutral" as const),
    upset,
    isUpset,
    level,
  });

  test("count flags, hand-offs in time and false ones, and how far a probability is from the truth", () => {
    const figures = measure(
      [
        { id: "a", kind: "overt", turns: [turn(0.9, true, 0.9), turn(0.9, true, 1.8)], handoverFrom: 0 },
        {
          id: "b",
          kind: "overt",
          turns: [turn(0.9, true, 0.9), turn(0.2, true, 1), turn(0.9, true, 1.8)],
          handoverFrom: 0,
        },
        { id: "c", kind: "joke", turns: [turn(0.6, false, 0.6), turn(0.1, false, 0.5)], handoverFrom: null },
        { id: "d", kind: "plain", turns: [turn(0.1, false, 0.1)], handoverFrom: null },
      ],
      1.5,
    );
    assert.deepEqual(
      [figures.inTime, figures.handedOver, figures.flaggedCalmCalls, figures.falseEscalations].map(
        ({ share, of }) => [share, of],
      ),
      [
        [0.5, 2],
        [1, 2],
        [0.5, 2],
        [0, 2],
      ],
    );
    assert.equal(figures.turnsAfterFirstUpset, 1.5);
    assert.equal(figures.classes.upset?.recall.share, 4 / 5);
    assert.equal(figures.classes.upset?.precision.share, 4 / 5);
    // Bins of 0.1: two turns said 0.1 and none was; 0.2 said, was 1; 0.6 said, was 0; four said 0.9, all were.
    const expected = (2 * 0.1 + 0.8 + 0.6 + 4 * 0.1) / 8;
    assert.equal(figures.calibrationError?.toFixed(6), expected.toFixed(6));
    assert.deepEqual([figures.worst[0]?.call, figures.worst[0]?.upset], ["b", 0.2]);
  });

  test("an interval is Wilson's", () => {
    const calls = Array.from({ length: 10 }, (_, index) => ({
      id: String(index),
      kind: "overt",
      turns: [turn(0.9, true, index < 7 ? 2 : 0)],
      handoverFrom: 0,
    }));
    const { share, low, high } = measure(calls, 1.5).inTime;
    assert.deepEqual([share, low?.toFixed(3), high?.toFixed(3)], [0.7, "0.397", "0.892"]);
  });
});

describe("labelled calls", () => {
  const good =
    '{"turns":[{"role":"user","text":"hi"},{"role":"agent","text":"hello"}],"upset":[],"handover_from":null}';

  for (const [what, line, message] of [
    ["that are not JSON", "{", /line 2 is not JSON$/],
    ["without turns", '{"upset":[],"handover_from":null}', /line 2: turns: /],
    ["with a label out of range", good.replace("[]", "[7]"), /line 2: upset: 7 is not a turn of the caller$/],
    [
      "with a label on the agent's turn",
      good.replace("[]", "[1]"),
      /line 2: upset: 1 is not a turn of the caller$/,
    ],
    [
      "to hand over at no turn",
      good.replace("null", "9"),
      /line 2: handover_from: 9 is not a turn of the caller$/,
    ],
  ] as const) {
    test(`${what} are one line that names theirs`, async () => {
      await withFile([good, line], async (file) => {
        assert.throws(
          () => readLabelledCalls(file),
          (error) =>
            error instanceof LabelError && message.test(error.message) && !error.message.includes("\n"),
        );
      });
    });
  }

  test("are measured by the command, for people and as JSON", async () => {
    const upset: LabelledCall["turns"] = [
      { role: "user", text: "This is ridiculous!" },
      { role: "agent", text: "I see." },
      { role: "user", text: "You are useless, all of you!" },
      { role: "agent", text: "I see." },
      { role: "user", text: "Get me your manager, I am sick of this!" },
    ];
    const line = JSON.stringify({ id: "x", kind: "overt", turns: upset, upset: [0, 2, 4], handover_from: 2 });
    await withFile([good, line, ""], async (file) => {
      const { stdout } = await command("eval-cli", file);
      assert.match(stdout, /^2 calls, 4 turns of callers; verdicts by embedded; policy risk, threshold \d/);
      assert.match(stdout, /Calibration error of P\(upset\)/);
      const { figures } = JSON.parse((await command("eval-cli", "--json", file)).stdout);
      assert.deepEqual([figures.calls, figures.inTime.of], [2, 1]);
      const bad = await command("eval-cli", "/nowhere.jsonl");
      assert.deepEqual([bad.stderr, bad.code], ["/nowhere.jsonl cannot be read: ENOENT\n", 1]);
    });
  });
});
