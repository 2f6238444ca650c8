/** Failures in a row after which a model is left alone. */
export const FAILURES_TO_OPEN = 5;
/** How long it is left alone before one request may try it again, ms. */
export const OPEN_MS = 30_000;

/** How a request went; `neither` is a request that was cancelled, or that no healthy model could have answered. */
export type AttemptOutcome = "succeeded" | "failed" | "neither";

/** Leave to send one request. */
export type Attempt = {
  /** Reports how it went. Only the first report counts. */
  settle(outcome: AttemptOutcome): void;
};

/**
 * Spares callers the wait for a model that is down. After {@link FAILURES_TO_OPEN} failures in a row it is open, and
 * requests are refused at once; after {@link OPEN_MS} one of them is let through as a probe, whose success closes the
 * circuit and whose failure opens it for as long again. One per model and process, shared by all calls.
 */
export class Circuit {
  readonly #now: () => number;
  readonly #listeners: ((isOpen: boolean) => void)[] = [];
  #failures = 0;
  #openedAt: number | null = null;
  #probe: Attempt | null = null;

  /** @param now a clock that never goes back, ms. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** Whether the model counts as down: from the last of the failures to the first success. */
  get isOpen(): boolean {
    return this.#openedAt !== null;
  }

  /** Whether a request would be refused now. */
  get refuses(): boolean {
    return this.isOpen && !this.#mayProbe();
  }

  /** Calls `listener` whenever the circuit has opened or closed. */
  onChange(listener: (isOpen: boolean) => void): void {
    this.#listeners.push(listener);
  }

  /** Leave to send a request, or null while the circuit is open. */
  begin(): Attempt | null {
    if (this.refuses) return null;
    const isProbe = this.isOpen;
    let settled = false;
    const attempt: Attempt = {
      settle: (outcome) => {
        if (settled) return;
        settled = true;
        if (this.#probe === attempt) this.#probe = null;
        if (outcome === "succeeded") this.#close();
        else if (outcome === "failed") this.#failed(isProbe);
      },
    };
    if (isProbe) this.#probe = attempt;
    return attempt;
  }

  #mayProbe(): boolean {
    return this.#probe === null && this.#openedAt !== null && this.#now() - this.#openedAt >= OPEN_MS;
  }

  #close(): void {
    this.#failures = 0;
    if (this.#openedAt === null) return;
    this.#openedAt = null;
    this.#tell(false);
  }

  #failed(isProbe: boolean): void {
    if (this.#openedAt !== null) {
      // A request that left before the circuit opened says nothing new.
      if (isProbe) this.#openedAt = this.#now();
      return;
    }
    this.#failures += 1;
    if (this.#failures < FAILURES_TO_OPEN) return;
    this.#openedAt = this.#now();
    this.#tell(true);
  }

  #tell(isOpen: boolean): void {
    for (const listener of this.#listeners) listener(isOpen);
  }
}
