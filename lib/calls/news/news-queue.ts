import type { Logger } from "pino";
import { doubling } from "./back-off.ts";
import type { Receiver } from "./receiver.ts";

/** Posts under way at a time, of different calls. */
const AT_ONCE = 8;
/** Most news that waits, of all calls; then the oldest is lost. An item has about 1 KB. */
const MAX_WAITING = 5_000;
const MAX_WAITING_OF_A_CALL = 200;
const FIRST_RETRY_MS = 1_000;
const MAX_RETRY_MS = 300_000;
/** Older news is of use to nobody; the report of the ended call has it all, ms. */
const MAX_AGE_MS = 3_600_000;
/** How long the end of the server waits for what can go at once, ms. */
const GRACE_MS = 3_000;

export type NewsItem = {
  sessionId: string;
  /** Names it for the receiver, the same at every try. */
  key: string;
  body: string;
};

/** The wait after the nth failed try: doubling from 1 s to five minutes, ms. */
export const newsBackOff = doubling(FIRST_RETRY_MS, MAX_RETRY_MS);

export type NewsQueueOptions = {
  receiver: Receiver;
  /** The variable that names the receiver, for the log. */
  name: string;
  log: Logger;
  /** Wait after the nth failed try, ms. */
  retryMs?: (tries: number) => number;
  maxWaiting?: number;
};

type Waiting = NewsItem & { since: number };
/** The news of one call, the oldest first: what follows waits until it was taken. */
type Line = { items: Waiting[]; tries: number; state: "ready" | "sending" | "resting" };

/**
 * News that goes out while calls go on: in order for each call, tried again until the receiver takes it. It waits in
 * memory, so that a call only ever puts something into it.
 */
export class NewsQueue {
  readonly #options: NewsQueueOptions;
  readonly #retryMs: (tries: number) => number;
  readonly #maxWaiting: number;
  readonly #lines = new Map<string, Line>();
  readonly #ready: string[] = [];
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #closing = new AbortController();
  readonly #onEmpty = new Map<string, () => void>();
  #sending = 0;
  #waiting = 0;
  #lost = 0;
  #isFailing = false;
  #closed: (() => void) | null = null;

  constructor(options: NewsQueueOptions) {
    this.#options = options;
    this.#retryMs = options.retryMs ?? newsBackOff;
    this.#maxWaiting = options.maxWaiting ?? MAX_WAITING;
  }

  get waiting(): number {
    return this.#waiting;
  }

  /** Items that were given up: too many, too old, or the server ended. */
  get lost(): number {
    return this.#lost;
  }

  push(item: NewsItem): void {
    if (this.#closed !== null || this.#closing.signal.aborted) {
      this.#lost += 1;
      return;
    }
    const line = this.#lines.get(item.sessionId) ?? this.#open(item.sessionId);
    if (line.items.length >= MAX_WAITING_OF_A_CALL) this.#lose(line);
    else if (this.#waiting >= this.#maxWaiting) this.#loseOldest();
    line.items.push({ ...item, since: Date.now() });
    this.#waiting += 1;
    this.#pump();
  }

  /** Calls back when none of a call's news waits any more, at once if that is so. Only the last of those who ask for a call. */
  whenEmpty(sessionId: string, callback: () => void): void {
    if (this.#lines.has(sessionId)) this.#onEmpty.set(sessionId, callback);
    else callback();
  }

  /** Whether any of a call's news waits. */
  holds(sessionId: string): boolean {
    return this.#lines.has(sessionId);
  }

  /** Sends what can go within three seconds, and gives the rest up. */
  async close(): Promise<void> {
    for (const timer of this.#timers) clearTimeout(timer);
    for (const [id, line] of this.#lines) if (line.state === "resting") this.#drop(id, line);
    if (this.#lines.size > 0) {
      const timer = setTimeout(() => this.#closing.abort(), GRACE_MS);
      await new Promise<void>((resolve) => {
        this.#closed = resolve;
      });
      clearTimeout(timer);
    }
    this.#closing.abort();
    const { log, name, receiver } = this.#options;
    if (this.#lost > 0) log.warn({ lost: this.#lost }, `News for ${name} was lost`);
    await receiver.close();
  }

  #open(sessionId: string): Line {
    const line: Line = { items: [], tries: 0, state: "ready" };
    this.#lines.set(sessionId, line);
    this.#ready.push(sessionId);
    return line;
  }

  #pump(): void {
    while (this.#sending < AT_ONCE) {
      const id = this.#ready.shift();
      if (id === undefined) return;
      const line = this.#lines.get(id);
      if (line?.state !== "ready") continue;
      line.state = "sending";
      this.#sending += 1;
      void this.#send(id, line);
    }
  }

  /** Never rejects: a post that fails says so. */
  async #send(id: string, line: Line): Promise<void> {
    const [item] = line.items;
    const { signal } = this.#closing;
    const { receiver, log, name } = this.#options;
    const refusal = item ? await receiver.post(item.body, item.key, signal) : null;
    this.#sending -= 1;
    if (refusal === null) {
      // It may have been given up for newer news meanwhile.
      if (line.items[0] === item && item) this.#take(line);
      line.tries = 0;
      this.#isFailing = false;
      this.#goOn(id, line);
    } else {
      line.tries += 1;
      const retryInMs = Math.max(this.#retryMs(line.tries), refusal.retryAfterMs);
      const about = { sessionId: id, tries: line.tries, retryInMs, reason: refusal.reason };
      // Of many calls whose news is refused one line is enough.
      log[this.#isFailing ? "debug" : "warn"](about, `${name} does not take news`);
      this.#isFailing = true;
      this.#rest(id, line, retryInMs);
    }
    this.#pump();
    if (this.#lines.size === 0) this.#closed?.();
  }

  #rest(id: string, line: Line, ms: number): void {
    while (line.items[0] && Date.now() + ms - line.items[0].since > MAX_AGE_MS) this.#lose(line);
    if (this.#closed !== null || this.#closing.signal.aborted) {
      this.#drop(id, line);
      return;
    }
    if (line.items.length === 0) {
      this.#goOn(id, line);
      return;
    }
    line.state = "resting";
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      this.#goOn(id, line);
      this.#pump();
    }, ms).unref();
    this.#timers.add(timer);
  }

  #goOn(id: string, line: Line): void {
    if (line.items.length > 0) {
      line.state = "ready";
      this.#ready.push(id);
    } else {
      this.#forget(id);
    }
  }

  #forget(id: string): void {
    this.#lines.delete(id);
    const callback = this.#onEmpty.get(id);
    this.#onEmpty.delete(id);
    callback?.();
  }

  #drop(id: string, line: Line): void {
    while (line.items.length > 0) this.#lose(line);
    this.#forget(id);
  }

  /** Of the call that has waited longest. */
  #loseOldest(): void {
    for (const line of this.#lines.values()) {
      if (line.items.length === 0) continue;
      this.#lose(line);
      return;
    }
  }

  #lose(line: Line): void {
    this.#take(line);
    this.#lost += 1;
  }

  #take(line: Line): void {
    line.items.shift();
    this.#waiting -= 1;
  }
}
