import assert from "node:assert/strict";
import test, { afterEach, beforeEach, describe } from "node:test";
import { pino } from "pino";
import { type Database, openDatabase } from "../../lib/calls/store/database.ts";
import { insertTurn } from "../../lib/calls/store/write.ts";
import { CallWriter, type Write } from "../../lib/calls/writer.ts";
import { userTurn } from "../support/call-records.ts";
import { deferred } from "../support/nodes.ts";

const broken: Write = () => {
  throw new Error("no such table");
};

describe("the queue in front of the store", () => {
  let database: Database;
  let warnings: string[];
  const log = pino({ level: "warn" }, { write: (line: string) => warnings.push(JSON.parse(line).msg) });

  beforeEach(async () => {
    warnings = [];
    database = await openDatabase("file::memory:", log);
  });
  afterEach(() => database.db.destroy());

  const turn =
    (number: number): Write =>
    (db) =>
      insertTurn(db, "call-1", userTurn(number, 0, null));
  const numbers = async () => {
    const rows = await database.db.selectFrom("turns").select("number").orderBy("number").execute();
    return rows.map(({ number }) => number);
  };

  test("writes everything, in order", async () => {
    const writer = new CallWriter(database, log);
    const order: number[] = [];
    for (let n = 1; n <= 250; n += 1) {
      writer.push((db) => {
        order.push(n);
        return turn(n)(db);
      });
    }
    await writer.flush();
    assert.equal(writer.waiting, 0);
    assert.equal(writer.lost, 0);
    assert.equal((await numbers()).length, 250);
    assert.deepEqual(
      order,
      Array.from({ length: 250 }, (_, index) => index + 1),
    );
  });

  test("loses what does not fit, says so, and takes the last write of a call all the same", async () => {
    const writer = new CallWriter(database, log, { limit: 2 });
    const gate = deferred();
    writer.pushLast(
      () => gate.promise,
      () => {},
    );
    assert.ok(writer.push(turn(1)));
    assert.equal(writer.push(turn(2)), false);
    let stored = false;
    writer.pushLast(
      (db) => insertTurn(db, "call-1", userTurn(3, 0, null)).execute(),
      () => {
        stored = true;
      },
    );
    assert.equal(writer.lost, 1);
    assert.deepEqual(warnings, ["The store of calls is too slow, its queue is full"]);
    gate.resolve();
    await writer.flush();
    assert.ok(stored);
    assert.deepEqual(await numbers(), [1, 3]);
  });

  test("loses one write that cannot be stored, and none of the others", async () => {
    const writer = new CallWriter(database, log, { retriesMs: [] });
    writer.push(turn(1));
    writer.push(broken);
    writer.push(turn(2));
    writer.push(turn(2));
    await writer.flush();
    assert.deepEqual(await numbers(), [1, 2]);
    assert.equal(writer.lost, 2);
  });

  test("tries again, and loses nothing, when the store comes back", async () => {
    const writer = new CallWriter(database, log, { retriesMs: [1, 1, 1] });
    let failures = 2;
    writer.push((db) => {
      if (failures-- > 0) throw new Error("not now");
      return turn(1)(db);
    });
    await writer.flush();
    assert.deepEqual(await numbers(), [1]);
    assert.equal(writer.lost, 0);
  });

  test("does not wait for a store that is down when the server stops", async () => {
    const writer = new CallWriter(database, log, { retriesMs: [3_600_000] });
    writer.push(broken);
    await writer.close();
    assert.equal(writer.lost, 1);
  });
});
