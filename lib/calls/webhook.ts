import { setTimeout as delay } from "node:timers/promises";
import type { Logger } from "pino";
import { describeError } from "../errors.ts";
import { doubling } from "./news/back-off.ts";
import type { Receiver, Refusal } from "./news/receiver.ts";
import { reportCall } from "./report.ts";
import { readCall } from "./store/read.ts";
import type { Db } from "./store/schema.ts";
import { toWire } from "./wire.ts";

const FIRST_RETRY_MS = 10_000;
const MAX_RETRY_MS = 3_600_000;
/** A server that takes a delivery on has it to itself for so long, ms. */
const LEASE_MS = 60_000;
/** How often to look for deliveries that another server has left behind, ms. */
const LOOK_EVERY_MS = 60_000;
const AT_ONCE = 4;

export type WebhookOptions = {
  db: Db;
  /** Nobody else's: it is closed with this. */
  receiver: Receiver;
  log: Logger;
  /** Wait after the nth failed try, ms. */
  retryMs?: (tries: number) => number;
};

/** The wait after the nth failed try: doubling from 10 s to an hour, ms. */
export const backOff = doubling(FIRST_RETRY_MS, MAX_RETRY_MS);

/**
 * Queues the news that a call has ended, in the transaction that ends it. `at`: not before this, epoch ms. The news of an
 * end that was another server's guess, if nobody has been told of it yet, is this news now.
 */
export async function queueWebhook(db: Db, sessionId: string, at: number): Promise<void> {
  await db
    .insertInto("webhooks")
    .values({ session_id: sessionId, attempts: 0, next_at: at })
    .onConflict((queued) => queued.column("session_id").doUpdateSet({ attempts: 0, next_at: at }))
    .execute();
}

/**
 * Tells `WEBHOOK_URL` of every call that has ended, with its report. What waits is in the store: it outlives the
 * process, and is tried until the receiver answers with 2xx or the call is deleted.
 */
export class Webhooks {
  readonly #options: WebhookOptions;
  readonly #retryMs: (tries: number) => number;
  readonly #closing = new AbortController();
  #woken = new AbortController();
  #loop: Promise<void> | null = null;

  constructor(options: WebhookOptions) {
    this.#options = options;
    this.#retryMs = options.retryMs ?? backOff;
  }

  start(): void {
    this.#loop = this.#run();
  }

  /** There is something to deliver now. */
  wake(): void {
    this.#woken.abort();
  }

  /** The call's news need not wait any longer. */
  async release(sessionId: string): Promise<void> {
    await this.#options.db
      .updateTable("webhooks")
      .set({ next_at: Date.now() })
      .where("session_id", "=", sessionId)
      .where("attempts", "=", 0)
      .execute();
    this.wake();
  }

  /** The news of calls whose server is gone waits for nothing any more: what it was to follow went with that server. */
  async releaseAbandoned(alive: ReadonlySet<string>): Promise<void> {
    const { db } = this.#options;
    const now = Date.now();
    const released = await db
      .updateTable("webhooks")
      .set({ next_at: now })
      .where("attempts", "=", 0)
      .where("next_at", ">", now)
      .where("session_id", "in", (calls) =>
        calls
          .selectFrom("calls")
          .select("id")
          .where("instance", "not in", [...alive]),
      )
      .executeTakeFirst();
    if (released.numUpdatedRows > 0n) this.wake();
  }

  /** Breaks off what is under way; the next start goes on with it. */
  async close(): Promise<void> {
    this.#closing.abort();
    this.wake();
    await this.#loop;
    await this.#options.receiver.close();
  }

  async #run(): Promise<void> {
    const { log } = this.#options;
    while (!this.#closing.signal.aborted) {
      this.#woken = new AbortController();
      let wait = LOOK_EVERY_MS;
      try {
        wait = await this.#deliverDue();
      } catch (error) {
        log.warn(describeError(error), "Looking for webhooks to deliver failed");
      }
      // Woken, now or meanwhile: then look at once.
      await delay(wait, undefined, { signal: this.#woken.signal, ref: false }).catch(() => {});
    }
  }

  /** @returns how long there is nothing to do, ms. */
  async #deliverDue(): Promise<number> {
    const { db } = this.#options;
    for (;;) {
      const due = await db
        .selectFrom("webhooks")
        .selectAll()
        .where("next_at", "<=", Date.now())
        .orderBy("next_at")
        .limit(AT_ONCE)
        .execute();
      if (due.length === 0 || this.#closing.signal.aborted) break;
      await Promise.all(due.map((row) => this.#deliver(row.session_id, row.attempts, row.next_at)));
    }
    const next = await db
      .selectFrom("webhooks")
      .select("next_at")
      .orderBy("next_at")
      .limit(1)
      .executeTakeFirst();
    return next ? Math.min(LOOK_EVERY_MS, Math.max(0, next.next_at - Date.now())) : LOOK_EVERY_MS;
  }

  async #deliver(sessionId: string, attempts: number, nextAt: number): Promise<void> {
    const { db, log } = this.#options;
    const row = db.updateTable("webhooks").where("session_id", "=", sessionId);
    const claimed = await row
      .set({ attempts: attempts + 1, next_at: Date.now() + LEASE_MS })
      // Somebody else may have taken it on since it was read.
      .where("next_at", "=", nextAt)
      .executeTakeFirst();
    if (claimed.numUpdatedRows === 0n) return;
    const failure = await this.#send(sessionId);
    if (failure === null) {
      await db.deleteFrom("webhooks").where("session_id", "=", sessionId).execute();
      return;
    }
    const closing = this.#closing.signal.aborted;
    const retryInMs = closing ? 0 : Math.max(this.#retryMs(attempts + 1), failure.retryAfterMs);
    await row.set({ next_at: Date.now() + retryInMs }).execute();
    if (!closing)
      log.warn(
        { sessionId, tries: attempts + 1, retryInMs, reason: failure.reason },
        "Webhook not delivered",
      );
  }

  /** @returns null when it was taken, else why not. */
  async #send(sessionId: string): Promise<Refusal | null> {
    const { db, receiver } = this.#options;
    const call = await readCall(db, sessionId);
    if (!call) return null;
    const report = toWire(reportCall(call));
    const body = JSON.stringify({ type: "call.ended", session_id: sessionId, call_id: call.callId, report });
    // A server that was taken for gone and came back ends its call once more, and that is news.
    const key = call.endReason === "crashed" ? `${sessionId}:crashed` : sessionId;
    return await receiver.post(body, key, this.#closing.signal);
  }
}
