import type { AgentTurn, Moment } from "../session/moments.ts";
import { type AnyEvent, stamp } from "../wire/events.ts";
import type { AgentNode, NodeSession } from "./agent-node.ts";
import { BackgroundAgentNode, MAILBOX_LIMIT, type Remark } from "./background-agent-node.ts";

/**
 * A background node that hears what happened in the call, moment by moment, and not its raw events. It is told at once,
 * before any other node acts on the event, and takes note in memory; slow work goes to `session.own`.
 */
export abstract class TimelineNode extends BackgroundAgentNode {
  /** What came before the node had started; null since it has. */
  #early: Moment[] | null = [];
  #hearing = false;

  /** @param name unique in its session. */
  constructor(name: string) {
    super({ name, hears: [] });
  }

  protected abstract hear(moment: Moment): void;

  /** Override it to see the words of an answer as they come; there are hundreds of pieces in one. */
  protected hearWords?(turn: AgentTurn): void;

  /** What it sends while it hears follows when everybody has heard the moment that it is about. */
  override sendEvent(draft: Remark): void {
    if (!this.#hearing) {
      super.sendEvent(draft);
      return;
    }
    const event = stamp(draft);
    this.session.own(Promise.resolve().then(() => super.sendEvent(event)));
  }

  override attach(session: NodeSession, children: readonly AgentNode[], isRoot: boolean): void {
    super.attach(session, children, isRoot);
    session.timeline.listen((moment) => this.#accept(moment));
    if (this.hearWords) {
      session.timeline.listenToWords((turn) => {
        if (this.#early === null) this.#guard(() => this.hearWords?.(turn), "words");
      });
    }
  }

  /** Its moments come from the timeline alone. */
  override accept(_event: AnyEvent): void {}

  override open(): void {
    const early = this.#early ?? [];
    this.#early = null;
    for (const moment of early) this.#hear(moment);
  }

  #accept(moment: Moment): void {
    if (this.#early === null) this.#hear(moment);
    else if (this.#early.length < MAILBOX_LIMIT) this.#early.push(moment);
    else this.session.countDropped();
  }

  #hear(moment: Moment): void {
    // A node that fails on the news of its own failure would go on for ever.
    this.#guard(() => this.hear(moment), moment.type, moment.type === "error" ? "agent.error" : null);
  }

  #guard(act: () => void, what: string, on: AnyEvent["type"] | null = null): void {
    this.#hearing = true;
    try {
      act();
    } catch (error) {
      this.reportError(error, `hearing ${what}`, on);
    } finally {
      this.#hearing = false;
    }
  }
}
