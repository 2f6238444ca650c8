import assert from "node:assert/strict";
import test, { describe } from "node:test";
import { type AttemptOutcome, Circuit, FAILURES_TO_OPEN, OPEN_MS } from "../../lib/llm/circuit.ts";

/** A circuit on a clock that is moved by hand. */
function setUp() {
  const clock = { now: 1_000 };
  const circuit = new Circuit(() => clock.now);
  const changes: boolean[] = [];
  circuit.onChange((isOpen) => changes.push(isOpen));
  const run = (...outcomes: AttemptOutcome[]) => {
    for (const outcome of outcomes) {
      const attempt = circuit.begin();
      assert.ok(attempt, "the circuit let no request through");
      attempt.settle(outcome);
    }
  };
  const fail = (times = FAILURES_TO_OPEN) => run(...new Array<AttemptOutcome>(times).fill("failed"));
  return { clock, circuit, changes, run, fail };
}

describe("a closed circuit", () => {
  test("opens at the fifth failure in a row and refuses from then on", () => {
    const { circuit, changes, fail } = setUp();
    fail(4);
    assert.equal(circuit.isOpen, false);
    fail(1);
    assert.equal(circuit.isOpen, true);
    assert.equal(circuit.begin(), null);
    assert.deepEqual(changes, [true]);
  });

  test("begins to count again after a success", () => {
    const { circuit, run, fail } = setUp();
    fail(4);
    run("succeeded");
    fail(4);
    assert.equal(circuit.isOpen, false);
  });

  test("takes a cancelled request for neither a failure nor a success", () => {
    const { circuit, run, fail } = setUp();
    fail(4);
    run("neither", "neither");
    assert.equal(circuit.isOpen, false);
    fail(1);
    assert.equal(circuit.isOpen, true);
  });

  test("counts one request once", () => {
    const { circuit } = setUp();
    const attempt = circuit.begin();
    for (let i = 0; i < FAILURES_TO_OPEN; i += 1) attempt?.settle("failed");
    assert.equal(circuit.isOpen, false);
  });
});

describe("an open circuit", () => {
  test("lets one probe through when its time is up, and no second one meanwhile", () => {
    const { clock, circuit, fail } = setUp();
    fail();
    clock.now += OPEN_MS - 1;
    assert.equal(circuit.begin(), null);
    clock.now += 1;
    assert.ok(circuit.begin());
    assert.equal(circuit.begin(), null);
    assert.equal(circuit.isOpen, true);
  });

  test("closes when the probe succeeds", () => {
    const { clock, circuit, changes, run, fail } = setUp();
    fail();
    clock.now += OPEN_MS;
    run("succeeded");
    assert.equal(circuit.isOpen, false);
    assert.deepEqual(changes, [true, false]);
    fail(4);
    assert.equal(circuit.isOpen, false);
  });

  test("stays open for as long again when the probe fails", () => {
    const { clock, circuit, changes, run, fail } = setUp();
    fail();
    clock.now += OPEN_MS;
    run("failed");
    clock.now += OPEN_MS - 1;
    assert.equal(circuit.begin(), null);
    clock.now += 1;
    assert.ok(circuit.begin());
    assert.deepEqual(changes, [true]);
  });

  test("lets the next one probe when the probe was cancelled", () => {
    const { clock, circuit, run, fail } = setUp();
    fail();
    clock.now += OPEN_MS;
    run("neither");
    assert.equal(circuit.isOpen, true);
    assert.ok(circuit.begin());
  });

  test("is not kept open longer by the failure of a request that left before", () => {
    const { clock, circuit, fail } = setUp();
    const early = circuit.begin();
    fail();
    clock.now += OPEN_MS - 1;
    early?.settle("failed");
    clock.now += 1;
    assert.ok(circuit.begin());
  });

  test("closes on the success of a request that left before", () => {
    const { circuit, fail } = setUp();
    const early = circuit.begin();
    fail();
    early?.settle("succeeded");
    assert.ok(circuit.begin());
  });
});
