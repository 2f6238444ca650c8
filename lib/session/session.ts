import type { Logger } from "pino";
import { describeError, GraphError } from "../errors.ts";
import type { AgentDescription, AgentNode, EndReason, NodeSession } from "../nodes/agent-node.ts";
import { OutputAgentNode } from "../nodes/output-agent-node.ts";
import type { Supervised } from "../nodes/supervised.ts";
import {
  type AgentEvent,
  type Caller,
  type ClientEvent,
  type JsonObject,
  type SessionContext,
  stamp,
  weightOf,
} from "../wire/events.ts";
import { EventBus } from "./bus.ts";
import { buildGraph, type Edge, type Graph } from "./graph.ts";
import { SilenceWatch } from "./silence.ts";
import { Timeline } from "./timeline.ts";

/** Most frames kept while `setupSession` is still at work. */
const MAX_HELD_EVENTS = 1_000;
const MAX_HELD_BYTES = 4 * 1024 * 1024;
/** How long the nodes of an ended session may take to finish up, ms. */
const STOP_TIMEOUT_MS = 5_000;

export type SetupSession = (session: AgentSession) => void | Promise<void>;
export type EventListener = (event: ClientEvent) => void | Promise<void>;

/** Where a session's events go, and how it hangs up. A dry run has none. */
export type SessionOutlet = {
  send(event: AgentEvent): void;
  writable(): Promise<void> | null;
  close(code: number, reason: string): void;
};

export type SessionOptions = {
  id: string;
  context: SessionContext;
  outputAgentSettings: JsonObject | null;
  log: Logger;
  /** `null` for the start-up check: {@link AgentSession.start} then checks the graph and goes no further. */
  outlet: SessionOutlet | null;
};

/** Thrown by `start()` in the start-up check, to leave `setupSession` where a real call would begin. */
export class DryRunComplete extends Error {}

/**
 * One call: a graph of nodes on one bus. Everything of the call hangs on {@link signal},
 * which is aborted when the call ends.
 */
export class AgentSession implements NodeSession {
  readonly id: string;
  readonly context: SessionContext;
  readonly outputAgentSettings: JsonObject | null;
  readonly log: Logger;
  /** What happens in this call, moment by moment. */
  readonly timeline = new Timeline();
  readonly #options: SessionOptions;
  readonly #bus = new EventBus();
  readonly #controller = new AbortController();
  readonly #nodes: AgentNode[] = [];
  readonly #edges: Edge[] = [];
  readonly #listeners: EventListener[] = [];
  readonly #complete: Promise<EndReason>;
  #completed: (reason: EndReason) => void = () => {};
  #state: "new" | "starting" | "running" | "ending" | "ended" = "new";
  #held: ClientEvent[] = [];
  #heldBytes = 0;
  #started: AgentNode[] = [];
  #droppedEvents = 0;
  #handedOff: "end_call" | "transferred" | null = null;
  #description: Partial<AgentDescription> = {};

  constructor(options: SessionOptions) {
    this.id = options.id;
    this.context = options.context;
    this.outputAgentSettings = options.outputAgentSettings;
    this.log = options.log;
    this.#options = options;
    this.#complete = new Promise((resolve) => {
      this.#completed = resolve;
    });
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Who calls, where the channel knows it. */
  get caller(): Caller | null {
    return this.context.caller;
  }

  /** The variables the platform gave this call. */
  get initialVariables(): JsonObject {
    return this.context.initialVariables;
  }

  /** The node that talks, for a supervisor to steer: the first that was added, or null. */
  get agent(): Supervised | null {
    return this.#talker;
  }

  /** Which agent has this call; what {@link describe} has not said is taken from the node that talks. */
  get description(): AgentDescription {
    const { agent, agentVersion, model } = this.#description;
    return {
      agent: agent ?? this.#talker?.name ?? null,
      agentVersion: agentVersion ?? null,
      model: model ?? this.#talker?.model ?? null,
    };
  }

  get #talker(): OutputAgentNode | null {
    return this.#nodes.find((node) => node instanceof OutputAgentNode) ?? null;
  }

  /** How the agent has handed the call off; null while it is its own. */
  get handOff(): "end_call" | "transferred" | null {
    return this.#handedOff;
  }

  get handedOff(): boolean {
    return this.#handedOff !== null;
  }

  /** How many events its nodes have dropped because they did not keep up. */
  get droppedEvents(): number {
    return this.#droppedEvents;
  }

  get running(): boolean {
    return this.#state === "running";
  }

  /** Adds a node. Throws {@link GraphError} after the start. */
  addNode(node: AgentNode): void {
    this.#refuseAfterStart(`add the node ${node.name}`);
    this.#nodes.push(node);
  }

  /** Lets `child` follow `parent` instead of the bus. Throws {@link GraphError} after the start. */
  addEdge(parent: AgentNode, child: AgentNode): void {
    this.#refuseAfterStart(`add the edge ${parent.name} → ${child.name}`);
    this.#edges.push([parent, child]);
  }

  /** Says which agent has this call, for its record and the console. Throws {@link GraphError} after the start. */
  describe(description: Partial<AgentDescription>): void {
    this.#refuseAfterStart("describe the agent");
    this.#description = { ...this.#description, ...description };
  }

  /**
   * Lets the nodes know, by `system.user.idle`, when nobody has said anything for so long, ms; 0: never. Where people
   * type, they take their time.
   */
  watchSilence(afterMs: number): void {
    if (afterMs === 0 || this.context.conversationType === "chat") return;
    const watch = new SilenceWatch(afterMs, (times) => {
      try {
        this.receive(stamp<ClientEvent>({ type: "system.user.idle", times }));
      } catch (error) {
        this.fail(error);
      }
    });
    this.timeline.listen((moment) => watch.hear(moment));
    this.signal.addEventListener("abort", () => watch.end(), { once: true });
  }

  /** Calls `listener` with every event from the client. Its failure is a warning in the log. */
  onEvent(listener: EventListener): void {
    this.#listeners.push(listener);
  }

  /**
   * Checks the graph, says `agent.ready`, starts the nodes in the order they were added and then hands them what
   * the client has sent meanwhile. Throws {@link GraphError} for a graph that cannot work.
   */
  async start(): Promise<void> {
    this.#refuseAfterStart("start the session again");
    const graph = buildGraph(this.#nodes, this.#edges);
    const { outlet } = this.#options;
    if (!outlet) throw new DryRunComplete();
    this.#state = "starting";
    // Ready is the first frame, before any node can speak: a platform that sees another one never listens.
    outlet.send(stamp<AgentEvent>({ type: "agent.ready" }));
    this.#bus.onAgent((event) => outlet.send(event));
    // Ahead of the nodes: what one of them does about an event comes after the event.
    this.#bus.onAgent((event) => this.timeline.hear(event));
    this.#bus.onClient((event) => this.timeline.hear(event));
    await this.#startNodes(graph);
    if (this.signal.aborted) return;
    this.#state = "running";
    const held = this.#held;
    this.#held = [];
    for (const event of held) this.#deliver(event);
  }

  /** Resolves with the reason when the call has ended and its nodes have stopped. */
  waitUntilComplete(): Promise<EndReason> {
    return this.#complete;
  }

  /** Takes an event from the client. Before the nodes are up it is kept, in order. */
  receive(event: ClientEvent): void {
    if (this.#state === "ended") return;
    if (this.#state === "running") {
      this.#deliver(event);
      return;
    }
    this.#heldBytes += weightOf(event);
    if (this.#held.push(event) > MAX_HELD_EVENTS || this.#heldBytes > MAX_HELD_BYTES) {
      this.end("refused", 1008, "too many events before the session was ready");
    }
  }

  /** Called by nodes, see {@link NodeSession}. */
  publish(event: AgentEvent, from: AgentNode): void {
    if (this.#state === "ended") return;
    if (event.type === "agent.end_call") this.#handedOff ??= "end_call";
    if (event.type === "agent.transfer_call") this.#handedOff ??= "transferred";
    this.#bus.publishFromAgent(event, from);
  }

  writable(): Promise<void> | null {
    return this.#options.outlet?.writable() ?? null;
  }

  own(promise: Promise<unknown>): void {
    promise.catch((error: unknown) => this.fail(error));
  }

  countDropped(): void {
    this.#droppedEvents += 1;
  }

  /** Ends this session, and no other, because of an error nobody expected. */
  fail(error: unknown): void {
    const stack = error instanceof Error ? error.stack : undefined;
    if (this.signal.aborted) {
      this.log.warn({ err: describeError(error), stack }, "An error after the end of the session");
      return;
    }
    this.log.error({ err: describeError(error), stack }, "Session failed");
    this.end("error", 1011, "internal error");
  }

  /** Called when the socket has closed. */
  disconnected(): void {
    this.end(this.#handedOff ?? "client_closed", 1000, "");
  }

  /** Ends the call: closes the socket with `code` and `why`, stops the nodes. Does nothing the second time. */
  end(reason: EndReason, code: number, why: string): void {
    if (this.#state === "ending" || this.#state === "ended") return;
    this.#state = "ending";
    this.#held = [];
    this.#options.outlet?.close(code, why);
    // What was cut off may still be put on record, such as the usage of a request.
    this.#controller.abort();
    this.timeline.end();
    this.#state = "ended";
    this.#stopNodes(reason)
      .catch((error: unknown) => this.log.error({ err: describeError(error) }, "Stopping the nodes failed"))
      .finally(() => {
        this.#bus.close();
        this.log.info({ reason }, "Session ended");
        this.#completed(reason);
      });
  }

  async #startNodes(graph: Graph): Promise<void> {
    for (const node of this.#nodes) {
      node.attach(this, graph.childrenOf.get(node) ?? [], graph.roots.includes(node));
    }
    // Before any of them starts, so that none misses what another says as it does.
    for (const root of graph.roots) this.#subscribe(root);
    for (const node of this.#nodes) {
      await node.start();
      if (this.signal.aborted) return;
      this.#started.push(node);
      node.open();
    }
  }

  #subscribe(node: AgentNode): void {
    if (node.hears.includes("client")) this.#bus.onClient((event) => node.accept(event));
    if (node.hears.includes("agent")) {
      this.#bus.onAgent((event, from) => {
        if (from !== node) node.accept(event);
      });
    }
  }

  async #stopNodes(reason: EndReason): Promise<void> {
    const stopping = this.#started.map(async (node) => {
      try {
        await node.close();
        await node.stop(reason);
      } catch (error) {
        this.log.warn({ node: node.name, ...describeError(error) }, `${node.name} failed while stopping`);
      }
    });
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<"late">((resolve) => {
      timer = setTimeout(resolve, STOP_TIMEOUT_MS, "late");
    });
    const result = await Promise.race([Promise.all(stopping), late]);
    clearTimeout(timer);
    if (result === "late") this.log.warn(`Some nodes did not stop within ${STOP_TIMEOUT_MS} ms`);
  }

  #deliver(event: ClientEvent): void {
    // Ahead of everybody: whoever hears of it may talk to the caller again.
    if (event.type === "system.transfer.ended" && event.returned) this.#handedOff = null;
    this.#bus.publishFromClient(event);
    for (const listener of this.#listeners) {
      this.#notify(listener, event).catch((error: unknown) => this.fail(error));
    }
  }

  async #notify(listener: EventListener, event: ClientEvent): Promise<void> {
    try {
      await listener(event);
    } catch (error) {
      this.log.warn({ ...describeError(error) }, `An onEvent listener failed on ${event.type}`);
    }
  }

  #refuseAfterStart(what: string): void {
    if (this.#state === "new") return;
    throw new GraphError("already_started", `Cannot ${what}: the session has started`);
  }
}
