import { randomUUID } from "node:crypto";
import type { Logger } from "pino";
import type { CallOutcome } from "./record.ts";
import type { Database } from "./store/database.ts";
import type { Db } from "./store/schema.ts";

/** A process says so often that it is alive, ms. */
export const HEARTBEAT_MS = 15_000;
/** And counts as gone when it has not for so long, ms: a long pause of the machine is no crash. */
export const GONE_AFTER_MS = 60_000;

type FinishCall = (db: Db, sessionId: string, outcome: CallOutcome) => Promise<unknown>;

/** This process among those that write to the store. Its calls are its own until it is gone. */
export class Instance {
  readonly id = randomUUID();
  readonly #database: Database;
  readonly #log: Logger;
  readonly #finish: FinishCall;

  /** @param finish ends a call, in a transaction. */
  constructor(database: Database, log: Logger, finish: FinishCall) {
    this.#database = database;
    this.#log = log;
    this.#finish = finish;
  }

  /** Says that this process is alive, and ends the calls of those that are not. */
  async beat(now: number): Promise<void> {
    const { db } = this.#database;
    await db
      .insertInto("instances")
      .values({ id: this.id, pid: process.pid, heartbeat_at: now })
      .onConflict((conflict) => conflict.column("id").doUpdateSet({ heartbeat_at: now }))
      .execute();
    await this.#finishCrashedCalls(now);
  }

  /** The process ends, and its calls have. */
  async leave(): Promise<void> {
    await this.#database.db.deleteFrom("instances").where("id", "=", this.id).execute();
  }

  async #finishCrashedCalls(now: number): Promise<void> {
    const { db } = this.#database;
    const instances = await db.selectFrom("instances").selectAll().execute();
    const gone = instances.filter((other) => this.#isGone(other, now)).map(({ id }) => id);
    const alive = instances.map(({ id }) => id).filter((id) => !gone.includes(id));
    const open = await db
      .selectFrom("calls")
      .select(["id", "started_at"])
      .where("ended_at", "is", null)
      .where("instance", "not in", alive)
      .execute();
    for (const { id, started_at } of open) {
      const endedAt = await lastSign(db, id, started_at);
      await db.transaction().execute((trx) => this.#finish(trx, id, { endedAt, endReason: "crashed" }));
    }
    if (open.length > 0) this.#log.warn({ calls: open.length }, "Ended calls whose server was gone");
    if (gone.length > 0) await db.deleteFrom("instances").where("id", "in", gone).execute();
  }

  #isGone(
    { id, pid, heartbeat_at }: { id: string; pid: number; heartbeat_at: number },
    now: number,
  ): boolean {
    if (id === this.id) return false;
    if (now - heartbeat_at > GONE_AFTER_MS) return true;
    // A file belongs to one machine, so its processes can be asked for: a server that was killed and started again
    // need not wait. In a container it may even have been given the same number.
    return this.#database.kind === "sqlite" && (pid === process.pid || !isRunning(pid));
  }
}

/** When the call was last heard of: its last turn, or its start, epoch ms. */
async function lastSign(db: Db, sessionId: string, startedAt: number): Promise<number> {
  const last = await db
    .selectFrom("turns")
    .select(({ fn }) => fn.max("offset_ms").as("offset_ms"))
    .where("session_id", "=", sessionId)
    .executeTakeFirst();
  return startedAt + (last?.offset_ms ?? 0);
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // It is there, and another user's.
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}
