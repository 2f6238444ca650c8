import type { Logger } from "pino";
import type { LiveEvent, NumberedEvent } from "./live-event.ts";
import type { LiveFeed, OrderHandler } from "./live-feed.ts";
import { carryOut, PendingOrders } from "./orders.ts";
import type { SupervisorCommand } from "./supervisor-command.ts";
import {
  isAboutLive,
  type MessageToPrimary,
  type MessageToWorker,
  messageToWorker,
  Sender,
} from "./worker-messages.ts";

/** Opens the feed that the workers of this machine share, by way of their primary (`live-hub.ts`). */
export async function openWorkerFeed(log: Logger): Promise<LiveFeed> {
  const feed = new WorkerFeed(log);
  await feed.start();
  return feed;
}

/** The primary numbers the events, so that all workers see them in one order. */
class WorkerFeed implements LiveFeed {
  startId = 0;
  history: LiveEvent[] = [];
  readonly #log: Logger;
  readonly #listeners: ((event: NumberedEvent) => void)[] = [];
  readonly #pending = new PendingOrders();
  /** Sending fails when the primary is gone, and then this process ends in a moment, too. */
  readonly #primary = new Sender<MessageToPrimary>((message, sent) =>
    process.send?.(message, undefined, undefined, sent),
  );
  #handler: OrderHandler = () => false;
  #orders = 0;
  #welcomed: () => void = () => {};

  constructor(log: Logger) {
    this.#log = log;
  }

  async start(): Promise<void> {
    const welcomed = new Promise<void>((resolve) => {
      this.#welcomed = resolve;
    });
    process.on("message", this.#onMessage);
    this.#primary.send({ live: "hello" });
    await welcomed;
  }

  publish(event: LiveEvent): void {
    this.#primary.send({ live: "event", event });
  }

  onEvent(listener: (event: NumberedEvent) => void): void {
    this.#listeners.push(listener);
  }

  async order(sessionId: string, command: SupervisorCommand): Promise<void> {
    this.#orders += 1;
    const id = String(this.#orders);
    await this.#pending.give(id, async () => this.#primary.send({ live: "order", id, sessionId, command }));
  }

  onOrder(handler: OrderHandler): void {
    this.#handler = handler;
  }

  async close(): Promise<void> {
    process.off("message", this.#onMessage);
  }

  readonly #onMessage = (raw: unknown): void => {
    if (!isAboutLive(raw)) return;
    const { data: message, error } = messageToWorker.safeParse(raw);
    if (message) this.#take(message);
    else this.#log.warn({ reason: error.message }, "The primary sent what this worker does not understand");
  };

  #take(message: MessageToWorker): void {
    switch (message.live) {
      case "welcome":
        this.startId = message.lastId;
        this.history = message.history;
        this.#welcomed();
        break;
      case "event":
        this.#hear(message);
        break;
      case "order": {
        const { id, from, sessionId, command } = message;
        const answer = carryOut(this.#handler, sessionId, command);
        if (answer) this.#primary.send({ live: "answer", id, to: from, answer });
        break;
      }
      case "answer":
        this.#pending.settle(message.id, message.answer);
        break;
    }
  }

  #hear({ id, event }: NumberedEvent): void {
    // It may come in one piece with the welcome, before anybody had the time to listen.
    if (this.#listeners.length === 0) {
      this.startId = id;
      this.history.push(event);
    }
    for (const listener of this.#listeners) listener({ id, event });
  }
}
