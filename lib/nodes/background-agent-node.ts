import type { AnyEvent, Draft, EventOf } from "../events.ts";
import { AgentNode, type AgentNodeOptions } from "./agent-node.ts";

/** Most events a background node lets wait before it drops its oldest. */
const MAILBOX_LIMIT = 1_024;
/** One warning for so many dropped events: a node that is too slow should not fill the log as well. */
const WARN_EVERY = 100;

/**
 * A node that listens and says nothing: it hears both directions of the bus, is never interrupted,
 * and neither its slowness nor its failure touches the call.
 */
export class BackgroundAgentNode extends AgentNode {
  #dropped = 0;

  constructor(options: AgentNodeOptions) {
    super({ hears: ["client", "agent"], mailboxLimit: MAILBOX_LIMIT, ...options });
  }

  /** How many events this node lost because it did not keep up. */
  get droppedEvents(): number {
    return this.#dropped;
  }

  /** Override it to listen. Nothing is forwarded. */
  protected override processEvent(_event: AnyEvent): void | Promise<void> {}

  /** A background node may only note things on the call's timeline. */
  override sendEvent(draft: Draft<EventOf<"agent.log"> | EventOf<"agent.error">>): void {
    super.sendEvent(draft);
  }

  /** An interrupt is news like any other here: it waits its turn. */
  override accept(event: AnyEvent): void {
    this.enqueue(event);
  }

  protected override dispatch(event: AnyEvent): void | Promise<void> {
    return this.processEvent(event);
  }

  /** What it heard before the end it may still write down. */
  protected override dropWaiting(): void {}

  protected override makeRoom(queue: AnyEvent[]): boolean {
    queue.shift();
    if (this.#dropped % WARN_EVERY === 0) {
      this.session.log.warn(
        { node: this.name, dropped: this.#dropped + 1 },
        `${this.name} does not keep up and dropped its oldest event`,
      );
    }
    this.#dropped += 1;
    return true;
  }
}
