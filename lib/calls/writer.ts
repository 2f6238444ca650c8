import { setTimeout as delay } from "node:timers/promises";
import type { Compilable } from "kysely";
import type { Logger } from "pino";
import { describeError } from "../errors.ts";
import { type Database, isRefused, runAll } from "./store/database.ts";
import type { Db } from "./store/schema.ts";

/** Most writes waiting; at 300 busy calls about a minute's worth, and some ten MB. */
const DEFAULT_LIMIT = 10_000;
/** How long the first write waits for others, ms: a transaction of many costs little more than one of a single write. */
const GATHER_MS = 200;
/** Most writes in one transaction: SQLite writes as fast as this makes it, and nothing waits behind a batch for long. */
const BATCH = 100;
/** A store that is down is tried again after so long, ms; then each write gets one more try by itself. */
const RETRIES_MS = [100, 400, 1_600, 5_000];
/** One warning for so many lost writes. */
const WARN_EVERY = 100;

/** A write that is one query. */
export type Write = (db: Db) => Compilable;
/** A write that has to read first. */
export type Work = (db: Db) => Promise<unknown>;
type Entry = { kind: "query"; write: Write } | { kind: "work"; work: Work; done: () => void };

export type WriterOptions = {
  /** Most writes waiting. */
  limit?: number;
  /** Waits before another try, ms. */
  retriesMs?: readonly number[];
};

/**
 * The one queue between the calls of this process and their store. Pushing never waits: a store that is slow makes
 * the queue longer, one that is full or broken loses writes, counts them and says so; the calls go on.
 */
export class CallWriter {
  readonly #database: Database;
  readonly #log: Logger;
  readonly #limit: number;
  readonly #retriesMs: readonly number[];
  readonly #queue: Entry[] = [];
  readonly #closing = new AbortController();
  #running: Promise<void> | null = null;
  #lost = 0;

  constructor(database: Database, log: Logger, options: WriterOptions = {}) {
    this.#database = database;
    this.#log = log;
    this.#limit = options.limit ?? DEFAULT_LIMIT;
    this.#retriesMs = options.retriesMs ?? RETRIES_MS;
  }

  /** Writes that will never be in the store. */
  get lost(): number {
    return this.#lost;
  }

  get waiting(): number {
    return this.#queue.length;
  }

  /** Queues a write. @returns false if it is lost because the queue is full. */
  push(write: Write): boolean {
    if (this.#queue.length >= this.#limit) {
      this.#lose("The store of calls is too slow, its queue is full");
      return false;
    }
    this.#add({ kind: "query", write });
    return true;
  }

  /** Queues the last write of a call. It is never refused: there is only one for each call. `done` runs once it is stored. */
  pushLast(work: Work, done: () => void): void {
    this.#add({ kind: "work", work, done });
  }

  /** Resolves when everything pushed so far is stored or lost. */
  async flush(): Promise<void> {
    while (this.#running) await this.#running;
  }

  /** Writes what is left, without waiting for a store that is down. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.flush();
  }

  #add(entry: Entry): void {
    this.#queue.push(entry);
    this.#running ??= this.#drain().finally(() => {
      this.#running = null;
    });
  }

  async #drain(): Promise<void> {
    // Aborted by close(): then nothing more will come.
    await delay(GATHER_MS, undefined, { signal: this.#closing.signal }).catch(() => {});
    while (this.#queue.length > 0) {
      const batch = this.#nextBatch();
      if (!(await this.#writeTogether(batch))) for (const entry of batch) await this.#writeAlone(entry);
      this.#queue.splice(0, batch.length);
    }
  }

  /** What is next, as far as it is of one kind. */
  #nextBatch(): Entry[] {
    const batch = this.#queue.slice(0, BATCH);
    const other = batch.findIndex(({ kind }) => kind !== batch[0]?.kind);
    return other < 0 ? batch : batch.slice(0, other);
  }

  async #writeTogether(batch: readonly Entry[]): Promise<boolean> {
    for (const wait of [...this.#retriesMs, null]) {
      try {
        await this.#transact(batch);
        return true;
      } catch (error) {
        if (wait === null || this.#closing.signal.aborted || isRefused(error)) break;
        this.#log.warn({ ...describeError(error), retryInMs: wait }, "Writing to the store of calls failed");
        // Aborted by close(): then there is no time to wait, only to try.
        await delay(wait, undefined, { signal: this.#closing.signal }).catch(() => {});
      }
    }
    return false;
  }

  /** One write that cannot be stored must not take the others of its batch along. */
  async #writeAlone(entry: Entry): Promise<void> {
    try {
      await this.#transact([entry]);
    } catch (error) {
      this.#lose("A write to the store of calls failed", describeError(error));
    }
  }

  async #transact(entries: readonly Entry[]): Promise<void> {
    const { db } = this.#database;
    const queries = entries.filter((entry) => entry.kind === "query");
    if (queries.length > 0) {
      await runAll(
        this.#database,
        queries.map(({ write }) => write(db).compile()),
      );
    }
    const works = entries.filter((entry) => entry.kind === "work");
    if (works.length > 0) {
      await db.transaction().execute(async (trx) => {
        for (const { work } of works) await work(trx);
      });
    }
    for (const { done } of works) done();
  }

  #lose(message: string, details: object = {}): void {
    if (this.#lost % WARN_EVERY === 0) this.#log.warn({ ...details, lost: this.#lost + 1 }, message);
    this.#lost += 1;
  }
}
