import type { RunResult } from "../run/result.ts";

/** One run as a line of JSON: everything, in the order of the calls. */
export function toJsonl(results: readonly RunResult[]): string {
  return results
    .map((result) => {
      const { durationMs, firstChunkMs, replyMs, silenceMs, ownMs, events, ...rest } = result;
      const whole = (values: readonly number[]) => values.map(Math.round);
      return `${JSON.stringify({
        ...rest,
        durationMs: Math.round(durationMs),
        firstChunkMs: whole(firstChunkMs),
        replyMs: whole(replyMs),
        silenceMs: whole(silenceMs),
        ownMs: Number(ownMs.toFixed(3)),
        events: events.map(({ event, atMs, fields }) => ({ event, atMs: Math.round(atMs), ...fields })),
      })}\n`;
    })
    .join("");
}
