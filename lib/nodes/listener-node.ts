import { type AnyEvent, stamp } from "../wire/events.ts";
import { BackgroundAgentNode, MAILBOX_LIMIT, type Remark } from "./background-agent-node.ts";

/**
 * A background node that only takes note, at once and in memory. It takes an event in where it is published, and not
 * through the mailbox: that costs less than queueing it, and a long answer is hundreds of chunks.
 */
export abstract class ListenerNode extends BackgroundAgentNode {
  /** What came before the node had started; null since it has. */
  #early: AnyEvent[] | null = [];
  #hearing = false;

  protected abstract hear(event: AnyEvent): void;

  /** What it sends while it hears follows when everybody has heard the event that it is about. */
  override sendEvent(draft: Remark): void {
    if (!this.#hearing) {
      super.sendEvent(draft);
      return;
    }
    const event = stamp(draft);
    this.session.own(Promise.resolve().then(() => super.sendEvent(event)));
  }

  override accept(event: AnyEvent): void {
    if (this.#early === null) this.#hear(event);
    else if (this.#early.length < MAILBOX_LIMIT) this.#early.push(event);
    else this.session.countDropped();
  }

  override open(): void {
    const early = this.#early ?? [];
    this.#early = null;
    for (const event of early) this.#hear(event);
  }

  #hear(event: AnyEvent): void {
    this.#hearing = true;
    try {
      this.hear(event);
    } catch (error) {
      this.reportError(error, "handling", event.type);
    } finally {
      this.#hearing = false;
    }
  }
}
