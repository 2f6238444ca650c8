import { LlmError } from "../errors.ts";

/** Longest thinking before an answer, characters: an hour of reading, in memory for every call. */
const MAX_THINKING_CHARS = 200_000;

/** How long a model thinks in one answer. */
export class ThinkingTime {
  /** `performance.now()`; null: it is not thinking now, as far as we know. */
  #since: number | null = null;
  #ms: number | null = null;
  #chars = 0;

  /** How long it has thought by the last {@link end}, ms; null: not that we know. */
  get ms(): number | null {
    return this.#ms;
  }

  /** Whether it has thought, or does now. */
  get hasBegun(): boolean {
    return this.#ms !== null || this.#since !== null;
  }

  /** @throws {LlmError} when the thinking has become too long. */
  add(chars: number): void {
    this.#since ??= performance.now();
    this.#chars += chars;
    if (this.#chars > MAX_THINKING_CHARS) {
      throw new LlmError("bad_stream", "the model's thinking has no end");
    }
  }

  /** The first words are there, or none will come. */
  end(): void {
    if (this.#since === null) return;
    this.#ms = (this.#ms ?? 0) + Math.round(performance.now() - this.#since);
    this.#since = null;
  }
}
