import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { excerptOf } from "../../lib/calls/excerpt.ts";
import { indexable, parseSearch, wordsOf } from "../../lib/calls/search-words.ts";
import { fc } from "../support/property.ts";

const words = (text: string) => wordsOf(text).map(({ word }) => word);

describe("the words of a text", () => {
  test("are small, without accents, in every language", () => {
    assert.deepEqual(words("I'd like a Refund, CAFÉ—Nr. 12!"), [
      "i",
      "d",
      "like",
      "a",
      "refund",
      "cafe",
      "nr",
      "12",
    ]);
    assert.deepEqual(words("Где моя посылка?"), ["где", "моя", "посылка"]);
    assert.deepEqual(words("أين طردي؟"), ["أين", "طردي"]);
    assert.ok(words("我的包裹在哪里").includes("包裹"));
  });

  test("stand where the text has them, whatever the text", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", maxLength: 60 }), (text) => {
        let before = 0;
        for (const { index, length } of wordsOf(text)) {
          assert.ok(index >= before && length > 0 && index + length <= text.length);
          before = index + length;
        }
        // Nothing that a query language could take for its own.
        assert.match(indexable(text), /^[\p{L}\p{N}\p{M} ]*$/u);
      }),
    );
  });
});

test("of a text without end the beginning is searched, and a run of letters without end is a short word", () => {
  assert.equal(words("and ".repeat(10_000)).length, 2_048);
  assert.deepEqual(words(`refund ${"x".repeat(30_000)}`), ["refund", "x".repeat(64)]);
});

describe("a search", () => {
  test("finds beginnings of words, and quoted words next to each other as they are", () => {
    assert.deepEqual(parseSearch('Refund "Two  Weeks" of'), [
      { words: ["refund"], prefix: true },
      { words: ["two", "weeks"], prefix: false },
      { words: ["of"], prefix: false },
    ]);
    assert.deepEqual(parseSearch(' "" !? '), []);
    assert.deepEqual(parseSearch('12-34 "open'), [
      { words: ["12", "34"], prefix: false },
      { words: ["open"], prefix: false },
    ]);
  });

  test("shows the turn that has most of it, and its words around the place", () => {
    const turns = [
      { number: 1, text: "What about the refund?" },
      { number: 2, text: null },
      { number: 3, text: `${"so ".repeat(40)}my refunds took TWO weeks and I ${"wait ".repeat(40)}` },
    ];
    const found = excerptOf(turns, parseSearch('refund "two weeks"'));
    assert.equal(found?.turn, 3);
    assert.equal(found?.found, "refunds");
    assert.match(found?.before ?? "", /^….{10,50} my $/);
    assert.match(found?.after ?? "", /^ took TWO weeks and I .{50,}…$/);
    assert.equal(excerptOf(turns, parseSearch("nothing")), null);
  });
});
