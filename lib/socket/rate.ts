/** A token bucket: so much a second on the long run, and `burst` at once. */
export class Rate {
  readonly #perSecond: number;
  readonly #burst: number;
  #left: number;
  #at = performance.now();

  constructor(perSecond: number, burst: number) {
    this.#perSecond = perSecond;
    this.#burst = burst;
    this.#left = burst;
  }

  /** Takes `amount` out; `false` if there is not so much left. */
  take(amount = 1): boolean {
    const at = performance.now();
    this.#left = Math.min(this.#burst, this.#left + ((at - this.#at) / 1_000) * this.#perSecond);
    this.#at = at;
    if (this.#left < amount) return false;
    this.#left -= amount;
    return true;
  }
}
