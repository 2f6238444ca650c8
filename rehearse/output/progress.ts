import type { RunResult } from "../run/result.ts";

/** How often a log without a terminal hears of the progress, ms. */
const EVERY_MS = 5_000;

/** Says on stderr how far the rehearsal is: on a terminal in one line that is rewritten. */
export class Progress {
  readonly #total: number;
  readonly #out = process.stderr;
  #done = 0;
  #failed = 0;
  #saidAt = performance.now();

  constructor(total: number) {
    this.#total = total;
    if (this.#out.isTTY) this.#say("");
  }

  add({ id, outcome }: RunResult): void {
    this.#done += 1;
    if (outcome === "failed" || outcome === "error") this.#failed += 1;
    if (this.#out.isTTY) this.#say(id);
    else if (performance.now() - this.#saidAt > EVERY_MS) {
      this.#saidAt = performance.now();
      this.#out.write(`${this.#line()}\n`);
    }
  }

  end(): void {
    if (this.#out.isTTY) this.#out.write("\r\x1b[K");
  }

  #say(id: string): void {
    this.#out.write(`\r\x1b[K${this.#line()}  ${id}`.slice(0, this.#out.columns + 4));
  }

  #line(): string {
    const failed = this.#failed > 0 ? `, ${this.#failed} not passed` : "";
    return `${this.#done} of ${this.#total} calls${failed}`;
  }
}
