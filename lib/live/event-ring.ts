/** What a viewer may have missed when it comes back: some minutes of a busy server. */
const MAX_EVENTS = 10_000;
const MAX_CHARS = 2_000_000;

export type RingEntry = { id: number; sessionId: string; frame: string };

/** The latest events, bounded in number and size, so that a viewer that lost its connection misses nothing. */
export class EventRing {
  readonly #entries: RingEntry[] = [];
  #chars = 0;
  /** The id of the latest event that was dropped, or that came before all. */
  #before: number;
  #last: number;

  /** @param firstId the id before the first event's. */
  constructor(firstId: number) {
    this.#before = firstId;
    this.#last = firstId;
  }

  /** The id of the latest event. */
  get lastId(): number {
    return this.#last;
  }

  push(entry: RingEntry): void {
    this.#entries.push(entry);
    this.#last = entry.id;
    this.#chars += entry.frame.length;
    while (this.#entries.length > MAX_EVENTS || this.#chars > MAX_CHARS) {
      const dropped = this.#entries.shift();
      if (!dropped) break;
      this.#before = dropped.id;
      this.#chars -= dropped.frame.length;
    }
  }

  /** Everything after the event of this id; null when some of it is gone, or the id is not one of ours. */
  since(id: number): readonly RingEntry[] | null {
    if (id < this.#before || id > this.#last) return null;
    const first = this.#entries.findIndex((entry) => entry.id > id);
    return first < 0 ? [] : this.#entries.slice(first);
  }
}
