import assert from "node:assert/strict";
import { Writable } from "node:stream";
import test, { describe } from "node:test";
import { setImmediate as nextRound } from "node:timers/promises";
import { gatherWrites, releaseWrites } from "../../lib/socket/gather.ts";

/** A stream that notes what each of its writes to the system holds. */
function recorder(): { stream: Writable; writes: string[] } {
  const writes: string[] = [];
  const stream = new Writable({
    decodeStrings: false,
    write(chunk: string, _encoding, done) {
      writes.push(chunk);
      done();
    },
    writev(chunks, done) {
      writes.push(chunks.map(({ chunk }) => String(chunk)).join(""));
      done();
    },
  });
  return { stream, writes };
}

const say = (stream: Writable, text: string) => {
  gatherWrites(stream);
  stream.write(text);
};

describe("gathered writes", () => {
  test("what is written in one round of the event loop leaves in one piece, in order", async () => {
    const [one, two] = [recorder(), recorder()];
    say(one.stream, "a");
    say(two.stream, "x");
    say(one.stream, "b");
    assert.deepEqual([one.writes, two.writes], [[], []]);
    await nextRound();
    assert.deepEqual([one.writes, two.writes], [["ab"], ["x"]]);
    say(one.stream, "c");
    await nextRound();
    assert.deepEqual(one.writes, ["ab", "c"]);
  });

  test("what is let go of early leaves at once, and what follows waits again", async () => {
    const { stream, writes } = recorder();
    say(stream, "a");
    releaseWrites(stream);
    assert.deepEqual(writes, ["a"]);
    say(stream, "b");
    assert.deepEqual(writes, ["a"]);
    await nextRound();
    assert.deepEqual(writes, ["a", "b"]);
  });

  test("a stream that ends in between loses nothing", async () => {
    const { stream, writes } = recorder();
    say(stream, "a");
    stream.end("b");
    assert.deepEqual(writes, ["ab"]);
    await nextRound();
    assert.deepEqual(writes, ["ab"]);
  });

  test("a stream that is destroyed in between does not disturb the others", async () => {
    const [one, two] = [recorder(), recorder()];
    say(one.stream, "a");
    say(two.stream, "x");
    one.stream.destroy();
    await nextRound();
    assert.deepEqual([one.writes, two.writes], [[], ["x"]]);
  });
});
