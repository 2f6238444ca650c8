import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test, { describe } from "node:test";
import { featuresOf } from "../../lib/mood/features.ts";
import { findPhrases, parsePhrases } from "../../lib/mood/phrases.ts";
import { embeddedWeights } from "../../lib/mood/weights.ts";

const FILE = readFileSync(new URL("../../lib/mood/phrases.txt", import.meta.url), "utf8");

/** What is found in these words, by this file. */
function found(file: string, words: string): string[] {
  const all: string[] = [];
  const said = words.split(" ");
  findPhrases(
    said,
    (name, from, to) => all.push(`${name}: ${said.slice(from, to).join(" ")}`),
    parsePhrases(file),
  );
  return all;
}

describe("phrases", () => {
  const file = "# A remark.\nresigned: forget it, forget\nit all, fine $\n\npraise: fine, how kind\n";

  test("are found wherever they stand, the shorter in the longer as well", () => {
    assert.deepEqual(found(file, "^ oh forget it all how very kind how kind fine $"), [
      "resigned: forget it",
      "resigned: forget it all",
      "praise: how kind",
      "praise: fine",
      "resigned: fine $",
    ]);
  });

  test("a class counts once, and once more where several of its phrases are said", () => {
    const classes = (text: string) => [...featuresOf(text)].filter((name) => name.startsWith("@farewell"));
    assert.deepEqual(classes("Goodbye."), ["@farewell"]);
    assert.deepEqual(classes("Good luck, goodbye, farewell"), ["@farewell", "@farewell twice"]);
  });

  test("without a class are an error that shows them", () => {
    assert.throws(() => parsePhrases("forget it, fine"), /No class of phrases: forget it, fine/);
  });

  test("of the file are as an utterance is cut into words, none twice in a class, and each class is weighed", () => {
    for (const paragraph of FILE.replace(/^#.*\n/gm, "").split(/\n{2,}/)) {
      const [name = "", list = ""] = paragraph.trim().split(": ");
      const phrases = list.split(",").map((phrase) => phrase.trim().replace(/\s+/g, " "));
      const wrong = phrases.filter(
        (phrase) => !/^(?:\^ )?(?:[a-z]+|0)(?: (?:[a-z]+|0))*(?: \$)?$/.test(phrase),
      );
      assert.deepEqual([name, wrong], [name, []]);
      const twice = phrases.filter((phrase, at) => phrases.indexOf(phrase) !== at);
      assert.deepEqual([name, twice], [name, []]);
      assert.ok(embeddedWeights.words.has(`@${name}`), name);
    }
  });
});
