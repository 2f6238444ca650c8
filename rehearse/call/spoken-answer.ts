/** One answer of the agent, as it reaches the caller. */
export class SpokenAnswer {
  /** When it was asked for, since the call was dialled, ms. */
  readonly askedAtMs: number;
  text = "";
  chunks = 0;
  /** From asking to the first words, ms. */
  firstChunkMs: number | null = null;
  /** When the caller cut in; null: not at all. */
  interruptedAtMs: number | null = null;
  /** Whether the caller said "mhm" into it. */
  backchannelled = false;
  readonly #waiting: { chunks: number; act: () => void }[] = [];

  constructor(askedAtMs: number) {
    this.askedAtMs = askedAtMs;
  }

  append(text: string, atMs: number): void {
    this.firstChunkMs ??= atMs - this.askedAtMs;
    this.text += text;
    this.chunks += 1;
    for (const { chunks, act } of this.#waiting) if (chunks === this.chunks) act();
  }

  /** Does this at the n-th chunk, if the answer has so many. */
  atChunk(chunks: number, act: () => void): void {
    if (this.chunks >= chunks) act();
    else this.#waiting.push({ chunks, act });
  }
}
