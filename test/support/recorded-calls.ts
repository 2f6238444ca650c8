import { setTimeout as delay } from "node:timers/promises";

const GUARD_MS = 60_000;
const POLL_MS = 20;

/**
 * Asks again until it is so: the store is written to behind the calls' backs, and its only sign is what it answers.
 * @throws after `guardMs`, a minute unless told.
 */
export async function until(isSo: () => Promise<boolean>, guardMs = GUARD_MS): Promise<void> {
  const guard = AbortSignal.timeout(guardMs);
  while (!(await isSo())) {
    if (guard.aborted) throw new Error(`it was not so within ${guardMs} ms: ${isSo}`);
    await delay(POLL_MS);
  }
}
