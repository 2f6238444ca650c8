import { EventEmitter } from "node:events";
import type { AgentEvent, ClientEvent } from "./events.ts";

type BusEvents = {
  client: [event: ClientEvent];
  agent: [event: AgentEvent, from: object];
};

/** Which way an event goes: `client`, from the socket to the nodes; `agent`, from the nodes to the socket. */
export type Direction = keyof BusEvents;

/** The event bus of one session. Delivery is synchronous and in the order of subscription. */
export class EventBus {
  readonly #emitter = new EventEmitter<BusEvents>().setMaxListeners(0);

  /** Passes on an event that came from the client. */
  publishFromClient(event: ClientEvent): void {
    this.#emitter.emit("client", event);
  }

  /** Passes on an event of a node. `from` lets that node skip what it said itself. */
  publishFromAgent(event: AgentEvent, from: object): void {
    this.#emitter.emit("agent", event, from);
  }

  onClient(listener: (event: ClientEvent) => void): void {
    this.#emitter.on("client", listener);
  }

  onAgent(listener: (event: AgentEvent, from: object) => void): void {
    this.#emitter.on("agent", listener);
  }

  /** Drops every subscriber; what is published afterwards reaches nobody. */
  close(): void {
    this.#emitter.removeAllListeners();
  }
}
