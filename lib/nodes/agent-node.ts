import type { Logger } from "pino";
import { describeError, GraphError } from "../errors.ts";
import type { Direction } from "../session/bus.ts";
import type { Timeline } from "../session/timeline.ts";
import {
  type AgentEvent,
  type AnyEvent,
  type Draft,
  type EventOf,
  isAgentEvent,
  type JsonObject,
  type SessionContext,
  stamp,
  weightOf,
} from "../wire/events.ts";
import { Mailbox } from "./mailbox.ts";
import type { Supervised } from "./supervised.ts";

/** Why a session ended, as nodes and the record of the call learn it. */
export type EndReason =
  | "client_closed"
  | "end_call"
  | "transferred"
  | "error"
  | "drain"
  | "idle"
  | "refused"
  | "slow_client";

/** Which agent has a call, as the record and the console show it. */
export type AgentDescription = {
  /** By default the name of the node that talks. */
  agent: string | null;
  /** Of one's own counting: a release, a date, a commit. */
  agentVersion: string | null;
  /** The language model that talks. */
  model: string | null;
};

/** What a node may know of the session it is in. */
export type NodeSession = {
  readonly id: string;
  /** Caller, initial variables and conversation type, as the client's `system.init` gave them. */
  readonly context: SessionContext;
  /** Aborted when the session ends; everything a node starts hangs on it. */
  readonly signal: AbortSignal;
  readonly log: Logger;
  /** `output_agent_settings` of the handshake, as it came. */
  readonly outputAgentSettings: JsonObject | null;
  /** Whether a node has ended or transferred the call: nothing is left to ask a model. */
  readonly handedOff: boolean;
  /** The node that talks, as a supervisor can steer it; null if there is none. */
  readonly agent: Supervised | null;
  readonly description: AgentDescription;
  /** What happens in the call; a `TimelineNode` is told of it. */
  readonly timeline: Timeline;
  /** Publishes straight to the bus; nodes use {@link AgentNode.sendEvent}. */
  publish(event: AgentEvent, from: AgentNode): void;
  /** Null while the client reads as fast as we send; else resolves when it has caught up. */
  writable(): Promise<void> | null;
  /** Takes a promise nobody awaits; its failure ends the session. */
  own(promise: Promise<unknown>): void;
  /** Ends the session because of an error it cannot go on from. */
  fail(error: unknown): void;
  /** Called for every event a node has dropped. */
  countDropped(): void;
};

export type AgentNodeOptions = {
  /** Unique in its session. */
  name: string;
  /** Which events the bus feeds it, if it has no parent. Default: those from the client. */
  hears?: readonly Direction[];
  /** Most events waiting in its mailbox. Default 4,096. */
  mailboxLimit?: number;
};

const DEFAULT_MAILBOX_LIMIT = 4_096;
/** One warning for so many dropped events: a node that is too slow should not fill the log as well. */
const WARN_EVERY = 100;

/** Never dropped from a full mailbox: the caller's words, and the frames a turn or a call is closed with. */
const INDISPENSABLE: ReadonlySet<AnyEvent["type"]> = new Set([
  "agent.transcript.update",
  "system.llm.request",
  "system.transfer.ended",
  "agent.llm.response.start",
  "agent.llm.response.end",
  "agent.end_call",
  "agent.transfer_call",
  "agent.control.unmute_user",
] as const);

/**
 * A node of a session's graph. Its mailbox is handled in order, one event at a time; other nodes run beside it.
 * By itself it forwards every event, so a subclass changes what it wants changed.
 */
export class AgentNode {
  readonly name: string;
  readonly hears: readonly Direction[];
  readonly #mailbox: Mailbox<AnyEvent>;
  #session: NodeSession | null = null;
  #children: readonly AgentNode[] = [];
  /** Whether the bus feeds it, and no node above. */
  #isRoot = true;
  #inHand: AnyEvent | null = null;
  /** Whether an answer was cut off and no other has started since: its chunks are stale, however late they are. */
  #cutOff = false;
  #dropped = 0;

  constructor(options: AgentNodeOptions) {
    this.name = options.name;
    this.hears = options.hears ?? ["client"];
    this.#mailbox = new Mailbox<AnyEvent>(
      (event) => this.#handle(event),
      options.mailboxLimit ?? DEFAULT_MAILBOX_LIMIT,
      (queue) => this.#dropOne(queue),
      weightOf,
    );
  }

  /** How many events this node lost because it did not keep up. */
  get droppedEvents(): number {
    return this.#dropped;
  }

  /** The session this node is in. Throws {@link GraphError} before it has started. */
  protected get session(): NodeSession {
    if (this.#session) return this.#session;
    throw new GraphError("not_started", `${this.name} has no session yet: use it in start() or later`);
  }

  /** Handles one event. Override it; by default the event is forwarded as it is. */
  protected processEvent(event: AnyEvent): void | Promise<void> {
    this.sendEvent(event);
  }

  /** Runs once, after `agent.ready` and before the first event. Override it to set up. */
  start(): void | Promise<void> {}

  /** Runs once, when the session has ended; its signal is aborted by then. Override it to finish up. */
  stop(_reason: EndReason): void | Promise<void> {}

  /** Runs at once when an interrupt passes this node, ahead of its mailbox. Override it to drop what is held back. */
  protected onInterrupt(): void {}

  /** Runs for every key the caller presses, ahead of {@link processEvent}. Never write the digit down: it may be a secret. */
  protected onKey(_digit: string): void | Promise<void> {}

  /** Sends an event to the nodes below, or, from a node with none below, to the client. */
  sendEvent(draft: Draft): void {
    const event = stamp(draft);
    // What a node overheard on the bus has reached everybody; passing it on would send it round for ever.
    if (this.#isRoot && event === this.#inHand && isAgentEvent(event)) return;
    // A start that is being passed on has ended the silence already, in #handle.
    if (event.type === "agent.llm.response.start" && this.#inHand?.type !== event.type) this.#cutOff = false;
    if (this.#cutOff && event.type === "agent.llm.response.chunk") return;
    if (this.#children.length > 0) {
      for (const child of this.#children) child.accept(event);
    } else if (isAgentEvent(event)) {
      // What came from the client ends here: it is never echoed back.
      this.session.publish(event, this);
    }
  }

  /** Called by the session: ties the node to it and to the nodes below. */
  attach(session: NodeSession, children: readonly AgentNode[], isRoot: boolean): void {
    if (this.#session)
      throw new GraphError("node_in_use", `${this.name} is in a session already: make one per session`);
    this.#session = session;
    this.#children = children;
    this.#isRoot = isRoot;
  }

  /** Called by the session when the node has started: what has come meanwhile is handled now. */
  open(): void {
    this.#mailbox.open();
  }

  /** Called by the bus or the node above. An interrupt is never queued. */
  accept(event: AnyEvent): void {
    if (event.type === "system.control.interrupt") this.interrupt(event);
    else this.enqueue(event);
  }

  /** Called by the session when it ends: resolves when the event in hand is done. */
  async close(): Promise<void> {
    this.dropWaiting();
    await this.#mailbox.close();
  }

  /** What waits in the mailbox when the session ends is of no use to anybody. */
  protected dropWaiting(): void {
    this.#mailbox.discard(() => true);
  }

  /** An interrupt overtakes the mailbox. */
  protected interrupt(event: AnyEvent): void {
    this.cutOff(event);
    // What it means to stop may not have begun yet: it also follows a request that it has overtaken.
    if (this.#inHand?.type === "system.llm.request" || this.waitingRequests() > 0) this.enqueue(event);
  }

  /** Queued chunks are stale, all else is kept; the nodes below hear of it at once. */
  protected cutOff(event: AnyEvent): void {
    this.#mailbox.discard((queued) => queued.type === "agent.llm.response.chunk");
    this.#cutOff = true;
    try {
      this.onInterrupt();
    } catch (error) {
      this.reportError(error, "being interrupted");
    }
    for (const child of this.#children) child.accept(event);
  }

  protected enqueue(event: AnyEvent): void {
    if (!this.#mailbox.push(event) && !this.session.signal.aborted) {
      this.session.fail(new GraphError("mailbox_full", `${this.name} does not keep up with its events`));
    }
  }

  /** How many events of a kind wait in the mailbox. */
  protected waiting(test: (event: AnyEvent) => boolean): number {
    return this.#mailbox.count(test);
  }

  /** How many requests for an answer wait in the mailbox. */
  protected waitingRequests(): number {
    return this.waiting(({ type }) => type === "system.llm.request");
  }

  /** Frees a place in a full mailbox, without losing what the call cannot do without. */
  protected makeRoom(queue: AnyEvent[]): boolean {
    const index = queue.findIndex(({ type }) => !INDISPENSABLE.has(type));
    if (index < 0) return false;
    queue.splice(index, 1);
    return true;
  }

  /** What happens to an event when its turn in the mailbox has come. */
  protected dispatch(event: AnyEvent): void | Promise<void> {
    if (event.type !== "system.control.interrupt") return this.processEvent(event);
    for (const child of this.#children) child.accept(event);
  }

  #dropOne(queue: AnyEvent[]): boolean {
    if (!this.makeRoom(queue)) return false;
    this.#dropped += 1;
    this.session.countDropped();
    if (this.#dropped % WARN_EVERY === 1) {
      const about = { node: this.name, dropped: this.#dropped };
      this.session.log.warn(about, `${this.name} does not keep up and dropped its oldest event`);
    }
    return true;
  }

  #handle(event: AnyEvent): void | Promise<void> {
    this.#inHand = event;
    if (event.type === "agent.llm.response.start") this.#cutOff = false;
    try {
      const work = event.type === "system.user.key" ? this.#takeKey(event) : this.dispatch(event);
      if (work) return this.#settle(event, work);
    } catch (error) {
      this.reportError(error, "handling", event.type);
    }
    this.#inHand = null;
  }

  async #takeKey(event: EventOf<"system.user.key">): Promise<void> {
    await this.onKey(event.digit);
    await this.dispatch(event);
  }

  async #settle(event: AnyEvent, work: Promise<void>): Promise<void> {
    try {
      await work;
    } catch (error) {
      this.reportError(error, "handling", event.type);
    } finally {
      this.#inHand = null;
    }
  }

  /**
   * Writes an error of this node to the log and the bus. The call goes on, so it is a warning.
   * @param on the event it failed on, if it was one.
   */
  protected reportError(error: unknown, doing: string, on: AnyEvent["type"] | null = null): void {
    const described = describeError(error);
    const failed = `${this.name} failed while ${doing}${on === null ? "" : ` ${on}`}`;
    this.session.log.warn({ node: this.name, ...described }, failed);
    // Two nodes that fail on each other's errors would go on for ever.
    if (this.session.signal.aborted || on === "agent.error") return;
    this.session.publish(
      stamp<AgentEvent>({
        type: "agent.error",
        message: `${failed}; the call goes on.`,
        severity: "warning",
        payload: { nodeName: this.name, errorClass: described.errorClass },
      }),
      this,
    );
  }
}
