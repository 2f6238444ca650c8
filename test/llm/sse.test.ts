import assert from "node:assert/strict";
import test, { describe } from "node:test";
import { SseParser } from "../../lib/llm/sse.ts";
import { fc } from "../support/property.ts";

/** What a parser makes of a text whose bytes come in pieces of these sizes, the last one repeated. */
function parse(text: string, sizes: readonly number[] = [1_000_000]): string[] {
  const bytes = Buffer.from(text);
  const parser = new SseParser();
  const seen: string[] = [];
  for (let at = 0, piece = 0; at < bytes.length; piece += 1) {
    const size = sizes[piece] ?? sizes.at(-1) ?? 1;
    seen.push(...parser.push(bytes.subarray(at, at + size)));
    at += size;
  }
  return seen;
}

describe("server-sent events", () => {
  test("give the data of each event", () => {
    assert.deepEqual(parse('data: {"a":1}\n\ndata: [DONE]\n\n'), ['{"a":1}', "[DONE]"]);
  });

  test("may leave out the space after the colon, or say nothing", () => {
    assert.deepEqual(parse("data:x\n\ndata:  y\n\ndata\n\ndata:\n\n"), ["x", " y", "", ""]);
  });

  test("join the lines of one event", () => {
    assert.deepEqual(parse("data: one\ndata: two\n\n"), ["one\ntwo"]);
  });

  test("skip comments, other fields and empty events", () => {
    assert.deepEqual(parse(": keep-alive\n\nevent: x\nid: 7\nretry: 9\ndatabase: no\ndata: yes\n\n\n\n"), [
      "yes",
    ]);
  });

  test("wait for the end of an event", () => {
    assert.deepEqual(parse("data: cut off\n"), []);
  });

  test("may end a line in LF, CR LF or CR", () => {
    for (const end of ["\n", "\r\n", "\r"]) {
      // A CR that ends the input could still be half of a CR LF, so another event follows.
      assert.deepEqual(parse(["data: a", "data: b", "", "data: c", "", ":", ""].join(end)), ["a\nb", "c"]);
    }
  });

  test("are the same wherever the bytes are cut", () => {
    const line = fc.oneof(
      fc.string({ unit: "grapheme" }).map((text) => text.replaceAll(/[\r\n]/g, "")),
      fc.constantFrom("", "data", ": comment", "event: x", "[DONE]"),
    );
    const ending = fc.constantFrom("\n", "\r\n", "\r");
    const events = fc.array(fc.tuple(fc.array(line, { minLength: 1, maxLength: 3 }), ending), {
      maxLength: 6,
    });
    fc.assert(
      fc.property(events, fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }), (sent, sizes) => {
        const text = sent
          .map(([lines, end]) => lines.map((each) => `data: ${each}${end}`).join("") + end)
          .join("");
        const expected = sent.map(([lines]) => lines.join("\n"));
        assert.deepEqual(parse(text, sizes), expected);
      }),
      { numRuns: 500 },
    );
  });
});
