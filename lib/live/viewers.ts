import type { ServerResponse } from "node:http";
import type { RingEntry } from "./event-ring.ts";

/** How long events are gathered before they are written, ms: one write for many, and people do not see the delay. */
const GATHER_MS = 100;
/** How often a quiet stream says that it is alive, ms; proxies cut a connection that is silent for longer. */
const HEARTBEAT_MS = 15_000;
/** Unsent bytes at which a viewer is dropped; more than a whole replay. */
const MAX_UNSENT_BYTES = 4_000_000;
/** Each viewer may hold that much memory, so their number is bounded. */
const MAX_VIEWERS = 64;

type Viewer = { response: ServerResponse; sessionId: string | null };

/** The open event streams. Whoever does not read is dropped: a call never waits for a viewer. */
export class Viewers {
  readonly #viewers = new Set<Viewer>();
  /** How many viewers look at one call alone. */
  readonly #watched = new Map<string, number>();
  #pending: Pick<RingEntry, "sessionId" | "frame">[] = [];
  /** Words on their way, for those alone who watch their call. */
  #partials = new Map<string, string>();
  #flushTimer: NodeJS.Timeout | null = null;
  #heartbeat: NodeJS.Timeout | null = null;

  get full(): boolean {
    return this.#viewers.size >= MAX_VIEWERS;
  }

  /**
   * Writes events to this response from now on, beginning with `missed`. Its head must have been written.
   * @param sessionId null: events of all calls.
   */
  add(response: ServerResponse, sessionId: string | null, missed: string): void {
    // Gone already: its close has been and will not be heard again.
    if (response.destroyed) return;
    // What waits now is in `missed`, or older than what this viewer wants.
    this.#flush();
    const viewer = { response, sessionId };
    this.#viewers.add(viewer);
    if (sessionId !== null) this.#watched.set(sessionId, (this.#watched.get(sessionId) ?? 0) + 1);
    this.#heartbeat ??= setInterval(() => this.#writeAll(() => ":\n\n"), HEARTBEAT_MS);
    response.on("error", () => response.destroy());
    response.once("close", () => this.#remove(viewer));
    this.#write(viewer, `retry: 2000\n\n${missed}`);
  }

  /** Whether anybody looks at this call alone. */
  watches(sessionId: string): boolean {
    return this.#watched.has(sessionId);
  }

  send(entry: Pick<RingEntry, "sessionId" | "frame">): void {
    if (this.#viewers.size === 0) return;
    // The whole turn comes after the last of its parts.
    this.#partials.delete(entry.sessionId);
    this.#pending.push(entry);
    this.#flushLater();
  }

  /** Sends the agent's words so far to those who look at this call alone. The latest is enough. */
  sendPartial(sessionId: string, frame: string): void {
    if (!this.watches(sessionId)) return;
    this.#partials.set(sessionId, frame);
    this.#flushLater();
  }

  /** Ends every stream at once. */
  close(): void {
    this.#flush();
    for (const { response } of this.#viewers) response.end();
    this.#stopTimers();
  }

  #flushLater(): void {
    this.#flushTimer ??= setTimeout(() => this.#flush(), GATHER_MS);
  }

  #flush(): void {
    if (this.#flushTimer) clearTimeout(this.#flushTimer);
    this.#flushTimer = null;
    const entries = this.#pending;
    const partials = this.#partials;
    this.#pending = [];
    this.#partials = new Map();
    const all = entries.map(({ frame }) => frame).join("");
    this.#writeAll(({ sessionId }) => {
      if (sessionId === null) return all;
      const own = entries.filter((entry) => entry.sessionId === sessionId).map(({ frame }) => frame);
      return own.join("") + (partials.get(sessionId) ?? "");
    });
  }

  #writeAll(textFor: (viewer: Viewer) => string): void {
    for (const viewer of this.#viewers) this.#write(viewer, textFor(viewer));
  }

  #write({ response }: Viewer, text: string): void {
    if (text === "") return;
    if (response.writableLength > MAX_UNSENT_BYTES) response.destroy();
    else response.write(text);
  }

  #remove(viewer: Viewer): void {
    this.#viewers.delete(viewer);
    const { sessionId } = viewer;
    if (sessionId !== null) {
      const left = (this.#watched.get(sessionId) ?? 1) - 1;
      if (left > 0) this.#watched.set(sessionId, left);
      else this.#watched.delete(sessionId);
    }
    if (this.#viewers.size === 0) this.#stopTimers();
  }

  #stopTimers(): void {
    if (this.#flushTimer) clearTimeout(this.#flushTimer);
    if (this.#heartbeat) clearInterval(this.#heartbeat);
    this.#flushTimer = null;
    this.#heartbeat = null;
    this.#pending = [];
    this.#partials = new Map();
  }
}
