import { z } from "zod";
import { isLiveErrorCode, LiveError, type LiveErrorCode } from "./errors.ts";
import type { OrderHandler } from "./live-feed.ts";
import type { SupervisorCommand } from "./supervisor-command.ts";

/** How long the process whose call it is may take to carry out an order, ms; it is a matter of milliseconds. */
const ANSWER_TIMEOUT_MS = 3_000;

/** How an order to another process went, as it comes back. */
export const orderAnswer = z.union([
  z.object({ done: z.literal(true) }),
  z.object({ done: z.literal(false), code: z.custom<LiveErrorCode>(isLiveErrorCode), message: z.string() }),
]);
export type OrderAnswer = z.output<typeof orderAnswer>;

/** Carries out what another process orders; null if its call is not here. */
export function carryOut(
  handler: OrderHandler,
  sessionId: string,
  command: SupervisorCommand,
): OrderAnswer | null {
  try {
    return handler(sessionId, command) ? { done: true } : null;
  } catch (error) {
    if (error instanceof LiveError) return refusal(error);
    throw error;
  }
}

/** The answer to an order that cannot be carried out. */
export function refusal({ code, message }: LiveError): OrderAnswer {
  return { done: false, code, message };
}

/** The orders of this process whose answers are still to come. */
export class PendingOrders {
  readonly #waiting = new Map<string, (answer: OrderAnswer) => void>();

  has(id: string): boolean {
    return this.#waiting.has(id);
  }

  settle(id: string, answer: OrderAnswer): void {
    this.#waiting.get(id)?.(answer);
  }

  /**
   * Announces an order, now that somebody waits for the answer, and waits for it.
   * @throws {LiveError} what the other process says, or `no_answer`.
   */
  async give(id: string, announce: () => Promise<unknown>): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    try {
      const answer = await new Promise<OrderAnswer>((resolve, reject) => {
        this.#waiting.set(id, resolve);
        const late = () =>
          reject(new LiveError("no_answer", "the server of this call did not answer in time"));
        timer = setTimeout(late, ANSWER_TIMEOUT_MS);
        announce().catch(reject);
      });
      if (!answer.done) throw new LiveError(answer.code, answer.message);
    } finally {
      clearTimeout(timer);
      this.#waiting.delete(id);
    }
  }
}
