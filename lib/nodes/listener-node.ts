import type { AnyEvent } from "../events.ts";
import { BackgroundAgentNode } from "./background-agent-node.ts";

/** Most events kept until the node has started. */
const MAX_EARLY_EVENTS = 1_024;

/**
 * A background node that only takes note. It takes an event in where it is published, and not through the mailbox:
 * that costs less than queueing it, and a long answer is hundreds of chunks. So it must not publish while it hears;
 * a node that does is a {@link BackgroundAgentNode}.
 */
export abstract class ListenerNode extends BackgroundAgentNode {
  #early: AnyEvent[] | null = [];

  protected abstract hear(event: AnyEvent): void;

  override accept(event: AnyEvent): void {
    if (this.#early === null) this.#hear(event);
    else if (this.#early.length < MAX_EARLY_EVENTS) this.#early.push(event);
  }

  override open(): void {
    const early = this.#early ?? [];
    this.#early = null;
    for (const event of early) this.#hear(event);
  }

  #hear(event: AnyEvent): void {
    try {
      this.hear(event);
    } catch (error) {
      this.reportError(error, `hearing ${event.type}`);
    }
  }
}
