import assert from "node:assert/strict";
import test from "node:test";
import { soak } from "./support/soak.ts";

const SESSIONS = 500;
const WARM_UP = 100;
/** Between the two counts the engine still compiles; a leak of every call's session would be several times that. */
const MAX_GROWTH_BYTES = 8 * 1024 * 1024;

test("500 calls, however they end, leave nothing behind", async () => {
  const { before, warm, after, openUpstream } = await soak(SESSIONS, WARM_UP);
  assert.deepEqual(before.live, { AgentSession: 0, ChatStream: 0 });
  assert.deepEqual(after.live, before.live, "sessions or requests are still alive");
  assert.deepEqual(after.resources, before.resources, "sockets or timers are still open");
  assert.equal(openUpstream, 0, "requests to the model are still open");
  assert.ok(
    after.heap - warm.heap < MAX_GROWTH_BYTES,
    `the heap has grown from ${warm.heap} to ${after.heap}`,
  );
});
