import assert from "node:assert/strict";
import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import test, { afterEach, beforeEach, describe } from "node:test";
import type { CompiledQuery } from "kysely";
import { pino } from "pino";
import { insertCall, insertTurn } from "../../lib/calls/store/change.ts";
import { type Database, openDatabase } from "../../lib/calls/store/database.ts";
import { readCall } from "../../lib/calls/store/read.ts";
import type { Db } from "../../lib/calls/store/schema.ts";
import { StoreError } from "../../lib/calls/store/store-error.ts";
import { callRecord, userTurn } from "../support/call-records.ts";
import { deferred } from "../support/nodes.ts";
import { until } from "../support/recorded-calls.ts";
import { notStorable, type TestWriterOptions, writerFor } from "../support/writers.ts";

describe("the queue in front of the store", () => {
  let database: Database;
  let warnings: string[];
  let folder: string | null;
  /** What stands between the writer and its database: null lets everything through. */
  let gate: (() => Promise<void>) | null;
  const log = pino({ level: "warn" }, { write: (line: string) => warnings.push(JSON.parse(line).msg) });

  beforeEach(async () => {
    warnings = [];
    gate = null;
    folder = null;
    database = await openDatabase("file::memory:", log);
  });
  afterEach(async () => {
    await database.db.destroy();
    if (folder) await rm(folder, { recursive: true, force: true });
  });

  /** The database behind the gate. */
  function gated(): Database {
    const { db } = database;
    const passing = db.withPlugin({
      transformQuery: ({ node }) => node,
      transformResult: async ({ result }) => result,
    });
    const execute = passing.executeQuery.bind(passing);
    passing.executeQuery = async <R>(query: CompiledQuery<R>) => {
      await gate?.();
      return execute(query);
    };
    return { ...database, kind: "sqlite", pool: null, db: passing };
  }
  async function open(options: TestWriterOptions = {}) {
    const opened = await writerFor(gated(), { retriesMs: [1], log, ...(folder && { folder }), ...options });
    folder = opened.folder;
    return opened;
  }
  const away = async () => {
    throw new StoreError("failed", "SQLite: database or disk is full (SQLITE_FULL)");
  };
  const turn = (number: number) => insertTurn("call-1", userTurn(number, 0, null));
  const numbers = async () => {
    const rows = await database.db.selectFrom("turns").select("number").orderBy("number").execute();
    return rows.map(({ number }) => number);
  };
  const upTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1);
  const files = async () => (await readdir(folder ?? "")).sort();

  test("writes everything", async () => {
    const { writer } = await open();
    for (const number of upTo(250)) writer.push(turn(number));
    await writer.flush();
    assert.deepEqual(await numbers(), upTo(250));
    assert.equal(writer.behindMs, 0);
    assert.deepEqual(await files(), []);
  });

  test("loses one write that cannot be stored, and none of the others", async () => {
    const { writer } = await open();
    for (const each of [turn(1), notStorable("call-1", 2), turn(3)]) writer.push(each);
    await writer.flush();
    assert.deepEqual(await numbers(), [1, 3]);
    assert.equal(writer.lost, 1);
    assert.deepEqual(warnings, ["A write to the store of calls failed"]);
  });

  test("keeps everything in files while the store is away, and writes it in its order when it is back", async () => {
    const { writer } = await open();
    gate = away;
    writer.push(insertCall(callRecord(), "here"));
    for (const number of upTo(300)) writer.push(turn(number));
    await until(async () => (await files()).length === 1);
    assert.ok(writer.behindMs > 0);
    assert.ok(writer.backlogBytes > 10_000);
    for (const number of [301, 302]) writer.push(turn(number));
    writer.push({ do: "end", id: "call-1", endedAt: Date.now(), endReason: "idle" });
    gate = null;
    await writer.flush();
    assert.deepEqual(await numbers(), upTo(302));
    const call = await readCall(database.db, "call-1");
    assert.equal(call?.endReason, "idle");
    assert.equal(writer.lost, 0);
    assert.equal(writer.backlogBytes, 0);
    assert.deepEqual(await files(), []);
    assert.deepEqual(warnings, ["The store of calls is unavailable: writes wait until it is back"]);
  });

  test("keeps more than fits into memory in files, too", async () => {
    const { writer } = await open({ limit: 10 });
    const held = deferred();
    gate = () => held.promise;
    for (const number of upTo(100)) writer.push(turn(number));
    await until(async () => (await files()).length === 1);
    held.resolve();
    await writer.flush();
    assert.deepEqual(await numbers(), upTo(100));
  });

  test("loses what does not fit into the bound, counts it, and takes the end of a call all the same", async () => {
    const ended: string[] = [];
    const { writer } = await open({ maxBytes: 2_000, onEnded: (id) => ended.push(id) });
    gate = away;
    writer.push(insertCall(callRecord(), "here"));
    writer.push(turn(1));
    await until(async () => writer.backlogBytes > 0);
    const taken = upTo(20).filter((number) => writer.push(turn(number + 1)));
    assert.ok(taken.length > 0 && taken.length < 20, `${taken.length}`);
    assert.ok(writer.backlogBytes <= 2_000);
    assert.ok(writer.push({ do: "end", id: "call-1", endedAt: Date.now(), endReason: "idle" }));
    gate = null;
    await writer.flush();
    assert.equal(writer.lost, 20 - taken.length);
    assert.deepEqual(await numbers(), upTo(taken.length + 1));
    assert.deepEqual(ended, ["call-1"]);
    assert.ok(warnings.includes("The backlog of the store of calls is full"));
  });

  test("does not wait for a store that is away when the server stops: the next one writes what is left", async () => {
    const first = await open({ retriesMs: [3_600_000], owner: "first" });
    gate = away;
    first.writer.push(insertCall(callRecord(), "first"));
    first.writer.push(turn(1));
    await first.writer.close();
    assert.equal(first.writer.lost, 0);
    assert.equal((await files()).length, 1);
    gate = null;

    const abandoned: string[] = [];
    const abandon = async (db: Db, instance: string) => {
      // Everything of it is written by then.
      abandoned.push(`${instance} ${(await db.selectFrom("turns").select("number").execute()).length}`);
    };
    const next = await open({ owner: "next", abandon });
    await next.writer.adopt(new Set(["next", "first"]));
    await next.writer.flush();
    assert.deepEqual(await numbers(), []);
    await next.writer.adopt(new Set(["next"]));
    next.writer.push(turn(2));
    await next.writer.flush();
    assert.deepEqual(await numbers(), [1, 2]);
    assert.deepEqual(abandoned, ["first 1"]);
    assert.deepEqual(await files(), []);
  });

  test("does not wait for a store that does not answer when the server stops", async () => {
    const { writer } = await open();
    const held = deferred();
    gate = () => held.promise;
    writer.push(turn(1));
    await writer.close();
    assert.equal((await files()).length, 1);
    held.resolve();
    await writer.flush();
  });

  test("says what it loses when neither the store nor the disk takes it", async () => {
    const { writer } = await open({ folder: import.meta.filename });
    folder = null;
    gate = away;
    writer.push(turn(1));
    await writer.close();
    assert.equal(writer.lost, 1);
    assert.ok(
      warnings.includes("Writes that the store of calls did not take could not be kept in files either"),
    );
  });

  test("reads on behind half a line, which a process that was killed may leave", async () => {
    const first = await open({ owner: "first", retriesMs: [3_600_000] });
    gate = away;
    for (const number of [1, 2, 3]) first.writer.push(turn(number));
    await first.writer.close();
    const [name = ""] = await files();
    const path = join(folder ?? "", name);
    const text = await readFile(path, "utf8");
    await writeFile(path, text.slice(0, -20));
    gate = null;
    const next = await open({ owner: "next" });
    await next.writer.adopt(new Set());
    await next.writer.flush();
    assert.deepEqual(await numbers(), [1, 2]);
    assert.ok(warnings.includes("Lines that wait for the store of calls cannot be read"));
  });

  test("leaves the files of another database alone", async () => {
    const { writer } = await open();
    await writeFile(join(folder ?? "", "other.first.1.jsonl"), "[1,{}]\n");
    await writer.adopt(new Set());
    await writer.flush();
    assert.deepEqual(await files(), ["other.first.1.jsonl"]);
  });
});
