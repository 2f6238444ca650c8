import { LlmError } from "../errors.ts";
import type { AnswerStream, ChatStream } from "./chat.ts";
import { toLlmError } from "./errors.ts";

export type AnswerOfTwoOptions = {
  first: ChatStream;
  /** Asks the second, so many ms after the first was asked; null: it is not to be asked. */
  orElse: (failure: LlmError, afterMs: number) => ChatStream | null;
  hasSpoken: () => boolean;
};

/**
 * One answer that two models may give: it is that of the first, unless that one fails or stays silent before its first
 * word. Until then nothing has been said, so the second begins anew.
 */
export class AnswerOfTwo implements AnswerStream {
  readonly #options: AnswerOfTwoOptions;
  readonly #startedAt = performance.now();
  /** The one that is asked. */
  #stream: ChatStream;
  /** Its pieces, once there is a first one, or a call of a tool. */
  readonly #begun: Promise<AsyncIterator<string, void>>;

  constructor(options: AnswerOfTwoOptions) {
    this.#options = options;
    this.#stream = options.first;
    // At once, and not when somebody reads: who does may wait for a verdict, while the first model is silent.
    this.#begun = this.#begin();
    this.#begun.catch(() => {});
  }

  get model(): string {
    return this.#stream.model;
  }

  get toolCalls() {
    return this.#stream.toolCalls;
  }

  get thoughts(): string {
    return this.#stream.thoughts;
  }

  giveUp(why: LlmError): void {
    this.#stream.giveUp(why);
  }

  cancel(): void {
    this.#stream.cancel();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<string, void, void> {
    const pieces = await this.#begun;
    try {
      for (;;) {
        const next = await pieces.next();
        if (next.done) return;
        yield next.value;
      }
    } finally {
      // Whoever read has left in the middle.
      this.cancel();
    }
  }

  async #begin(): Promise<AsyncIterator<string, void>> {
    try {
      return await this.#firstWords();
    } catch (error) {
      const failure = toLlmError(error);
      const second = this.#options.orElse(failure, performance.now() - this.#startedAt);
      if (second === null) throw failure;
      this.#stream = second;
      return await this.#firstWords();
    }
  }

  async #firstWords(): Promise<AsyncIterator<string, void>> {
    const stream = this.#stream;
    const rest = stream[Symbol.asyncIterator]();
    const first = await rest.next();
    if (first.done && stream.toolCalls.length === 0 && !this.#options.hasSpoken()) {
      throw new LlmError("empty", "the answer had no text");
    }
    let given = false;
    return {
      next: () => {
        if (given) return rest.next();
        given = true;
        return Promise.resolve(first);
      },
    };
  }
}
