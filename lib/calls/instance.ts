import { randomUUID } from "node:crypto";
import type { Logger } from "pino";
import { Sightings } from "../sightings.ts";
import type { CallOutcome } from "./record.ts";
import type { Database } from "./store/database.ts";
import type { Db } from "./store/schema.ts";
import { reopenCall } from "./store/write.ts";

/** Calls asked for in one query. */
const IDS_AT_ONCE = 500;

export type InstanceOptions = {
  database: Database;
  log: Logger;
  /** Ends a call, in a transaction. @returns whether it was for this to end it. */
  finish: (db: Db, sessionId: string, outcome: CallOutcome) => Promise<boolean>;
  /** The calls of this process that go on. */
  running: ReadonlySet<string>;
  /** Told of those that are alive, at every beat: what the others have left behind is anybody's. */
  onBeat?: (alive: ReadonlySet<string>) => Promise<void>;
};

/** This process among those that write to the store. Its calls are its own until it is gone. */
export class Instance {
  readonly id = randomUUID();
  readonly #options: InstanceOptions;
  readonly #sightings = new Sightings();
  /** Whether its calls may have been taken for crashed. */
  #mustTakeBack = false;
  #hasBeen = false;

  constructor(options: InstanceOptions) {
    this.#options = options;
  }

  /** Says that this process is alive, and ends the calls of those that are not. `HEARTBEAT_MS` is for how often. */
  async beat(): Promise<void> {
    try {
      await this.#beat();
    } catch (error) {
      this.#sightings.reset();
      throw error;
    }
  }

  /** The process ends, and its calls have. */
  async leave(): Promise<void> {
    await this.#options.database.db.deleteFrom("instances").where("id", "=", this.id).execute();
  }

  /** Ends the open calls of a server that is gone, and counts those once more that were ended without their last turns. */
  async abandon(db: Db, instance: string): Promise<void> {
    const calls = await db
      .selectFrom("calls")
      .select(["id", "started_at"])
      .where("instance", "=", instance)
      .where((or) => or.or([or("ended_at", "is", null), or("end_reason", "=", "crashed")]))
      .execute();
    for (const { id, started_at } of calls) {
      await reopenCall(db, id);
      const endedAt = await lastSign(db, id, started_at);
      await this.#options.finish(db, id, { endedAt, endReason: "crashed" });
    }
  }

  async #beat(): Promise<void> {
    const { db } = this.#options.database;
    await this.#sayAlive();
    if (this.#mustTakeBack) await this.#takeBack();
    const instances = await db.selectFrom("instances").selectAll().execute();
    const missed = this.#sightings.look(new Map(instances.map((each) => [each.id, `${each.heartbeat_at}`])));
    const gone = instances.filter(
      (each) => each.id !== this.id && (missed.includes(each.id) || this.#isDead(each)),
    );
    for (const { id, heartbeat_at } of gone) {
      // It may have come back in this moment.
      await db
        .deleteFrom("instances")
        .where("id", "=", id)
        .where("heartbeat_at", "=", heartbeat_at)
        .execute();
    }
    const alive = await db.selectFrom("instances").select("id").execute();
    const ids = new Set(alive.map(({ id }) => id));
    await this.#options.onBeat?.(ids);
    await this.#finishCrashedCalls([...ids]);
  }

  async #sayAlive(): Promise<void> {
    const { db } = this.#options.database;
    const heartbeat_at = Date.now();
    const { numUpdatedRows } = await db
      .updateTable("instances")
      .set({ heartbeat_at })
      .where("id", "=", this.id)
      .executeTakeFirst();
    if (numUpdatedRows > 0n) return;
    // Its row is gone, unless there was none: the others took this process for gone, and its calls for crashed.
    this.#mustTakeBack = this.#hasBeen;
    await db.insertInto("instances").values({ id: this.id, pid: process.pid, heartbeat_at }).execute();
    this.#hasBeen = true;
  }

  async #takeBack(): Promise<void> {
    const { database, log, running } = this.#options;
    const { db } = database;
    let calls = 0;
    for (let ids = [...running]; ids.length > 0; ids = ids.slice(IDS_AT_ONCE)) {
      const crashed = await db
        .selectFrom("calls")
        .select("id")
        .where("id", "in", ids.slice(0, IDS_AT_ONCE))
        .where("end_reason", "=", "crashed")
        .execute();
      for (const { id } of crashed) await db.transaction().execute((trx) => reopenCall(trx, id));
      calls += crashed.length;
    }
    this.#mustTakeBack = false;
    log.warn({ calls }, "This server was taken for gone; its calls go on");
  }

  async #finishCrashedCalls(alive: readonly string[]): Promise<void> {
    const { database, log, finish } = this.#options;
    const { db } = database;
    const open = await db
      .selectFrom("calls")
      .select(["id", "started_at", "instance"])
      .where("ended_at", "is", null)
      .where("instance", "not in", alive)
      .execute();
    let calls = 0;
    for (const { id, started_at, instance } of open) {
      await db.transaction().execute(async (trx) => {
        const back = await trx
          .selectFrom("instances")
          .select("id")
          .where("id", "=", instance)
          .executeTakeFirst();
        if (back) return;
        const endedAt = await lastSign(trx, id, started_at);
        if (await finish(trx, id, { endedAt, endReason: "crashed" })) calls += 1;
      });
    }
    if (calls > 0) log.warn({ calls }, "Ended calls whose server was gone");
  }

  /**
   * A file belongs to one machine, so its processes can be asked for: a server that was killed and started again need
   * not wait. In a container it may even have been given the same number.
   */
  #isDead({ pid }: { pid: number }): boolean {
    return this.#options.database.kind === "sqlite" && (pid === process.pid || !isRunning(pid));
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
