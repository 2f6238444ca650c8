import { setTimeout as delay } from "node:timers/promises";
import type { Logger } from "pino";
import { describeError } from "../errors.ts";
import type { Backlog, Entry } from "./backlog.ts";
import type { CallOutcome } from "./record.ts";
import { type Change, isPlain, sizeOf, toQuery } from "./store/change.ts";
import { type Database, isRefused, runAll } from "./store/database.ts";
import type { Db } from "./store/schema.ts";

/** Most changes that wait in memory, and their bytes; more go to the backlog. */
const MAX_WAITING = 10_000;
const MAX_WAITING_BYTES = 16_000_000;
/** How long the first change waits for others, ms: a transaction of many costs little more than one of a single change. */
const GATHER_MS = 200;
/** Most changes in one transaction: SQLite writes as fast as this makes it, and nothing waits behind a batch for long. */
const BATCH = 100;
/** A batch that takes longer, ms, is a sign that what is in memory had better be on the disk. */
const SLOW_MS = 2_000;
/** A store that is away is tried again after so long, ms; the last goes on for ever. */
const RETRIES_MS = [100, 400, 1_600, 5_000];
/** How long writing may go on once the server stops, ms. */
const CLOSE_MS = 3_000;
/** One warning for so many lost changes. */
const WARN_EVERY = 100;

export type WriterOptions = {
  /** Where changes wait while the store does not take them. */
  backlog: Backlog;
  /** Ends a call, in a transaction. */
  finish: (db: Db, sessionId: string, outcome: CallOutcome) => Promise<unknown>;
  /** Ends the open calls of a server that is gone, in a transaction. */
  abandon: (db: Db, instance: string) => Promise<void>;
  /** The end of a call is stored. */
  onEnded?: (sessionId: string) => void;
  /** Most changes in memory. */
  limit?: number;
  /** Waits before another try, ms. */
  retriesMs?: readonly number[];
};

/**
 * The one queue between the calls of this process and their store. Pushing never waits. While the store is away or too
 * slow, what waits is in the backlog's files and is written later, in its order; what does not fit there is lost,
 * counted and warned of, and the calls go on.
 */
export class CallWriter {
  readonly #database: Database;
  readonly #log: Logger;
  readonly #options: WriterOptions;
  readonly #backlog: Backlog;
  readonly #retriesMs: readonly number[];
  /** Empty while there is a backlog, for that is older. */
  #queue: Entry[] = [];
  #queueBytes = 0;
  readonly #closing = new AbortController();
  #running: Promise<void> | null = null;
  #failures = 0;
  #lost = 0;

  constructor(database: Database, log: Logger, options: WriterOptions) {
    this.#database = database;
    this.#log = log;
    this.#options = options;
    this.#backlog = options.backlog;
    this.#retriesMs = options.retriesMs ?? RETRIES_MS;
  }

  /** Changes that will never be in the store. */
  get lost(): number {
    return this.#lost;
  }

  /** How long the oldest change has been waiting, ms; 0 if none waits. */
  get behindMs(): number {
    const oldestAt = this.#queue[0]?.at ?? this.#backlog.oldestAt;
    return oldestAt === null ? 0 : Math.max(0, Date.now() - oldestAt);
  }

  /** What waits in files, bytes. */
  get backlogBytes(): number {
    return this.#backlog.bytes;
  }

  /** Queues a change. @returns false if it is lost because there is no place for it. */
  push(change: Change): boolean {
    const isTaken = this.#add({ at: Date.now(), change });
    if (!isTaken) this.#lose("The backlog of the store of calls is full");
    this.#running ??= this.#drain().finally(() => {
      this.#running = null;
    });
    return isTaken;
  }

  /** Goes on with what servers that are gone have left behind, and then ends their calls. @param alive the others. */
  async adopt(alive: ReadonlySet<string>): Promise<void> {
    const gone = await this.#backlog.adopt(alive);
    if (gone.length === 0) return;
    this.#moveToBacklog();
    this.#log.info({ servers: gone.length }, "Writing what another server left unwritten");
    for (const instance of gone) this.push({ do: "abandon", instance });
  }

  /** Resolves when everything pushed so far is stored or lost. */
  async flush(): Promise<void> {
    while (this.#running) await this.#running;
  }

  /** Writes what is left, as far as the store takes it at once; the rest waits in the backlog for the next start. */
  async close(): Promise<void> {
    this.#closing.abort();
    const flushed = new AbortController();
    const late = delay(CLOSE_MS, undefined, { signal: flushed.signal }).catch(() => {});
    await Promise.race([this.flush(), late]);
    flushed.abort();
    this.#moveToBacklog();
    if (this.#backlog.isEmpty) return;
    const { folder } = this.#backlog;
    this.#log.warn(
      { folder },
      "The store of calls is away: what it has not taken is written at the next start",
    );
    const lost = await this.#backlog.close();
    if (lost === 0) return;
    this.#lost += lost;
    this.#log.error(
      { lost, folder },
      "Writes that the store of calls did not take could not be kept in files either",
    );
  }

  #add(entry: Entry): boolean {
    if (!this.#backlog.isEmpty) return this.#backlog.push(entry);
    this.#queue.push(entry);
    this.#queueBytes += sizeOf(entry.change);
    const limit = this.#options.limit ?? MAX_WAITING;
    if (this.#queue.length > limit || this.#queueBytes > MAX_WAITING_BYTES) this.#moveToBacklog();
    return true;
  }

  /** What is just being written goes along: writing it twice does no harm. */
  #moveToBacklog(): void {
    const entries = this.#queue;
    this.#queue = [];
    this.#queueBytes = 0;
    for (const entry of entries) {
      if (!this.#backlog.push(entry)) this.#lose("The backlog of the store of calls is full");
    }
  }

  async #drain(): Promise<void> {
    // Aborted by close(): then nothing more will come.
    await delay(GATHER_MS, undefined, { signal: this.#closing.signal }).catch(() => {});
    let hadBacklog = false;
    for (;;) {
      const isDone = this.#queue.length > 0 ? await this.#writeQueue() : await this.#writeBacklog();
      hadBacklog ||= !this.#backlog.isEmpty;
      if (!isDone && this.#closing.signal.aborted) return;
      if (this.#queue.length === 0 && this.#backlog.isEmpty) break;
    }
    if (hadBacklog)
      this.#log.info({ lost: this.#lost }, "The store of calls is back and has taken all writes that waited");
  }

  async #writeQueue(): Promise<boolean> {
    const batch = nextBatch(this.#queue, 0);
    const slow = setTimeout(() => this.#moveToBacklog(), SLOW_MS);
    const isWritten = await this.#write(batch);
    clearTimeout(slow);
    if (!isWritten) {
      this.#moveToBacklog();
      await this.#wait();
    } else if (this.#queue[0] === batch[0]) {
      this.#queue.splice(0, batch.length);
      for (const { change } of batch) this.#queueBytes -= sizeOf(change);
    }
    return isWritten;
  }

  /** Writes its oldest part. */
  async #writeBacklog(): Promise<boolean> {
    const part = await this.#backlog.take();
    for (let done = 0; part && done < part.entries.length; ) {
      const batch = nextBatch(part.entries, done);
      if (await this.#write(batch)) {
        done += batch.length;
      } else {
        if (this.#closing.signal.aborted) return false;
        await this.#wait();
      }
    }
    await part?.done();
    return true;
  }

  /** @returns false if the store is away, and nothing of it may have been written. */
  async #write(batch: readonly Entry[]): Promise<boolean> {
    try {
      await this.#transact(batch.map(({ change }) => change));
    } catch (error) {
      if (!isRefused(error)) {
        this.#noteFailure(error);
        return false;
      }
      if (batch.length === 1) this.#lose("A write to the store of calls failed", describeError(error));
      // One change that cannot be stored must not take the others of its batch along.
      else for (const entry of batch) if (!(await this.#write([entry]))) return false;
    }
    this.#failures = 0;
    return true;
  }

  async #transact(changes: readonly Change[]): Promise<void> {
    const { db } = this.#database;
    const { finish, abandon, onEnded } = this.#options;
    const plain = changes.filter(isPlain);
    if (plain.length > 0) {
      await runAll(
        this.#database,
        plain.map((change) => toQuery(db, change)),
      );
      return;
    }
    await db.transaction().execute(async (trx) => {
      for (const change of changes) {
        if (change.do === "end") await finish(trx, change.id, change);
        else if (change.do === "abandon") await abandon(trx, change.instance);
      }
    });
    for (const change of changes) if (change.do === "end") onEnded?.(change.id);
  }

  #noteFailure(error: unknown): void {
    this.#failures += 1;
    const details = { ...describeError(error), folder: this.#backlog.folder };
    if (this.#failures === 1)
      this.#log.warn(details, "The store of calls is unavailable: writes wait until it is back");
    else this.#log.debug(details, "The store of calls is still away");
  }

  async #wait(): Promise<void> {
    const ms = this.#retriesMs[this.#failures - 1] ?? this.#retriesMs.at(-1) ?? 0;
    // Aborted by close(): then there is no time to wait.
    await delay(ms, undefined, { signal: this.#closing.signal }).catch(() => {});
  }

  #lose(message: string, details: object = {}): void {
    if (this.#lost % WARN_EVERY === 0) this.#log.warn({ ...details, lost: this.#lost + 1 }, message);
    this.#lost += 1;
  }
}

/** What is next from that place on, as far as it is of one kind. */
function nextBatch(entries: readonly Entry[], from: number): Entry[] {
  const batch = entries.slice(from, from + BATCH);
  const [first] = batch;
  const other = first ? batch.findIndex(({ change }) => isPlain(change) !== isPlain(first.change)) : -1;
  return other < 0 ? batch : batch.slice(0, other);
}
