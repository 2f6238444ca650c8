import type { Logger } from "pino";
import type { Config } from "../config.ts";
import { describeError } from "../errors.ts";
import type { Llm } from "../llm/client.ts";
import { HEARTBEAT_MS, Instance } from "./instance.ts";
import type { CallOutcome, CallStart } from "./record.ts";
import { type Database, openDatabase } from "./store/database.ts";
import type { Db } from "./store/schema.ts";
import { deleteCallsBefore, finishCall, insertCall } from "./store/write.ts";
import { SUMMARY_TIMEOUT_MS, Summaries } from "./summary.ts";
import { queueWebhook, Webhooks } from "./webhook.ts";
import { CallWriter } from "./writer.ts";

const DAY_MS = 24 * 3_600_000;
const RETENTION_EVERY_MS = 3_600_000;

export type CallStoreOptions = {
  config: Pick<
    Config,
    | "DATABASE_URL"
    | "RETENTION_DAYS"
    | "POST_CALL_SUMMARY"
    | "SUMMARY_MODEL"
    | "WEBHOOK_URL"
    | "WEBHOOK_SECRET"
  >;
  llm: Llm;
  log: Logger;
};

/** The record of all calls: the database, the queue in front of it, and what is done with a call that has ended. */
export class CallStore {
  readonly database: Database;
  readonly writer: CallWriter;
  readonly #log: Logger;
  readonly #instance: Instance;
  readonly #retentionDays: number;
  readonly #summaries: Summaries | null;
  readonly #webhooks: Webhooks | null;
  readonly #closing = new AbortController();
  readonly #timers: NodeJS.Timeout[] = [];
  #chores: Promise<void> = Promise.resolve();

  constructor(database: Database, { config, llm, log }: CallStoreOptions) {
    const { db } = database;
    const { WEBHOOK_URL: url, WEBHOOK_SECRET: secret, SUMMARY_MODEL: model } = config;
    this.database = database;
    this.writer = new CallWriter(database, log);
    this.#log = log;
    this.#instance = new Instance(database, log, (...call) => this.#finish(...call));
    this.#retentionDays = config.RETENTION_DAYS;
    this.#summaries = config.POST_CALL_SUMMARY ? new Summaries({ db, llm, model, log }) : null;
    this.#webhooks = url && secret ? new Webhooks({ db, url, secret, log }) : null;
  }

  /** Joins the servers on this database: ends the calls of those that crashed, and goes on with what was left to do. */
  async start(): Promise<void> {
    await this.#instance.beat(Date.now());
    this.#every(HEARTBEAT_MS, () => this.#instance.beat(Date.now()));
    this.#webhooks?.start();
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
    this.writer.pushLast(
      (db) => this.#finish(db, sessionId, outcome),
      () => this.#afterCall(sessionId),
    );
  }

  /** Stores what waits, and closes the database. */
  async close(): Promise<void> {
    this.#closing.abort();
    for (const timer of this.#timers) clearInterval(timer);
    await this.#chores;
    await this.#summaries?.close();
    await this.writer.close();
    await this.#webhooks?.close();
    await this.#instance.leave().catch((error: unknown) => this.#warn(error));
    await this.database.db.destroy();
  }

  async #finish(db: Db, sessionId: string, outcome: CallOutcome): Promise<void> {
    const ended = await finishCall(db, sessionId, outcome);
    // A summary goes with the news if it comes in time, and does not hold it up for good if it never comes.
    const wait = this.#summaries ? SUMMARY_TIMEOUT_MS : 0;
    if (ended && this.#webhooks) await queueWebhook(db, sessionId, Date.now() + wait);
  }

  #afterCall(sessionId: string): void {
    if (this.#summaries)
      this.#summaries.add(sessionId, () => this.#chore(async () => this.#webhooks?.release(sessionId)));
    else this.#webhooks?.wake();
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
export async function openCallStore(options: CallStoreOptions): Promise<CallStore> {
  const database = await openDatabase(options.config.DATABASE_URL, options.log);
  const store = new CallStore(database, options);
  await store.start();
  return store;
}
