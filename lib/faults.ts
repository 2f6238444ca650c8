import { AsyncLocalStorage } from "node:async_hooks";

/** Whoever answers for an error that nobody caught. */
export type FaultOwner = { fail(error: unknown): void };

const owners = new AsyncLocalStorage<FaultOwner>();

/**
 * Runs `act` so that an error which escapes from it later, out of a timer or a promise nobody awaits, is known to
 * be `owner`'s. Without this, one session's mistake would be the process's.
 */
export function runFor<T>(owner: FaultOwner, act: () => T): T {
  return owners.run(owner, act);
}

/** Whose code is running: in a handler of `uncaughtException`, whose code failed. Null if it is nobody's. */
export function faultOwner(): FaultOwner | null {
  return owners.getStore() ?? null;
}
