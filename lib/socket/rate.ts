/** A token bucket: so many events a second on the long run, twice that at once. */
export class EventRate {
  readonly #perSecond: number;
  readonly #burst: number;
  #tokens: number;
  #at = performance.now();

  constructor(perSecond: number) {
    this.#perSecond = perSecond;
    this.#burst = perSecond * 2;
    this.#tokens = this.#burst;
  }

  /** Counts one event; `false` if it is one too many. */
  take(): boolean {
    const at = performance.now();
    this.#tokens = Math.min(this.#burst, this.#tokens + ((at - this.#at) / 1_000) * this.#perSecond);
    this.#at = at;
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}
