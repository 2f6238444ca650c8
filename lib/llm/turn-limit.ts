import { LlmError } from "../errors.ts";
import type { AnswerStream } from "./chat.ts";

/** Bounds a whole turn, however many answers of the model it takes: a caller does not listen for ever. */
export class TurnLimit {
  readonly #ms: number;
  readonly #timer: NodeJS.Timeout;
  #stream: AnswerStream | null = null;
  #passed = false;

  /**
   * @param ms from now on.
   * @param signal aborted when the turn is over, however it ends.
   */
  constructor(ms: number, signal: AbortSignal) {
    this.#ms = ms;
    this.#timer = setTimeout(() => {
      this.#passed = true;
      this.#giveUp();
    }, ms);
    signal.addEventListener("abort", () => clearTimeout(this.#timer), { once: true });
  }

  /** Gives this answer up when the time has passed. */
  watch(stream: AnswerStream): AnswerStream {
    this.#stream = stream;
    if (this.#passed) this.#giveUp();
    return stream;
  }

  #giveUp(): void {
    const why = `the turn took more than ${this.#ms} ms: raise TURN_TIMEOUT_MS or take a quicker model`;
    this.#stream?.giveUp(new LlmError("turn_limit", why));
  }
}
