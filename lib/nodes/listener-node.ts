import type { AnyEvent } from "../events.ts";
import { BackgroundAgentNode, MAILBOX_LIMIT } from "./background-agent-node.ts";

/**
 * A background node that only takes note. It takes an event in where it is published, and not through the mailbox:
 * that costs less than queueing it, and a long answer is hundreds of chunks. So it must not publish while it hears;
 * a node that does is a {@link BackgroundAgentNode}.
 */
export abstract class ListenerNode extends BackgroundAgentNode {
  /** What came before the node had started; null since it has. */
  #early: AnyEvent[] | null = [];

  protected abstract hear(event: AnyEvent): void;

  override accept(event: AnyEvent): void {
    if (this.#early === null) this.#hear(event);
    else if (this.#early.length < MAILBOX_LIMIT) this.#early.push(event);
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
      this.reportError(error, "handling", event.type);
    }
  }
}
