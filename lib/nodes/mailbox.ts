/** How a mailbox makes room when it is full; returns whether it dropped an entry. */
export type MakeRoom<T> = (queue: T[]) => boolean;

/** Most bytes waiting in one mailbox. */
const MAX_BYTES = 4 * 1024 * 1024;

/**
 * The queue of one node: entries are handled one at a time, in order, each after the other's promise.
 * Handling starts in a microtask, so that one published event is in every mailbox before any node acts on it.
 */
export class Mailbox<T> {
  readonly #queue: T[] = [];
  readonly #handle: (entry: T) => void | Promise<void>;
  readonly #limit: number;
  readonly #makeRoom: MakeRoom<T>;
  readonly #weigh: (entry: T) => number;
  #weight = 0;
  #running: Promise<void> | null = null;
  #state: "new" | "open" | "closed" = "new";

  /**
   * @param limit most entries waiting; one more makes `makeRoom` choose what to drop.
   * @param weigh how many bytes an entry takes: together no more than {@link MAX_BYTES}.
   */
  constructor(
    handle: (entry: T) => void | Promise<void>,
    limit: number,
    makeRoom: MakeRoom<T>,
    weigh: (entry: T) => number = () => 0,
  ) {
    this.#weigh = weigh;
    this.#handle = handle;
    this.#limit = limit;
    this.#makeRoom = makeRoom;
  }

  /** Begins to handle entries; those that came before have waited. */
  open(): void {
    if (this.#state !== "new") return;
    this.#state = "open";
    this.#run();
  }

  /** Adds an entry; `false` if the mailbox is closed, or full with nothing that may be dropped. */
  push(entry: T): boolean {
    if (this.#state === "closed") return false;
    const weight = this.#weigh(entry);
    while (
      this.#queue.length >= this.#limit ||
      (this.#queue.length > 0 && this.#weight + weight > MAX_BYTES)
    ) {
      if (!this.#makeRoom(this.#queue)) return false;
      this.#reweigh();
    }
    this.#queue.push(entry);
    this.#weight += weight;
    this.#run();
    return true;
  }

  /** How many waiting entries are of a kind. */
  count(test: (entry: T) => boolean): number {
    return this.#queue.reduce((sum, entry) => (test(entry) ? sum + 1 : sum), 0);
  }

  /** Removes the waiting entries of a kind. */
  discard(test: (entry: T) => boolean): void {
    const kept = this.#queue.filter((entry) => !test(entry));
    this.#queue.splice(0, this.#queue.length, ...kept);
    this.#reweigh();
  }

  /** Takes no more entries; resolves when those it has are handled. */
  async close(): Promise<void> {
    this.#state = "closed";
    await this.#running;
  }

  #run(): void {
    if (this.#state === "open") this.#running ??= Promise.resolve().then(() => this.#drain());
  }

  async #drain(): Promise<void> {
    for (let entry = this.#queue.shift(); entry !== undefined; entry = this.#queue.shift()) {
      this.#weight -= this.#weigh(entry);
      await this.#handle(entry);
    }
    this.#running = null;
  }

  #reweigh(): void {
    this.#weight = this.#queue.reduce((sum, entry) => sum + this.#weigh(entry), 0);
  }
}
