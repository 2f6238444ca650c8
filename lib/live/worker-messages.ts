import { z } from "zod";
import { liveEventAsStored } from "./live-event.ts";
import { orderAnswer } from "./orders.ts";
import { supervisorCommand } from "./supervisor-command.ts";

/*
 * What the workers of one machine and their primary say to each other about live calls. It is checked, because a worker
 * that was replaced may be of a newer release than the primary.
 */

const event = liveEventAsStored;
const order = { id: z.string(), sessionId: z.string(), command: supervisorCommand };
const answer = { id: z.string(), answer: orderAnswer };

export const messageToPrimary = z.discriminatedUnion("live", [
  /** A worker that has just started, and asks what there is. */
  z.object({ live: z.literal("hello") }),
  z.object({ live: z.literal("event"), event }),
  z.object({ live: z.literal("order"), ...order }),
  /** `to`: the worker that has given the order. */
  z.object({ live: z.literal("answer"), to: z.number(), ...answer }),
]);
export type MessageToPrimary = z.output<typeof messageToPrimary>;

export const messageToWorker = z.discriminatedUnion("live", [
  /** The answer to `hello`: the id of the latest event, and the events of the calls that are live. */
  z.object({ live: z.literal("welcome"), lastId: z.number(), history: z.array(event) }),
  z.object({ live: z.literal("event"), id: z.number(), event }),
  z.object({ live: z.literal("order"), from: z.number(), ...order }),
  z.object({ live: z.literal("answer"), ...answer }),
]);
export type MessageToWorker = z.output<typeof messageToWorker>;

/** Whether a message on the channel is one of these, or was meant to be. The channel carries figures, too. */
export function isAboutLive(message: unknown): boolean {
  return typeof message === "object" && message !== null && "live" in message;
}

/** Most messages on their way to one process. */
const MAX_UNSENT = 10_000;

/** Sends to another process. One that does not read loses messages, for nothing may wait for it. */
export class Sender<Message> {
  readonly #send: (message: Message, sent: () => void) => void;
  #unsent = 0;

  /** @param send calls `sent` when the message has left or cannot leave. */
  constructor(send: (message: Message, sent: () => void) => void) {
    this.#send = send;
  }

  send(message: Message): void {
    if (this.#unsent >= MAX_UNSENT) return;
    this.#unsent += 1;
    this.#send(message, () => {
      this.#unsent -= 1;
    });
  }
}
