import type { Logger } from "pino";
import type { Config } from "../config.ts";
import { describeError } from "../errors.ts";
import { HEARTBEAT_MS, Instance } from "./instance.ts";
import type { CallOutcome, CallStart } from "./record.ts";
import { type Database, openDatabase } from "./store/database.ts";
import { deleteCallsBefore, finishCall, insertCall } from "./store/write.ts";
import { CallWriter } from "./writer.ts";

const DAY_MS = 24 * 3_600_000;
const RETENTION_EVERY_MS = 3_600_000;

/** The record of all calls: the database, the queue in front of it, and the chores that keep it in order. */
export class CallStore {
  readonly database: Database;
  readonly writer: CallWriter;
  readonly #log: Logger;
  readonly #instance: Instance;
  readonly #retentionDays: number;
  readonly #closing = new AbortController();
  readonly #timers: NodeJS.Timeout[] = [];
  #chores: Promise<void> = Promise.resolve();

  constructor(database: Database, config: Pick<Config, "RETENTION_DAYS">, log: Logger) {
    this.database = database;
    this.writer = new CallWriter(database.db, log);
    this.#log = log;
    this.#instance = new Instance(database, log);
    this.#retentionDays = config.RETENTION_DAYS;
  }

  /** Joins the servers on this database: ends the calls of those that crashed, and begins to clean up. */
  async start(): Promise<void> {
    await this.#instance.beat(Date.now());
    this.#every(HEARTBEAT_MS, () => this.#instance.beat(Date.now()));
    if (this.#retentionDays > 0) {
      const clean = () => this.#deleteOldCalls();
      this.#chore(clean);
      this.#every(RETENTION_EVERY_MS, clean);
    }
  }

  /** Queues the beginning of a call. @returns false if it is lost, and with it the call. */
  begin(start: CallStart): boolean {
    return this.writer.push((db) => insertCall(db, start, this.#instance.id));
  }

  /** Queues the end of a call. */
  finish(sessionId: string, outcome: CallOutcome): void {
    this.writer.pushLast((db) => finishCall(db, sessionId, outcome));
  }

  /** Stores what waits, and closes the database. */
  async close(): Promise<void> {
    this.#closing.abort();
    for (const timer of this.#timers) clearInterval(timer);
    await this.#chores;
    await this.writer.close();
    await this.#instance.leave().catch((error: unknown) => this.#warn(error));
    await this.database.db.destroy();
  }

  async #deleteOldCalls(): Promise<void> {
    const before = Date.now() - this.#retentionDays * DAY_MS;
    const deleted = await deleteCallsBefore(this.database.db, before, this.#closing.signal);
    if (deleted > 0) this.#log.info({ deleted }, `Deleted calls older than ${this.#retentionDays} days`);
  }

  #every(ms: number, chore: () => Promise<void>): void {
    this.#timers.push(setInterval(() => this.#chore(chore), ms).unref());
  }

  /** One chore at a time; one that fails is tried again when its time comes. */
  #chore(chore: () => Promise<void>): void {
    this.#chores = this.#chores
      .then(() => {
        if (!this.#closing.signal.aborted) return chore();
      })
      .catch((error: unknown) => this.#warn(error));
  }

  #warn(error: unknown): void {
    this.#log.warn(describeError(error), "A chore of the store of calls failed");
  }
}

/** Opens the store that `DATABASE_URL` names. Throws {@link StoreError} if it cannot be used. */
export async function openCallStore(config: Config, log: Logger): Promise<CallStore> {
  const database = await openDatabase(config.DATABASE_URL, log);
  const store = new CallStore(database, config, log);
  await store.start();
  return store;
}
