import type { LiveEvent, NumberedEvent } from "./live-event.ts";

/** Gives every live event its id and brings it to whoever shows calls to people. */
export type LiveFeed = {
  /** The id before the first event that a listener gets. */
  readonly startId: number;
  /** Never throws and never waits: watching must not cost a call anything. */
  publish(event: LiveEvent): void;
  /** Calls `listener` with every event from now on, in the order of the ids. */
  onEvent(listener: (event: NumberedEvent) => void): void;
  close(): Promise<void>;
};

/** The feed of a server that is alone. */
export class InProcessFeed implements LiveFeed {
  /** A server that is started again goes on above the ids of its former run, unless it had 1,000 events a ms. */
  readonly startId = Date.now() * 1_000;
  readonly #listeners: ((event: NumberedEvent) => void)[] = [];
  #lastId = this.startId;

  publish(event: LiveEvent): void {
    this.#lastId += 1;
    for (const listener of this.#listeners) listener({ id: this.#lastId, event });
  }

  onEvent(listener: (event: NumberedEvent) => void): void {
    this.#listeners.push(listener);
  }

  async close(): Promise<void> {}
}
