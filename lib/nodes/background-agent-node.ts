import type { AnyEvent, Draft, EventOf } from "../wire/events.ts";
import { AgentNode, type AgentNodeOptions } from "./agent-node.ts";

/** What a background node may put on the call's timeline. */
export type Remark = Draft<EventOf<"agent.log"> | EventOf<"agent.error">>;

/** Most events a background node lets wait before it drops its oldest. */
export const MAILBOX_LIMIT = 1_024;

/**
 * A node that listens and says nothing: it hears both directions of the bus, is never interrupted,
 * and neither its slowness nor its failure touches the call.
 */
export class BackgroundAgentNode extends AgentNode {
  constructor(options: AgentNodeOptions) {
    super({ hears: ["client", "agent"], mailboxLimit: MAILBOX_LIMIT, ...options });
  }

  /** Override it to listen. Nothing is forwarded. */
  protected override processEvent(_event: AnyEvent): void | Promise<void> {}

  /** A background node may only note things on the call's timeline. */
  override sendEvent(draft: Remark): void {
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
    return queue.shift() !== undefined;
  }
}
