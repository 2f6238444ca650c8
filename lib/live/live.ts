import cluster from "node:cluster";
import type { ServerResponse } from "node:http";
import type pg from "pg";
import type { Logger } from "pino";
import type { Config } from "../config.ts";
import { type JsonObject, now } from "../wire/events.ts";
import { Board } from "./board.ts";
import { notLive } from "./errors.ts";
import { EventRing } from "./event-ring.ts";
import { LiveCall } from "./live-call.ts";
import { type PartialTurn, toFrame, toWire } from "./live-event.ts";
import { InProcessFeed, type LiveFeed } from "./live-feed.ts";
import { openPostgresFeed } from "./postgres-feed.ts";
import type { SupervisorCommand } from "./supervisor-command.ts";
import { Viewers } from "./viewers.ts";
import { openWorkerFeed } from "./worker-feed.ts";

/** What a viewer wants to see. */
export type ViewerRequest = {
  /** Null: all calls. */
  sessionId: string | null;
  /** The last event it has; null: only what happens from now on. */
  lastEventId: number | null;
};

/** All that is live on this server: its calls, the picture of them, and those who look at it. */
export class Live {
  readonly #feed: LiveFeed;
  readonly #ring: EventRing;
  readonly #board = new Board();
  readonly #viewers = new Viewers();
  readonly #calls = new Map<string, LiveCall>();
  #closed = false;

  constructor(feed: LiveFeed) {
    this.#feed = feed;
    this.#ring = new EventRing(feed.startId);
    for (const event of feed.history) this.#board.apply(event);
    feed.onOrder((sessionId, command) => this.#superviseHere(sessionId, command));
    feed.onEvent(({ id, event }) => {
      this.#board.apply(event);
      const entry = { id, sessionId: event.sessionId, frame: toFrame(event.type, toWire(event), id) };
      this.#ring.push(entry);
      this.#viewers.send(entry);
    });
  }

  /** The node that shows one call to viewers, and lets a supervisor steer its agent. */
  watch(): LiveCall {
    return new LiveCall({
      opened: (call) => this.#calls.set(call.sessionId, call),
      closed: (call) => this.#calls.delete(call.sessionId),
      tell: (event) => this.#feed.publish(event),
      hasViewers: (sessionId) => this.#viewers.watches(sessionId),
      tellPartial: (partial) => this.#sendPartial(partial),
    });
  }

  /** Has the agent of a call do what a supervisor wants, on whichever server it is. Throws a `LiveError`. */
  async supervise(sessionId: string, command: SupervisorCommand): Promise<void> {
    if (!this.#superviseHere(sessionId, command)) await this.#feed.order(sessionId, command);
  }

  /** Throws a `LiveError` when no such call is live. */
  refuseUnlessLive(sessionId: string): void {
    if (!this.#board.has(sessionId)) throw notLive();
  }

  /** The picture of all calls, and the id of the latest event in it. */
  list(): { lastEventId: number; calls: JsonObject[] } {
    return { lastEventId: this.#ring.lastId, calls: this.#board.list() };
  }

  /** The picture of one call with its turns. Throws a `LiveError` when it is not live. */
  get(sessionId: string): { lastEventId: number; call: JsonObject } {
    const call = this.#board.get(sessionId);
    if (!call) throw notLive();
    return { lastEventId: this.#ring.lastId, call };
  }

  /** The latest turns of a call. Throws a `LiveError` when it is not live. */
  turns(sessionId: string): readonly { role: "user" | "agent"; text: string }[] {
    const turns = this.#board.turnsOf(sessionId);
    if (!turns) throw notLive();
    return turns;
  }

  /** Whether one more viewer can be taken. */
  get full(): boolean {
    return this.#closed || this.#viewers.full;
  }

  /** Makes this response, whose head has been written, a stream of events. */
  addViewer(response: ServerResponse, { sessionId, lastEventId }: ViewerRequest): void {
    this.#viewers.add(response, sessionId, this.#missed(sessionId, lastEventId));
  }

  /** Ends every stream; calls go on unseen. */
  endStreams(): void {
    this.#closed = true;
    this.#viewers.close();
  }

  /** Lets go of the feed, when the last call has ended. */
  close(): Promise<void> {
    return this.#feed.close();
  }

  #superviseHere(sessionId: string, command: SupervisorCommand): boolean {
    const call = this.#calls.get(sessionId);
    call?.supervise(command);
    return call !== undefined;
  }

  #missed(sessionId: string | null, lastEventId: number | null): string {
    if (lastEventId === null) return "";
    const entries = this.#ring.since(lastEventId);
    if (!entries) return toFrame("reset", { at: now() }, this.#ring.lastId);
    return entries
      .filter((entry) => sessionId === null || entry.sessionId === sessionId)
      .map(({ frame }) => frame)
      .join("");
  }

  #sendPartial(partial: PartialTurn): void {
    this.#viewers.sendPartial(partial.sessionId, toFrame(partial.type, toWire(partial), null));
  }
}

/**
 * Servers that share a PostgreSQL database share what is live, too. Without one (`null`) that is the matter of one
 * machine: of this process, or of it and the other workers.
 */
export async function openLive(
  pool: pg.Pool | null,
  config: Pick<Config, "HEARTBEAT_MS">,
  log: Logger,
): Promise<Live> {
  if (pool) return new Live(await openPostgresFeed(pool, log, config.HEARTBEAT_MS));
  return new Live(cluster.isWorker ? await openWorkerFeed(log) : new InProcessFeed());
}
