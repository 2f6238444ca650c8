import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { isEcho } from "../../public/talk/echo.js";
import { SentenceSplitter } from "../../public/talk/sentences.js";
import { fc } from "../support/property.ts";

/** All that comes out, for a text that goes in piece by piece. */
function split(...pieces: string[]): string[] {
  const splitter = new SentenceSplitter();
  return [...pieces.flatMap((piece) => splitter.push(piece)), ...splitter.flush()];
}

describe("sentences for the voice", () => {
  test("a sentence is given out as soon as the next one begins", () => {
    const splitter = new SentenceSplitter();
    assert.deepEqual(splitter.push("Hello"), []);
    assert.deepEqual(splitter.push(" there."), []);
    assert.deepEqual(splitter.push(" How"), ["Hello there. "]);
    assert.deepEqual(splitter.push(" are you?"), []);
    assert.deepEqual(splitter.flush(), ["How are you?"]);
    assert.deepEqual(splitter.flush(), []);
  });

  test("neither a number nor an abbreviation ends one", () => {
    assert.deepEqual(split("It costs 3.50 in all. Ask Mr. Smith, e.g. at noon. Good."), [
      "It costs 3.50 in all. ",
      "Ask Mr. Smith, e.g. at noon. ",
      "Good.",
    ]);
  });

  test("closing quotes stay with their sentence, and a new line ends one", () => {
    assert.deepEqual(split('She said "No." Then\nshe left!'), ['She said "No." ', "Then\n", "she left!"]);
  });

  test("a long run of words is cut at a pause, so that the voice need not wait for its end", () => {
    const long = `${"and one thing more, ".repeat(12)}done`;
    const [first = ""] = split(long);
    assert.ok(first.length <= 182, `${first.length} characters`);
    assert.match(first, /, $/);
  });

  test("joined, the sentences are the text, however it was cut into pieces", () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: fc.constantFrom(..."ab .,!?\n\"'1") })), (pieces) => {
        assert.equal(split(...pieces).join(""), pieces.join(""));
      }),
    );
  });
});

describe("the page's own voice in the microphone", () => {
  const saying = "I will look for your parcel.";

  test("words of the sentence being said are an echo", () => {
    assert.equal(isEcho("i will look for", saying), true);
    assert.equal(isEcho("look for your parcel", saying), true);
  });

  test("other words are the caller's, and so is everything while the voice is silent", () => {
    assert.equal(isEcho("no stop", saying), false);
    assert.equal(isEcho("wait I need to tell you", saying), false);
    assert.equal(isEcho("I will look for", ""), false);
    assert.equal(isEcho("", saying), false);
  });
});
