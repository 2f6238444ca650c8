import assert from "node:assert/strict";
import test, { describe } from "node:test";
import { classify } from "../../lib/llm/embedded/sentiment.ts";
import type { Sentiment } from "../../lib/wire/log-events.ts";
import { type LabelledUtterance, laterUtterances, utterances } from "./utterances.ts";

const isUpset = (label: Sentiment) => label === "negative" || label === "frustrated";

function figuresOf(half: readonly LabelledUtterance[]) {
  const calm = half.filter(({ label }) => !isUpset(label));
  return {
    fourClasses: half.filter(({ text, label }) => classify(text) === label).length,
    upsetOrNot: half.filter(({ text, label }) => isUpset(classify(text)) === isUpset(label)).length,
    total: half.length,
    calmCalledUpset: calm.filter(({ text }) => isUpset(classify(text))).length,
    calm: calm.length,
  };
}

describe("the figures", () => {
  const development = utterances.filter(({ id }) => id % 2 === 1);
  const heldOut = utterances.filter(({ id }) => id % 2 === 0);

  test("120 utterances with their own ids, half of them held out", () => {
    assert.equal(new Set(utterances.map(({ id }) => id)).size, 120);
    assert.equal(development.length, 60);
    assert.equal(heldOut.length, 60);
  });

  test("the held-out half, only ever counted", (t) => {
    const { fourClasses, upsetOrNot, total, calmCalledUpset, calm } = figuresOf(heldOut);
    t.diagnostic(`held out: four classes ${fourClasses}/${total}, upset or not ${upsetOrNot}/${total}`);
    t.diagnostic(`held out: calm called upset ${calmCalledUpset}/${calm}`);
    assert.ok(fourClasses >= 50, `four classes: ${fourClasses}/${total}`);
    assert.ok(upsetOrNot / total >= 0.8, `upset or not: ${upsetOrNot}/${total}`);
    assert.ok(calmCalledUpset / calm < 0.05, `calm called upset: ${calmCalledUpset}/${calm}`);
  });

  test("the later utterances, written after the rules", (t) => {
    const { fourClasses, upsetOrNot, total, calmCalledUpset, calm } = figuresOf(laterUtterances);
    t.diagnostic(`later: four classes ${fourClasses}/${total}, upset or not ${upsetOrNot}/${total}`);
    t.diagnostic(`later: calm called upset ${calmCalledUpset}/${calm}`);
    assert.ok(fourClasses >= 51, `four classes: ${fourClasses}/${total}`);
    assert.ok(upsetOrNot / total >= 0.8, `upset or not: ${upsetOrNot}/${total}`);
    assert.ok(calmCalledUpset / calm < 0.05, `calm called upset: ${calmCalledUpset}/${calm}`);
  });

  test("the development half, which the rules were written on", () => {
    for (const { id, text, label } of development) assert.equal(classify(text), label, `${id}: ${text}`);
  });
});

describe("classify", () => {
  const cases: readonly [string, Sentiment][] = [
    ["I've been waiting for my order for 3 weeks and nobody will help me!", "frustrated"],
    ["This is ridiculous! I want a refund now!", "frustrated"],
    ["I can't believe how terrible this service is!", "frustrated"],
    ["I can’t believe how terrible this service is!", "frustrated"],
    ["", "neutral"],
    ["   \n ", "neutral"],
    ["THANK YOU SO MUCH!!", "positive"],
    ["The food was great, but the driver was rude.", "negative"],
    ["I was worried, but everything is perfect.", "positive"],
    ["Can I get a refund if it doesn't fit?", "neutral"],
  ];
  for (const [text, label] of cases) {
    test(`${JSON.stringify(text)} is ${label}`, () => assert.equal(classify(text), label));
  }

  test("a megabyte of anything gets a label, whatever it repeats", () => {
    const pieces = [
      "!",
      "(",
      "[",
      "a",
      "a.",
      "@a",
      "1,",
      "still ",
      "n't ",
      "😊",
      "a er than ",
      " but ",
      "\u0000",
    ];
    for (const piece of pieces) {
      const label = classify(piece.repeat(1_000_000 / piece.length));
      assert.ok(["positive", "neutral", "negative", "frustrated"].includes(label), piece);
    }
  });

  test("only the first 2,000 characters count", () => {
    const calm = "I am reading you the terms. ".repeat(80);
    assert.equal(classify(`${calm} This is ridiculous!`), classify(calm));
  });
});
