/** How a mailbox makes room when it is full; returns whether it dropped an entry. */
export type MakeRoom<T> = (queue: T[]) => boolean;

/**
 * The queue of one node: entries are handled one at a time, in order, each after the other's promise.
 * Handling starts in a microtask, so that one published event is in every mailbox before any node acts on it.
 */
export class Mailbox<T> {
  readonly #queue: T[] = [];
  readonly #handle: (entry: T) => void | Promise<void>;
  readonly #limit: number;
  readonly #makeRoom: MakeRoom<T>;
  #running: Promise<void> | null = null;
  #state: "new" | "open" | "closed" = "new";

  /** @param limit most entries waiting; one more makes `makeRoom` choose what to drop. */
  constructor(handle: (entry: T) => void | Promise<void>, limit: number, makeRoom: MakeRoom<T>) {
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
    if (this.#queue.length >= this.#limit && !this.#makeRoom(this.#queue)) return false;
    this.#queue.push(entry);
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
      await this.#handle(entry);
    }
    this.#running = null;
  }
}
