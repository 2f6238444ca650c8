import type { LiveEvent } from "./live-event.ts";

/**
 * Takes the oldest news away until `max` events are left, but no beginning and no end of a call: one that is never told
 * to have ended would be shown for ever. Of a call that begins and ends among them, and so was never heard of, nothing
 * stays.
 */
export function thin(events: readonly LiveEvent[], max: number): LiveEvent[] {
  const begun = new Set(
    events.filter(({ type }) => type === "call.started").map(({ sessionId }) => sessionId),
  );
  const over = new Set(
    events
      .filter(({ type, sessionId }) => type === "call.ended" && begun.has(sessionId))
      .map(({ sessionId }) => sessionId),
  );
  const left = events.filter(({ sessionId }) => !over.has(sessionId));
  let excess = left.length - max;
  return left.filter(({ type }) => {
    if (excess <= 0 || type === "call.started" || type === "call.ended") return true;
    excess -= 1;
    return false;
  });
}
