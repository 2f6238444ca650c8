import type { AgentEvent, ClientEvent } from "../wire/events.ts";

type ClientListener = (event: ClientEvent) => void;
type AgentListener = (event: AgentEvent, from: object) => void;

/** Which way an event goes: `client`, from the socket to the nodes; `agent`, from the nodes to the socket. */
export type Direction = "client" | "agent";

/**
 * The event bus of one session. Delivery is synchronous and in the order of subscription. Two lists, and no
 * EventEmitter: that copies its list for every event, and a long answer is hundreds of them.
 */
export class EventBus {
  #client: ClientListener[] = [];
  #agent: AgentListener[] = [];

  /** Passes on an event that came from the client. */
  publishFromClient(event: ClientEvent): void {
    for (const listener of this.#client) listener(event);
  }

  /** Passes on an event of a node. `from` lets that node skip what it said itself. */
  publishFromAgent(event: AgentEvent, from: object): void {
    for (const listener of this.#agent) listener(event, from);
  }

  onClient(listener: ClientListener): void {
    this.#client.push(listener);
  }

  onAgent(listener: AgentListener): void {
    this.#agent.push(listener);
  }

  /** Drops every subscriber; what is published afterwards reaches nobody. */
  close(): void {
    this.#client = [];
    this.#agent = [];
  }
}
