import type { Logger } from "pino";
import type { Config } from "../config.ts";
import { describeError } from "../errors.ts";
import type { Llm } from "../llm/client.ts";
import { applyPolicy, type TextPolicy } from "../text-policy.ts";
import { AFTER_CALL_TIMEOUT_MS, AfterCalls } from "./after-calls.ts";
import { Backlog, databaseKey } from "./backlog.ts";
import { Instance } from "./instance.ts";
import type { News } from "./news/news.ts";
import { Receiver } from "./news/receiver.ts";
import type { Price } from "./prices.ts";
import type { CallOutcome, CallStart } from "./record.ts";
import { loadForm, type ScoringForm } from "./review/form.ts";
import { insertCall } from "./store/change.ts";
import { type Database, openDatabase } from "./store/database.ts";
import type { Db } from "./store/schema.ts";
import { deleteCallsBefore, finishCall, indexOldCalls } from "./store/write.ts";
import { queueWebhook, Webhooks } from "./webhook.ts";
import { CallWriter } from "./writer.ts";

const DAY_MS = 24 * 3_600_000;
const RETENTION_EVERY_MS = 3_600_000;
/** How long what the database has not answered may hold up the end of the server, ms. */
const HANG_UP_AFTER_MS = 3_000;
/** Being behind for so long is worth a word, ms; writes are gathered, and a machine may be busy. */
const BEHIND_MS = 5_000;
const INDEX_BATCH = 50;
/** The news of a call's end waits for what comes before it, and that for an hour at most, ms. */
const HOLD_MS = 3_600_000;

export type CallStoreOptions = {
  config: Pick<
    Config,
    | "DATABASE_URL"
    | "RECORD_BACKLOG_FOLDER"
    | "RECORD_BACKLOG_BYTES"
    | "HEARTBEAT_MS"
    | "RETENTION_DAYS"
    | "POST_CALL_SUMMARY"
    | "POST_CALL_SCORE"
    | "SUMMARY_MODEL"
    | "WEBHOOK_URL"
    | "WEBHOOK_SECRET"
    | "WEBHOOK_EVENTS"
    | "WEBHOOK_ALLOW_PRIVATE"
    | "MODEL_PRICES"
    | "RECORD_TEXT"
  >;
  llm: Llm;
  /** What calls are scored by. */
  form: ScoringForm;
  /** What the webhook is told of calls before their end, if it is. */
  news?: Pick<News, "holds" | "whenTold"> | null;
  log: Logger;
};

/** The record of all calls: the database, the queue in front of it, and what is done with a call that has ended. */
export class CallStore {
  readonly database: Database;
  readonly writer: CallWriter;
  readonly prices: readonly Price[];
  readonly form: ScoringForm;
  readonly #text: TextPolicy;
  readonly #log: Logger;
  readonly #instance: Instance;
  readonly #beatEveryMs: number;
  readonly #retentionDays: number;
  /** The calls that go on. */
  readonly #running = new Set<string>();
  readonly #afterCalls: AfterCalls | null;
  readonly #webhooks: Webhooks | null;
  readonly #news: CallStoreOptions["news"];
  readonly #closing = new AbortController();
  readonly #timers: NodeJS.Timeout[] = [];
  #chores: Promise<void> = Promise.resolve();
  /** Nothing that takes long may come between two beats. */
  #beats: Promise<void> = Promise.resolve();
  #isBeating = false;

  constructor(database: Database, { config, llm, form, news = null, log }: CallStoreOptions) {
    const { db } = database;
    const { SUMMARY_MODEL: model } = config;
    this.database = database;
    this.prices = config.MODEL_PRICES;
    this.form = form;
    this.#text = config.RECORD_TEXT;
    this.#log = log;
    this.#instance = new Instance({
      database,
      log,
      running: this.#running,
      finish: (...call) => this.#finish(...call),
      onBeat: async (alive) => {
        await this.writer.adopt(alive);
        await this.#webhooks?.releaseAbandoned(alive);
      },
    });
    const { id: owner } = this.#instance;
    const isInMemory = config.DATABASE_URL === "file::memory:";
    const backlog = new Backlog({
      folder: config.RECORD_BACKLOG_FOLDER,
      maxBytes: config.RECORD_BACKLOG_BYTES,
      // A database in memory is nobody else's.
      key: isInMemory ? owner : databaseKey(config.DATABASE_URL),
      owner,
      log,
    });
    this.writer = new CallWriter(database, log, {
      backlog,
      finish: (...call) => this.#finish(...call),
      abandon: (...gone) => this.#instance.abandon(...gone),
      onEnded: (sessionId) => this.#afterCall(sessionId),
    });
    this.#beatEveryMs = config.HEARTBEAT_MS;
    this.#retentionDays = config.RETENTION_DAYS;
    const { POST_CALL_SUMMARY: sumUp, POST_CALL_SCORE: propose } = config;
    const asked = { db, llm, model, sumUp, form: propose ? form : null, log };
    this.#afterCalls = sumUp || propose ? new AfterCalls(asked) : null;
    const receiver = receiverOfEnds(config);
    this.#webhooks = receiver ? new Webhooks({ db, receiver, log }) : null;
    this.#news = news;
  }

  /** Joins the servers on this database: ends the calls of those that crashed, and goes on with what was left to do. */
  async start(): Promise<void> {
    await this.#instance.beat();
    this.#timers.push(setInterval(() => this.#beat(), this.#beatEveryMs).unref());
    this.#webhooks?.start();
    this.#chore(() => this.#indexOldCalls());
    if (this.#retentionDays > 0) {
      const clean = () => this.#deleteOldCalls();
      this.#chore(clean);
      this.#every(RETENTION_EVERY_MS, clean);
    }
  }

  /** Queues the beginning of a call. @returns false if it is lost, and with it the call. */
  begin(start: CallStart): boolean {
    const isTaken = this.writer.push(insertCall(start, this.#instance.id));
    if (isTaken) this.#running.add(start.sessionId);
    return isTaken;
  }

  /** Queues the end of a call. */
  finish(sessionId: string, outcome: CallOutcome): void {
    this.#running.delete(sessionId);
    this.writer.push({ do: "end", id: sessionId, ...outcome });
  }

  /** What may be kept of words, as `RECORD_TEXT` has it; null for nothing. */
  keepWords(text: string): string | null {
    return applyPolicy(text, this.#text);
  }

  /** How the record stands, for people: `up to date`, or `behind by N s`. */
  get state(): string {
    const { behindMs } = this.writer;
    return behindMs < BEHIND_MS ? "up to date" : `behind by ${Math.round(behindMs / 1_000)} s`;
  }

  /** The end of the server has begun: from soon on it waits for the database no more. `close` is to be called. */
  hurry(): void {
    this.#timers.push(setTimeout(() => this.database.hangUp(), HANG_UP_AFTER_MS).unref());
  }

  /** Stores what waits, and closes the database. */
  async close(): Promise<void> {
    this.#closing.abort();
    for (const timer of this.#timers.splice(0)) clearTimeout(timer);
    this.hurry();
    await this.writer.close();
    await this.#beats;
    await this.#chores;
    await this.#afterCalls?.close();
    await this.#webhooks?.close();
    await this.#instance.leave().catch((error: unknown) => this.#warn(error));
    await this.database.db.destroy();
    for (const timer of this.#timers) clearTimeout(timer);
  }

  /** @returns whether this has ended it. */
  async #finish(db: Db, sessionId: string, outcome: CallOutcome): Promise<boolean> {
    const ended = await finishCall(db, sessionId, outcome);
    // A summary goes with the news if it comes in time, and does not hold it up for good if it never comes.
    const summary = this.#afterCalls ? AFTER_CALL_TIMEOUT_MS : 0;
    const wait = this.#news?.holds(sessionId) ? HOLD_MS : summary;
    if (ended && this.#webhooks) await queueWebhook(db, sessionId, Date.now() + wait);
    return ended;
  }

  #afterCall(sessionId: string): void {
    if (this.#afterCalls) this.#afterCalls.add(sessionId, () => this.#release(sessionId));
    // Also when nothing of it waits any more: it may have when the end was stored.
    else this.#release(sessionId);
  }

  /** The news of a call's end may go when that of the call has. */
  #release(sessionId: string): void {
    const release = () => this.#chore(async () => this.#webhooks?.release(sessionId));
    if (this.#news) this.#news.whenTold(sessionId, release);
    else release();
  }

  /** One at a time: a database that hangs makes those that would have come meanwhile one. */
  #beat(): void {
    if (this.#isBeating) return;
    this.#isBeating = true;
    this.#beats = this.#instance
      .beat()
      .catch((error: unknown) => this.#warn(error))
      .finally(() => {
        this.#isBeating = false;
      });
  }

  /** Calls of before there was an index of words; in steps, so that nothing else has to wait long. */
  async #indexOldCalls(): Promise<void> {
    let indexed = 0;
    for (let step = 1; step > 0 && !this.#closing.signal.aborted; indexed += step) {
      step = await indexOldCalls(this.database.db, INDEX_BATCH);
    }
    if (indexed > 0) this.#log.info({ indexed }, "Calls of earlier versions can be searched now");
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
    this.#log.warn(describeError(error), "A background task of the store of calls failed");
  }
}

/** Who wants to be told of ended calls; null for nobody. */
function receiverOfEnds(config: CallStoreOptions["config"]): Receiver | null {
  const { WEBHOOK_URL: url, WEBHOOK_SECRET: secret, WEBHOOK_ALLOW_PRIVATE: allowPrivate } = config;
  if (url === undefined || secret === undefined || !config.WEBHOOK_EVENTS.includes("call.ended")) return null;
  return new Receiver({ url, secret, allowPrivate });
}

/**
 * Opens the store that `DATABASE_URL` names.
 * @throws {StoreError} if it cannot be used, {@link ConfigError} if the form of `SCORING_FORM` cannot.
 */
export async function openCallStore(
  options: Omit<CallStoreOptions, "form"> & { config: Pick<Config, "SCORING_FORM"> },
): Promise<CallStore> {
  const form = loadForm(options.config.SCORING_FORM);
  const database = await openDatabase(options.config.DATABASE_URL, options.log);
  const store = new CallStore(database, { ...options, form });
  await store.start();
  return store;
}
