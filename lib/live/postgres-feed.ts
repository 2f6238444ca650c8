import { randomUUID } from "node:crypto";
import type pg from "pg";
import type { Logger } from "pino";
import { describeError } from "../errors.ts";
import { Sightings } from "../sightings.ts";
import { now } from "../wire/events.ts";
import { type LiveEvent, liveEventAsStored, type NumberedEvent } from "./live-event.ts";
import type { LiveFeed, OrderHandler } from "./live-feed.ts";
import { type Notification, PostgresListener } from "./postgres-listener.ts";
import { ANSWERS, ORDERS, PostgresOrders } from "./postgres-orders.ts";
import {
  deleteOldLiveRows,
  EVENTS,
  forgetInstance,
  instances,
  makeLiveTables,
  openCallsOf,
  reopenCalls,
  STORING_EVENTS,
  sayAlive,
} from "./postgres-tables.ts";
import type { SupervisorCommand } from "./supervisor-command.ts";
import { thin } from "./thin.ts";

/** How long events are gathered before they are stored, ms. */
const GATHER_MS = 50;
/** How long to wait after a failure, ms. */
const RETRY_AFTER_MS = 1_000;
/** Most events that wait for a slow database; then viewers lose the oldest news. The record has a queue of its own. */
const MAX_WAITING = 10_000;
/** They are thinned out when there are so many more, and not for each. */
const THIN_EVERY = 1_000;
/** Events stored in one query. */
const STORE_AT_ONCE = 1_000;
/** Events read in one query. */
const READ_AT_ONCE = 1_000;
/** How often old rows are deleted, ms. */
const CLEAN_EVERY_MS = 10 * 60_000;

type Row = { id: string | number; body: string };

/**
 * Opens the feed that all servers on this database share. Rejects when the database cannot be used.
 * @param beatEveryMs how often this server says that it is there, ms.
 */
export async function openPostgresFeed(pool: pg.Pool, log: Logger, beatEveryMs: number): Promise<LiveFeed> {
  await makeLiveTables(pool);
  const feed = new PostgresFeed(pool, log);
  await feed.start(beatEveryMs);
  return feed;
}

/**
 * Events go into a table and come back to every server, in the order of their ids: they are stored one batch
 * after the other, so that a lower id is never seen after a higher one.
 */
class PostgresFeed implements LiveFeed {
  startId = 0;
  history: LiveEvent[] = [];
  readonly #pool: pg.Pool;
  readonly #log: Logger;
  readonly #instance = randomUUID();
  readonly #orders: PostgresOrders;
  readonly #listener: PostgresListener;
  readonly #listeners: ((event: NumberedEvent) => void)[] = [];
  readonly #sightings = new Sightings();
  /** The calls of this server that go on. */
  readonly #running = new Set<string>();
  #waiting: LiveEvent[] = [];
  /** What is being stored, or perhaps was: sent again as it is until the database says so. `first` is its first's number. */
  #batch: { first: number; events: readonly LiveEvent[] } = { first: 0, events: [] };
  #isThinned = false;
  #isFailing = false;
  #isBeating = false;
  #lastId = 0;
  #storeTimer: NodeJS.Timeout | null = null;
  readonly #timers: NodeJS.Timeout[] = [];
  #storing: Promise<void> = Promise.resolve();
  #reading: Promise<void> | null = null;
  #readAgain = false;
  #closed = false;

  constructor(pool: pg.Pool, log: Logger) {
    this.#pool = pool;
    this.#log = log;
    this.#orders = new PostgresOrders(pool);
    this.#listener = new PostgresListener({
      pool,
      channels: [EVENTS, ORDERS, ANSWERS],
      log,
      onNotification: (notification) => this.#hear(notification),
      onReconnect: () => this.#read(),
    });
  }

  async start(beatEveryMs: number): Promise<void> {
    await this.#listener.start();
    await sayAlive(this.#pool, this.#instance);
    const { rows: last } = await this.#pool.query<Pick<Row, "id">>("select max(id) as id from live_events");
    this.startId = Number(last[0]?.id ?? 0);
    this.#lastId = this.startId;
    const { rows } = await this.#pool.query<Row>(
      `select id, body from live_events e
       where id <= $1
         and not exists (select from live_events x where x.session_id = e.session_id and x.type = 'call.ended')
       order by id`,
      [this.startId],
    );
    this.history = rows.map(({ body }) => readEvent(body));
    this.#timers.push(
      setInterval(() => this.#beatSoon(), beatEveryMs),
      setInterval(() => this.#own(deleteOldLiveRows(this.#pool)), CLEAN_EVERY_MS),
    );
    this.#read();
  }

  publish(event: LiveEvent): void {
    if (this.#closed) return;
    if (event.type === "call.started") this.#running.add(event.sessionId);
    if (event.type === "call.ended") this.#running.delete(event.sessionId);
    this.#waiting.push(event);
    if (this.#waiting.length > MAX_WAITING + THIN_EVERY) this.#thin();
    this.#storeTimer ??= setTimeout(() => this.#storeSoon(), GATHER_MS);
  }

  onEvent(listener: (event: NumberedEvent) => void): void {
    this.#listeners.push(listener);
  }

  order(sessionId: string, command: SupervisorCommand): Promise<void> {
    return this.#orders.give(sessionId, command);
  }

  onOrder(handler: OrderHandler): void {
    this.#orders.handler = handler;
  }

  /** Stores what waits and leaves the others. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const timer of this.#timers) clearInterval(timer);
    this.#storeSoon();
    await this.#storing;
    this.#listener.close();
    await this.#reading;
    await this.#pool
      .query("delete from live_instances where id = $1", [this.#instance])
      .catch((error: unknown) => this.#warn(error));
  }

  #hear({ channel, payload }: Notification): void {
    if (channel === EVENTS) this.#read();
    else if (channel === ORDERS) this.#own(this.#orders.carryOut(payload));
    else this.#own(this.#orders.readAnswer(payload));
  }

  #storeSoon(): void {
    if (this.#storeTimer) clearTimeout(this.#storeTimer);
    this.#storeTimer = null;
    // One batch at a time, so that a call's events stay in their order.
    this.#storing = this.#storing.then(() => this.#store());
  }

  async #store(): Promise<void> {
    if (this.#batch.events.length === 0) {
      this.#batch = { ...this.#batch, events: this.#waiting.slice(0, STORE_AT_ONCE) };
      this.#waiting = this.#waiting.slice(STORE_AT_ONCE);
    }
    const { first, events } = this.#batch;
    if (events.length === 0) return;
    try {
      await this.#insert(events, first);
      this.#batch = { first: first + events.length, events: [] };
      this.#isFailing = false;
      this.#isThinned = false;
    } catch (error) {
      if (!this.#isFailing) this.#warn(error);
      this.#isFailing = true;
    }
    if (this.#closed && this.#isFailing) return;
    if (this.#waiting.length === 0 && this.#batch.events.length === 0) return;
    if (this.#closed) return this.#store();
    this.#storeTimer ??= setTimeout(() => this.#storeSoon(), this.#isFailing ? RETRY_AFTER_MS : 0);
  }

  async #insert(events: readonly LiveEvent[], first: number): Promise<void> {
    // The lock is taken before the first id is, and held until the batch can be seen by all.
    await this.#pool.query(
      `with my_turn as materialized (select pg_advisory_xact_lock($1)),
       stored as (
         insert into live_events (instance, number, session_id, type, body)
         select $2, $6 + e.n, e.session_id, e.type, e.body
         from my_turn, unnest($3::text[], $4::text[], $5::text[]) with ordinality as e (session_id, type, body, n)
         order by e.n
         on conflict (instance, number) do nothing
         returning id
       )
       select pg_notify('${EVENTS}', max(id)::text) from stored having max(id) is not null`,
      [
        STORING_EVENTS,
        this.#instance,
        events.map(({ sessionId }) => sessionId),
        events.map(({ type }) => type),
        events.map((event) => JSON.stringify(event)),
        first,
      ],
    );
  }

  /** Reads what is new; asked for while it reads, it reads once more. */
  #read(): void {
    if (this.#closed) return;
    if (this.#reading) {
      this.#readAgain = true;
      return;
    }
    this.#reading = this.#readNew()
      .catch((error: unknown) => this.#warn(error))
      .finally(() => {
        this.#reading = null;
        if (!this.#readAgain) return;
        this.#readAgain = false;
        this.#read();
      });
  }

  async #readNew(): Promise<void> {
    for (;;) {
      const { rows } = await this.#pool.query<Row>(
        "select id, body from live_events where id > $1 order by id limit $2",
        [this.#lastId, READ_AT_ONCE],
      );
      for (const { id, body } of rows) {
        this.#lastId = Number(id);
        const event = readEvent(body);
        for (const listener of this.#listeners) listener({ id: this.#lastId, event });
        if (event.type === "call.ended" && this.#running.has(event.sessionId))
          this.#takeBack(event.sessionId);
      }
      if (rows.length < READ_AT_ONCE) return;
    }
  }

  /** One at a time: a database that hangs makes those that would have come meanwhile one. */
  #beatSoon(): void {
    if (this.#isBeating) return;
    this.#isBeating = true;
    const beat = this.#beat().catch((error: unknown) => {
      this.#sightings.reset();
      throw error;
    });
    this.#own(
      beat.finally(() => {
        this.#isBeating = false;
      }),
    );
  }

  /** The others took this server for gone, and its calls for crashed. */
  #takeBack(sessionId: string): void {
    this.#log.warn({ sessionId }, "This server was taken for gone; its calls go on");
    const reopen = () => reopenCalls(this.#pool, [sessionId]);
    this.#storing = this.#storing.then(reopen).catch((error: unknown) => this.#warn(error));
  }

  /** Says that this server is there, and ends the calls of those that are not any more. */
  async #beat(): Promise<void> {
    await sayAlive(this.#pool, this.#instance);
    const signs = await instances(this.#pool);
    for (const gone of this.#sightings.look(signs)) {
      if (gone === this.#instance) continue;
      // One of the others is faster, or it has come back in this moment.
      if (!(await forgetInstance(this.#pool, gone, signs.get(gone) ?? ""))) continue;
      for (const { sessionId, startedMs } of await openCallsOf(this.#pool, gone)) {
        const durationMs = Math.round(Date.now() - startedMs);
        this.publish({ type: "call.ended", at: now(), sessionId, reason: "crashed", durationMs });
      }
    }
  }

  #thin(): void {
    this.#waiting = thin(this.#waiting, MAX_WAITING);
    if (!this.#isThinned) this.#log.warn("The database does not keep up: viewers lose live events");
    this.#isThinned = true;
  }

  /** What fails here costs viewers something, and calls nothing. */
  #own(promise: Promise<void>): void {
    promise.catch((error: unknown) => this.#warn(error));
  }

  #warn(error: unknown): void {
    this.#log.warn(describeError(error), "The live stream's database failed");
  }
}

function readEvent(body: string): LiveEvent {
  return liveEventAsStored.parse(JSON.parse(body));
}
