import { z } from "zod";
import { type Tool, type ToolContext, tool } from "../llm/tools.ts";

export const COLLECT_DIGITS = "collect_digits";

/** How long the caller may take to the first key, and between two, ms. */
const KEY_TIMEOUT_MS = 10_000;
/** More keys than any number has that a person would type. */
const MAX_DIGITS = 64;

export type DigitCollection = {
  kind: typeof COLLECT_DIGITS;
  /** What the caller is asked to key in, and when; the model reads it. */
  description: string;
  /** Said before the keys are waited for, unless the model has just said something itself. */
  prompt: string;
  /** So many keys are all. Default: until `#`. */
  length?: number;
  /** How long the caller may take to each key, ms. Default 10,000. */
  keyTimeoutMs?: number;
  /** Gets the digits themselves. What it returns is told to the model, which never sees them. */
  handler: (digits: string, context: ToolContext) => unknown;
};

/**
 * A tool that lets the caller key something in: an order number, a card, a code. The digits go to `handler` alone; to
 * the model, the record and the log they are dots.
 */
export function collectDigits(collection: Omit<DigitCollection, "kind">): DigitCollection {
  return { kind: COLLECT_DIGITS, ...collection };
}

/** As many dots as there are digits. */
export function mask(digits: string): string {
  return "•".repeat(digits.length);
}

/** Waits for the keys of one number at a time. */
export class DigitCollector {
  #take: ((digit: string) => void) | null = null;

  /** A key has been pressed. @returns whether somebody waited for it. */
  key(digit: string): boolean {
    const take = this.#take;
    take?.(digit);
    return take !== null;
  }

  /** Resolves with what was keyed in until `#`, the last key or a pause; rejects when `signal` is aborted. */
  collect(length: number, keyTimeoutMs: number, signal: AbortSignal): Promise<string> {
    return new Promise((resolve, reject) => {
      let digits = "";
      const stop = () => {
        clearTimeout(timer);
        signal.removeEventListener("abort", abort);
        this.#take = null;
      };
      const finish = () => {
        stop();
        resolve(digits);
      };
      const abort = () => {
        stop();
        reject(signal.reason);
      };
      const timer = setTimeout(finish, keyTimeoutMs);
      signal.addEventListener("abort", abort, { once: true });
      this.#take = (digit) => {
        if (digit !== "#") digits += digit;
        if (digit === "#" || digits.length >= length) finish();
        else timer.refresh();
      };
    });
  }
}

const NO_PARAMETERS = z.object({});

/** The collection as the model's tool. */
export function digitsTool(collection: DigitCollection, collector: DigitCollector): Tool {
  const { description, length = MAX_DIGITS, keyTimeoutMs = KEY_TIMEOUT_MS, handler } = collection;
  return tool({
    name: COLLECT_DIGITS,
    description,
    parameters: NO_PARAMETERS,
    timeoutMs: keyTimeoutMs * (length + 2),
    handler: async (_args, context) => {
      const digits = await collector.collect(length, keyTimeoutMs, context.signal);
      if (digits === "") return { status: "nothing_keyed_in" };
      return { status: "ok", digits: mask(digits), result: await handler(digits, context) };
    },
  });
}
