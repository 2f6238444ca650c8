import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ThinkingFilter } from "../../lib/llm/thinking.ts";
import { fc } from "../support/property.ts";

/** What is said of a text that comes in these pieces. */
function said(pieces: readonly string[], { fromStart = false, cut = false } = {}): string {
  const filter = new ThinkingFilter(fromStart);
  return pieces.map((piece) => filter.push(piece)).join("") + filter.end(cut);
}

/** A text cut at any places. */
function pieces(text: string): fc.Arbitrary<string[]> {
  return fc
    .uniqueArray(fc.integer({ min: 0, max: text.length }), { maxLength: 12 })
    .map((places) => [0, ...places.sort((a, b) => a - b), text.length])
    .map((places) => places.slice(1).map((to, index) => text.slice(places[index], to)));
}

const MARKED: readonly [what: string, text: string][] = [
  ["DeepSeek, Qwen", "<think>\nWhat now?\n</think>Good morning."],
  ["in capitals", "<THINK>hm</THINK>Good morning."],
  ["Mistral", "[THINK]hm[/THINK]Good morning."],
  ["Seed", "<seed:think>hm</seed:think>Good morning."],
  ["Kimi", "◁think▷hm◁/think▷Good morning."],
  [
    "gpt-oss, raw",
    "<|channel|>analysis<|message|>hm<|end|><|start|>assistant<|channel|>final<|message|>Good morning.",
  ],
  ["Gemma 4", "<|channel>thought\nhm<channel|>Good morning."],
  ["Command R7B", "<|START_THINKING|>hm<|END_THINKING|>Good morning."],
  ["twice", "<think>a</think>Good <think>b</think>morning."],
  ["never opened, and cut off from nothing said", "hm hm</think>Good morning."],
];

describe("thinking in the text of an answer", () => {
  for (const [what, text] of MARKED) {
    const fromStart = what.startsWith("never opened");
    test(`is never said, however it is cut: ${what}`, () => {
      fc.assert(
        fc.property(pieces(text), (cut) => {
          assert.equal(said(cut, { fromStart }), "Good morning.");
        }),
      );
    });
  }

  test("that has no end is not said", () => {
    assert.equal(said(["Well. <thi", "nk>and so on and on"]), "Well. ");
  });

  test("has a time: it is known when it goes on, and whether there was any", () => {
    const filter = new ThinkingFilter();
    assert.deepEqual([filter.thinking, filter.thought], [false, false]);
    filter.push("<think>h");
    assert.deepEqual([filter.thinking, filter.thought], [true, true]);
    filter.push("m</think>");
    assert.deepEqual([filter.thinking, filter.thought], [false, true]);
  });

  test("whose end comes alone is found out, for the next answer to be kept back", () => {
    const filter = new ThinkingFilter();
    filter.push("hm");
    assert.equal(filter.push(" hm</think>Good morning."), "Good morning.");
    assert.ok(filter.loneEnd);
  });
});

describe("an answer without thinking", () => {
  test("is said as it is, whatever is in it, and at once unless it may become a mark", () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: "grapheme" })), (words) => {
        const text = words.join("");
        fc.pre(!/[<[◁]/.test(text));
        assert.equal(said(words), text);
      }),
    );
    const filter = new ThinkingFilter();
    assert.equal(filter.push("Is 1 <"), "Is 1 ");
    assert.equal(filter.push(" 2? [Yes], <b>"), "< 2? [Yes], <b>");
  });

  test("is said at its end where it was taken for thinking, unless it was cut", () => {
    assert.equal(said(["Good ", "morning."], { fromStart: true }), "Good morning.");
    assert.equal(said(["Good ", "morning."], { fromStart: true, cut: true }), "");
  });

  test("is said at once where the thinking has come beside it", () => {
    const filter = new ThinkingFilter(true);
    filter.notFromStart();
    assert.equal(filter.push("Good "), "Good ");
  });
});

test("a long thinking in small pieces is not looked through again with each of them", () => {
  const filter = new ThinkingFilter(true);
  for (let piece = 0; piece < 200_000; piece += 1) filter.push("and ");
  assert.equal(filter.push("</think>Yes."), "Yes.");
});
