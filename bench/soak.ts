import assert from "node:assert/strict";
import { type Census, soak } from "../test/support/soak.ts";

/*
 * npm run soak: 5,000 calls of one turn, some interrupted, some given up in mid-answer, some failing.
 * Afterwards nothing of them may be left, and the heap may have grown by 5 MB since the first 500.
 */

const SESSIONS = 5_000;
const WARM_UP = 500;
const MAX_GROWTH_BYTES = 5 * 1024 * 1024;

const mib = (bytes: number) => `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
const show = (when: string, { heap, live, resources }: Census) =>
  console.log(
    `${when}: heap ${mib(heap)}, live ${JSON.stringify(live)}, resources ${JSON.stringify(resources)}`,
  );

const started = performance.now();
const { before, warm, after, openUpstream } = await soak(SESSIONS, WARM_UP);
show("before the first call", before);
show(`after ${WARM_UP} calls`, warm);
show(`after ${SESSIONS} calls`, after);
const growth = after.heap - warm.heap;
console.log(
  `${SESSIONS} calls in ${Math.round((performance.now() - started) / 1000)} s, heap grown by ${mib(growth)}`,
);

assert.deepEqual(after.live, before.live, "sessions or requests are still alive");
assert.deepEqual(after.resources, before.resources, "sockets or timers are still open");
assert.equal(openUpstream, 0, "requests to the model are still open");
assert.ok(growth < MAX_GROWTH_BYTES, "the heap grows with the number of calls");
