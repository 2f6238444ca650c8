import assert from "node:assert/strict";
import test, { describe } from "node:test";
import { parseConfig } from "../../lib/config.ts";
import { CallContext } from "../../lib/mood/context.ts";
import { featuresOf, wordsSaid } from "../../lib/mood/features.ts";
import { classify, judge, withoutWords } from "../../lib/mood/judge.ts";
import { createPolicy } from "../../lib/mood/policy.ts";
import { embeddedWeights } from "../../lib/mood/weights.ts";
import { fc } from "../support/property.ts";
import { type LabelledUtterance, laterUtterances, utterances } from "./utterances.ts";

const SAMPLE = [
  "I've been waiting for my order for 3 weeks and nobody will help me!",
  "This is ridiculous! I want a refund now!",
  "I can't believe how terrible this service is!",
];

/** The verdicts on a call of which only the caller's words are known. */
function judgeAll(said: readonly string[]) {
  const context = new CallContext(4);
  return said.map((text) => judge(context.heard(text)));
}

function isUpset(text: string): boolean {
  return ["negative", "frustrated"].includes(classify(text));
}

test("what an utterance is made of is the same, whether all of it is named or only what has a weight", () => {
  const known = [...embeddedWeights.words.keys()];
  const word = fc.oneof(
    fc.constantFrom(...known.flatMap((name) => name.split(" "))),
    fc.string({ maxLength: 6 }),
  );
  fc.assert(
    fc.property(fc.array(word, { maxLength: 30 }), (words) => {
      const text = words.join(" ");
      const named = [...featuresOf(text, new Map(), embeddedWeights.grams)];
      const weighed = (names: Iterable<string>) =>
        [...names].filter((name) => embeddedWeights.words.has(name));
      assert.deepEqual(weighed(named).sort(), weighed(featuresOf(text)).sort());
      const all = featuresOf(text);
      for (const { word } of wordsSaid(text)) assert.ok(all.has(word), word);
    }),
  );
});

describe("a call", () => {
  test("README's sample is handed over at its third utterance by the default policy, and not before", () => {
    const policy = createPolicy(parseConfig({}));
    const handedOver = judgeAll(SAMPLE).map((judgement) => {
      policy.add(judgement);
      return policy.reached;
    });
    assert.deepEqual(handedOver, [false, false, true]);
  });

  test("the same words weigh more after angry ones", () => {
    const [, , after] = judgeAll([...SAMPLE.slice(1), "Whatever."]);
    const [alone] = judgeAll(["Whatever."]);
    assert.ok((after?.upset ?? 0) > (alone?.upset ?? 1) + 0.2, `${after?.upset} after ${alone?.upset}`);
  });

  test("what is said again counts, and is named as the cause", () => {
    const words = "Where is my parcel, it was due on Monday";
    const verdicts = judgeAll([words, words, words]);
    const [first, , third] = verdicts;
    assert.ok((third?.upset ?? 0) > (first?.upset ?? 1) + 0.2);
    const angry = judgeAll([...Array(3).fill("This is ridiculous, I want my money back"), ...SAMPLE]);
    assert.match(angry[2]?.cause ?? "", /^said 3 times, /);
  });

  test("a cause names words as they were said, without what stands between them", () => {
    const waiting = judge(
      new CallContext(4).heard("I have been waiting for 3, yes 3 weeks and nobody will help me!"),
    );
    assert.match(waiting.cause ?? "", /"3 weeks"/);
    const [said] = judgeAll([
      "I can’t believe how terrible, terrible this is. Nobody, nobody helps. 3... weeks!",
    ]);
    assert.equal(withoutWords(said?.cause ?? null), null);
    assert.doesNotMatch(said?.cause ?? "", /[.!]|\b0\b/);
  });

  test("a cause without the caller's words is what the record keeps where it keeps no text", () => {
    assert.equal(
      withoutWords('said 3 times, "ridiculous", "my money", upset before'),
      "said 3 times, upset before",
    );
    assert.equal(withoutWords('"ridiculous"'), null);
    assert.equal(withoutWords(null), null);
  });
});

describe("an utterance by itself", () => {
  for (const calm of [
    "great thanks so much for your help",
    "not right now",
    "no thanks fine",
    "not really thanks",
    "that is not required",
    "my screen is cracked",
    "the payment failed twice",
    "it still does not work",
    "THANK YOU SO MUCH!!",
    "Can I get a refund if it doesn't fit?",
    "",
    "   \n ",
  ]) {
    test(`${JSON.stringify(calm)} is not upset`, () => assert.equal(isUpset(calm), false));
  }

  for (const angry of [
    "I am sick and tired of this.",
    "This is the fifth time I've rung.",
    "Well, thanks for nothing.",
    "Are you even listening to me?",
  ]) {
    test(`${JSON.stringify(angry)} is upset`, () => assert.ok(isUpset(angry)));
  }

  for (const praise of [
    "Thank you, that was great!",
    "I'm so happy with this!",
    "You're the best!",
    "Perfect!",
    "Great, thanks.",
  ]) {
    test(`${JSON.stringify(praise)} is positive`, () => assert.equal(classify(praise), "positive"));
  }

  for (const other of [
    "That would be great, thank you.",
    "I am glad to wait.",
    "Great, and what is the postcode?",
    "That was great service, three hours and still no answer.",
    "Oh brilliant, another form.",
  ]) {
    test(`${JSON.stringify(other)} is no praise`, () => assert.notEqual(classify(other), "positive"));
  }

  test("a curly apostrophe is an apostrophe", () => {
    assert.deepEqual(featuresOf("I can’t believe it"), featuresOf("I can't believe it"));
  });

  test("only the first 2,000 characters count", () => {
    const calm = "I am reading you the terms. ".repeat(80);
    assert.equal(judgeAll([`${calm} This is ridiculous!`])[0]?.sentiment, judgeAll([calm])[0]?.sentiment);
  });

  test("anything gets a verdict and a probability, whatever it repeats", () => {
    const pieces = ["!", "(", "a", "a.", "1,", "still ", "n't ", "😊", "\u0000", "a'", "?!", "..", "A"];
    for (const piece of pieces) judgeAll([piece.repeat(100_000)]);
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        const [judgement] = judgeAll([text]);
        assert.ok(judgement && judgement.upset >= 0 && judgement.upset <= 1);
      }),
    );
  });
});

/**
 * Short utterances of one author, labelled long before the model was trained and no part of its training. The author's
 * "negative" holds problems told plainly, which are calm by the definition of today, so they are left out.
 */
describe("120 utterances that the model was not trained on", () => {
  const clear = ({ label }: LabelledUtterance) => label !== "negative";
  for (const [name, set] of [
    ["the earlier ones", utterances.filter(clear)],
    ["the later ones", laterUtterances.filter(clear)],
  ] as const) {
    test(name, (t) => {
      const calm = set.filter(({ label }) => label !== "frustrated");
      const angry = set.filter(({ label }) => label === "frustrated");
      const [falseFlags, found] = [calm, angry].map(
        (some) => some.filter(({ text }) => isUpset(text)).length,
      );
      t.diagnostic(
        `calm called upset ${falseFlags}/${calm.length}, frustrated found ${found}/${angry.length}`,
      );
      assert.ok((falseFlags ?? 0) / calm.length <= 0.05);
      assert.ok((found ?? 0) / angry.length >= 0.25);
    });
  }
});
