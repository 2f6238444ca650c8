import type { Config } from "../config.ts";
import type { ClientEvent } from "../wire/events.ts";
import { Rate } from "./rate.ts";

/** What a client may send at once is so many seconds' worth of it. */
const BURST_S = { events: 2, requests: 5, bytes: 8 };

export type Limits = Pick<
  Config,
  "MAX_EVENTS_PER_SECOND" | "MAX_BYTES_PER_SECOND" | "MAX_REQUESTS_PER_SECOND" | "MAX_FRAME_BYTES"
>;

/**
 * How fast one client may send. Frames cost decoding, bytes cost decoding and memory, and what is to be answered or
 * judged costs a request to a model, so each has a rate of its own.
 */
export class ClientRates {
  readonly #limits: Limits;
  readonly #events: Rate;
  readonly #bytes: Rate;
  readonly #requests: Rate;
  readonly #utterances: Rate;

  constructor(limits: Limits) {
    const { MAX_EVENTS_PER_SECOND, MAX_BYTES_PER_SECOND, MAX_REQUESTS_PER_SECOND, MAX_FRAME_BYTES } = limits;
    this.#limits = limits;
    this.#events = new Rate(MAX_EVENTS_PER_SECOND, MAX_EVENTS_PER_SECOND * BURST_S.events);
    this.#bytes = new Rate(
      MAX_BYTES_PER_SECOND,
      Math.max(MAX_BYTES_PER_SECOND * BURST_S.bytes, MAX_FRAME_BYTES),
    );
    const burst = MAX_REQUESTS_PER_SECOND * BURST_S.requests;
    this.#requests = new Rate(MAX_REQUESTS_PER_SECOND, burst);
    this.#utterances = new Rate(MAX_REQUESTS_PER_SECOND, burst);
  }

  /** Counts a frame of any kind. @returns what there was too much of, or null. */
  takeFrame(bytes: number): string | null {
    if (!this.#events.take()) return `more than ${this.#limits.MAX_EVENTS_PER_SECOND} events a second`;
    if (!this.#bytes.take(bytes)) return `more than ${this.#limits.MAX_BYTES_PER_SECOND} bytes a second`;
    return null;
  }

  /** Counts what a frame asks for. @returns what there was too much of, or null. */
  takeEvent(event: ClientEvent): string | null {
    const { MAX_REQUESTS_PER_SECOND: most } = this.#limits;
    if (event.type === "system.llm.request" && !this.#requests.take()) {
      return `more than ${most} requests a second`;
    }
    if (event.type === "agent.transcript.update" && event.role === "user" && !this.#utterances.take()) {
      return `more than ${most} utterances a second`;
    }
    return null;
  }
}
