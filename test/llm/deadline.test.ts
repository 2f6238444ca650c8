import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import test from "node:test";
import { unlessAborted, withDeadline } from "../../lib/llm/deadline.ts";
import { deferred } from "../support/nodes.ts";

test("work is not begun on behalf of somebody who has left", async () => {
  let begun = false;
  const work = async () => {
    begun = true;
  };
  await assert.rejects(withDeadline(AbortSignal.abort(), 1_000, work), { name: "AbortError" });
  assert.equal(begun, false);
});

// An unhandled rejection would fail the test, and in the server end every call.
test("a promise that fails after its signal was aborted is nobody's concern", async () => {
  const late = Promise.reject(new Error("too late"));
  await assert.rejects(unlessAborted(late, AbortSignal.abort()), { name: "AbortError" });
});

test("work that ignores its signal is not waited for", async () => {
  const never = deferred();
  const leaving = new AbortController();
  const result = withDeadline(leaving.signal, 60_000, () => never.promise);
  leaving.abort();
  await assert.rejects(result, { name: "AbortError" });
  await assert.rejects(
    withDeadline(new AbortController().signal, 1, () => never.promise),
    { name: "TimeoutError" },
  );
});

test("work that leaves listeners behind leaves none on the caller's signal", async () => {
  const { signal } = new AbortController();
  await withDeadline(signal, 60_000, async (own) => own.addEventListener("abort", () => {}));
  assert.deepEqual(getEventListeners(signal, "abort"), []);
});
