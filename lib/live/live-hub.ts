import type { Worker } from "node:cluster";
import type { Logger } from "pino";
import { now } from "../wire/events.ts";
import { notLive } from "./errors.ts";
import type { LiveEvent } from "./live-event.ts";
import { firstId } from "./live-feed.ts";
import { refusal } from "./orders.ts";
import {
  isAboutLive,
  type MessageToPrimary,
  type MessageToWorker,
  messageToPrimary,
  Sender,
} from "./worker-messages.ts";

/** Most events of one call, beside its first, that are kept for a worker that starts later. */
const MAX_LATEST = 299;

type HubCall = {
  workerId: number;
  started: Extract<LiveEvent, { type: "call.started" }>;
  latest: LiveEvent[];
};

/** What the hub needs of a worker. */
type WorkerProcess = Pick<Worker, "id" | "send"> & {
  on(event: "message", listener: (message: unknown) => void): unknown;
  once(event: "exit", listener: () => void): unknown;
};

/**
 * The primary's part of the feed that workers share (`worker-feed.ts`): it numbers their events and hands them to all,
 * takes a supervisor's order to the worker that has the call, and ends the calls of a worker that died.
 */
export class LiveHub {
  readonly #log: Logger;
  /** Those that have said hello, by id. One that does not has another feed. */
  readonly #workers = new Map<number, Sender<MessageToWorker>>();
  readonly #calls = new Map<string, HubCall>();
  #lastId = firstId();

  constructor(log: Logger) {
    this.#log = log;
  }

  /** Takes what this worker says, until it exits. */
  watch(worker: WorkerProcess): void {
    worker.on("message", (raw) => {
      if (!isAboutLive(raw)) return;
      const { data: message, error } = messageToPrimary.safeParse(raw);
      if (message) this.#take(message, worker);
      else this.#log.warn({ reason: error.message }, "A worker sent what the primary does not understand");
    });
    worker.once("exit", () => this.#forget(worker.id));
  }

  #take(message: MessageToPrimary, worker: WorkerProcess): void {
    switch (message.live) {
      case "hello":
        this.#welcome(worker);
        break;
      case "event":
        this.#note(message.event, worker.id);
        this.#publish(message.event);
        break;
      case "order": {
        const { id, sessionId, command } = message;
        const call = this.#calls.get(sessionId);
        if (call) this.#send(call.workerId, { live: "order", id, from: worker.id, sessionId, command });
        else this.#send(worker.id, { live: "answer", id, answer: refusal(notLive()) });
        break;
      }
      case "answer":
        this.#send(message.to, { live: "answer", id: message.id, answer: message.answer });
        break;
    }
  }

  #welcome(worker: WorkerProcess): void {
    // It fails when the worker is gone, which its exit says.
    const sender = new Sender<MessageToWorker>((message, sent) =>
      worker.send(message, undefined, undefined, sent),
    );
    this.#workers.set(worker.id, sender);
    const history = [...this.#calls.values()].flatMap(({ started, latest }) => [started, ...latest]);
    sender.send({ live: "welcome", lastId: this.#lastId, history });
  }

  #send(workerId: number, message: MessageToWorker): void {
    this.#workers.get(workerId)?.send(message);
  }

  #publish(event: LiveEvent): void {
    this.#lastId += 1;
    for (const worker of this.#workers.values()) worker.send({ live: "event", id: this.#lastId, event });
  }

  #note(event: LiveEvent, workerId: number): void {
    const { sessionId } = event;
    if (event.type === "call.started") {
      this.#calls.set(sessionId, { workerId, started: event, latest: [] });
    } else if (event.type === "call.ended") {
      this.#calls.delete(sessionId);
    } else {
      const latest = this.#calls.get(sessionId)?.latest;
      latest?.push(event);
      if (latest && latest.length > MAX_LATEST) latest.shift();
    }
  }

  #forget(workerId: number): void {
    this.#workers.delete(workerId);
    for (const [sessionId, call] of this.#calls) {
      if (call.workerId !== workerId) continue;
      this.#calls.delete(sessionId);
      const durationMs = Date.now() - Date.parse(call.started.startedAt);
      this.#publish({ type: "call.ended", at: now(), sessionId, reason: "crashed", durationMs });
    }
  }
}
