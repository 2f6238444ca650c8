import { setTimeout as delay } from "node:timers/promises";
import OpenAI from "openai";
import { complaintOf, isQuota } from "./complaint.ts";

/** As many as the client itself would make. */
const MAX_RETRIES = 2;
/** Pause before the first retry, doubled before the next, ms. */
const FIRST_PAUSE_MS = 500;

/**
 * Makes a request again that failed before its first byte, where that may help and the pause ends before `giveUpAt`
 * (`performance.now()`, ms); `onRetry` is told what had failed. The client's own retries are no choice: its pause cannot be cancelled, so it outlives the
 * call, and it sleeps through any Retry-After while the caller waits.
 */
export async function withRetries<T>(
  request: () => Promise<T>,
  giveUpAt: number,
  signal: AbortSignal,
  onRetry: (failure: unknown) => void = () => {},
): Promise<T> {
  for (let retry = 0; ; retry += 1) {
    try {
      return await request();
    } catch (error) {
      if (retry === MAX_RETRIES || !mayHelp(error)) throw error;
      const pause = askedPause(error) ?? FIRST_PAUSE_MS * 2 ** retry * (1 - Math.random() / 4);
      if (performance.now() + pause >= giveUpAt) throw error;
      await delay(pause, undefined, { signal });
      onRetry(error);
    }
  }
}

/** The client's own rule: the network, a lock, a time-out, a limit, a server's fault; the server may overrule it. */
function mayHelp(error: unknown): boolean {
  if (error instanceof OpenAI.APIConnectionError) return true;
  if (!(error instanceof OpenAI.APIError) || error.status === undefined) return false;
  const wish = error.headers?.get("x-should-retry");
  if (wish === "true" || wish === "false") return wish === "true";
  const complaint = complaintOf(error);
  if (complaint && isQuota(complaint)) return false;
  return [408, 409, 429].includes(error.status) || error.status >= 500;
}

/** The pause the server asks for, ms; null if it names none. */
function askedPause(error: unknown): number | null {
  if (!(error instanceof OpenAI.APIError)) return null;
  const exact = error.headers?.get("retry-after-ms");
  if (exact) return positive(Number(exact));
  const asked = error.headers?.get("retry-after");
  if (!asked) return null;
  const seconds = Number(asked);
  return positive(Number.isNaN(seconds) ? Date.parse(asked) - Date.now() : seconds * 1_000);
}

function positive(ms: number): number | null {
  return ms > 0 ? ms : null;
}
