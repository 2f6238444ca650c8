import assert from "node:assert/strict";
import test, { describe } from "node:test";
import { CallContext } from "../../lib/mood/context.ts";

const PLAIN = { interrupted: false, failed: false };

describe("the context of an utterance", () => {
  test("has the last turns of both sides, and not the utterance itself", () => {
    const context = new CallContext(2);
    for (const turn of ["one", "two", "three"]) {
      context.heard(turn);
      context.agentSaid(`to ${turn}`, PLAIN);
    }
    assert.deepEqual(
      context.heard("four").before.map(({ role, text }) => `${role}: ${text}`),
      ["user: three", "agent: to three"],
    );
    assert.deepEqual(new CallContext(0).heard("one").before, []);
  });

  test("is bounded in characters: of a long turn the end is kept", () => {
    const context = new CallContext(4);
    context.agentSaid(`${"a".repeat(5_000)} the end`, PLAIN);
    const [before] = context.heard("b".repeat(10_000)).before;
    assert.equal(before?.text.length, 400);
    assert.match(before?.text ?? "", /the end$/);
    assert.equal(context.heard("c".repeat(10_000)).text.length, 4_000);
  });

  test("counts how often the caller has said nearly the same before", () => {
    const context = new CallContext(4);
    const said = ["Where is my parcel?", "Yes.", "Where is my parcel, please?", "where is my parcel", "Yes."];
    assert.deepEqual(
      said.map((text) => context.heard(text).saidBefore),
      [0, 0, 1, 2, 0],
    );
  });

  test("tells who corrects the agent, and who cuts it short", () => {
    const context = new CallContext(4);
    assert.equal(context.heard("No, I said Harbour Road").corrects, true);
    context.agentSaid("Harper Road, is that", { interrupted: true, failed: false });
    const { corrects, interrupts } = context.heard("Harbour");
    assert.deepEqual([corrects, interrupts], [false, true]);
  });

  test("tells what the agent failed at just before, and how often it has", () => {
    const context = new CallContext(4);
    const failures = [
      ["What is the number?", false],
      ["Sorry, I didn't catch that.", false],
      ["Here is what I found.", true],
      ["I apologise for that.", false],
      ["What is the number?", false],
    ].map(([text, failed]) => {
      context.agentSaid(String(text), { interrupted: false, failed: failed === true });
      const { failure, failures: count } = context.heard("Well?");
      return `${failure} ${count}`;
    });
    assert.deepEqual(failures, ["null 0", "not_understood 1", "tool 2", "apology 3", "same_again 4"]);
  });
});
