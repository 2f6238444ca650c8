import { notLive } from "./errors.ts";
import type { LiveEvent, NumberedEvent } from "./live-event.ts";
import type { SupervisorCommand } from "./supervisor-command.ts";

/**
 * Carries out a supervisor's command on a call of this server. `false`: the call is not here.
 * Throws a `LiveError` when it cannot be done.
 */
export type OrderHandler = (sessionId: string, command: SupervisorCommand) => boolean;

/** Gives every live event its id and brings it to whoever shows calls to people, on one server or on several. */
export type LiveFeed = {
  /** The id before the first event that a listener gets. */
  readonly startId: number;
  /** What has happened before in the calls that are live now. */
  readonly history: readonly LiveEvent[];
  /** Never throws and never waits: watching must not cost a call anything. */
  publish(event: LiveEvent): void;
  /** Calls `listener` with every event from now on, in the order of the ids. */
  onEvent(listener: (event: NumberedEvent) => void): void;
  /** Has another server carry out a command on its call. Throws a `LiveError`. */
  order(sessionId: string, command: SupervisorCommand): Promise<void>;
  /** Sets who carries out what other servers order. */
  onOrder(handler: OrderHandler): void;
  close(): Promise<void>;
};

/** Where ids begin: above those of a former run of this server, unless that one had 1,000 events a ms. */
export function firstId(): number {
  return Date.now() * 1_000;
}

/** The feed of a server that is alone. */
export class InProcessFeed implements LiveFeed {
  readonly startId = firstId();
  readonly history = [];
  readonly #listeners: ((event: NumberedEvent) => void)[] = [];
  #lastId = this.startId;

  publish(event: LiveEvent): void {
    this.#lastId += 1;
    for (const listener of this.#listeners) listener({ id: this.#lastId, event });
  }

  onEvent(listener: (event: NumberedEvent) => void): void {
    this.#listeners.push(listener);
  }

  async order(): Promise<void> {
    throw notLive();
  }

  onOrder(): void {}

  async close(): Promise<void> {}
}
