import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { pino } from "pino";
import { parseSearch } from "../../lib/calls/search-words.ts";
import { type Database, openDatabase } from "../../lib/calls/store/database.ts";
import { type CallFilter, listCalls, positionOf, type Sort } from "../../lib/calls/store/read.ts";
import { deleteCall, indexOldCalls } from "../../lib/calls/store/write.ts";
import { applyPolicy } from "../../lib/text-policy.ts";
import {
  assistantTurn,
  callRecord,
  storeCall,
  storeCalls,
  userTurn,
  userTurns,
} from "../support/call-records.ts";
import { describeStores, type TestStore } from "../support/stores.ts";

const log = pino({ level: "silent" });

describeStores("searching calls", (create) => {
  let store: TestStore;
  let database: Database;

  beforeEach(async () => {
    store = await create();
    database = await openDatabase(store.url, log);
  });
  afterEach(async () => {
    await database.db.destroy();
    await store.remove();
  });

  /** Ids of all calls that match, read in pages of this size. */
  async function ids(filter: CallFilter, sort?: Sort, pageSize = 100): Promise<string[]> {
    const found: string[] = [];
    let after = null;
    for (;;) {
      const page = await listCalls(database.db, filter, after, pageSize, sort);
      found.push(...page.map(({ sessionId }) => sessionId));
      const last = page.at(-1);
      if (!last || page.length < pageSize) return found;
      after = positionOf(last, sort ?? { by: "started_at", order: "desc" });
    }
  }
  const saying = (query: string, more: CallFilter = {}) => ids({ words: parseSearch(query), ...more });
  const said = (sessionId: string, startedAt: number, ...texts: string[]) =>
    callRecord({
      sessionId,
      startedAt,
      turns: texts.map((text, n) => userTurn(n + 1, n * 1_000, "neutral", { text })),
    });

  test("finds what either side said, by beginnings of words, all words, and quoted words", async () => {
    await storeCalls(database.db, [
      said("refunds", 1, "I wait for two refunds", "since Müller's café closed"),
      said("weeks", 2, "Refund it in the two coming weeks"),
      callRecord({
        sessionId: "agent",
        startedAt: 3,
        turns: [assistantTurn(1, 0, { text: "Your REFUND is on its way, two weeks at most." })],
      }),
      said("greek", 4, "Πού είναι το δέμα μου;"),
      said("quotes", 5, `it's "O'Neill" & (co) | !no <-> * : \\ '' AND OR NOT`),
    ]);
    assert.deepEqual(await saying("refund"), ["agent", "weeks", "refunds"]);
    assert.deepEqual(await saying("refunds"), ["refunds"]);
    assert.deepEqual(await saying("two refund"), ["agent", "weeks", "refunds"]);
    assert.deepEqual(await saying('"two weeks"'), ["agent"]);
    assert.deepEqual(await saying("MULLER cafe"), ["refunds"]);
    assert.deepEqual(await saying("δεμα"), ["greek"]);
    assert.deepEqual(await saying("o'neill (co) !no"), ["quotes"]);
    assert.deepEqual(await saying("AND"), ["quotes"]);
    assert.deepEqual(await saying("nothing"), []);
    assert.deepEqual(await saying("refund", { from: 2, to: 3 }), ["weeks"]);
  });

  test("cannot find what the record masks, and finds the mask's neighbours", async () => {
    const text = applyPolicy("Write to ann@example.com or call 030 1234567, thanks", "redacted") ?? "";
    await storeCall(database.db, said("masked", 1, text));
    for (const secret of ["ann", "example", "1234567", "030"])
      assert.deepEqual(await saying(secret), [], secret);
    assert.deepEqual(await saying("thanks"), ["masked"]);
  });

  test("more calls with a word than are read at once are paged in order, with the other filters", async () => {
    const calls = Array.from({ length: 2_100 }, (_, n) =>
      callRecord({
        sessionId: `call-${String(n).padStart(4, "0")}`,
        startedAt: n,
        turns: [userTurn(1, 0, n % 700 === 0 ? "negative" : "neutral", { text: "The order is late" })],
      }),
    );
    await storeCalls(database.db, calls);
    const words = parseSearch("order");
    const all = await ids({ words }, undefined, 500);
    assert.deepEqual(all, calls.map(({ sessionId }) => sessionId).toReversed());
    assert.deepEqual(await ids({ words, label: "negative" }), ["call-1400", "call-0700", "call-0000"]);
    const worst = await listCalls(database.db, { words }, null, 3, { by: "score", order: "asc" });
    assert.deepEqual(
      worst.map(({ sessionId }) => sessionId),
      ["call-0000", "call-0700", "call-1400"],
    );
  });

  test("finds a call by a part of either of its ids, special signs included", async () => {
    await storeCalls(database.db, [
      callRecord({ sessionId: "0b5f-77", callId: "CA-1029", startedAt: 1 }),
      callRecord({ sessionId: "9c4e-11", callId: "100%_sure\\", startedAt: 2 }),
      callRecord({ sessionId: "other", startedAt: 3 }),
    ]);
    assert.deepEqual(await ids({ idPart: "ca-10" }), ["0b5f-77"]);
    assert.deepEqual(await ids({ idPart: "F-7" }), ["0b5f-77"]);
    assert.deepEqual(await ids({ idPart: "%_s" }), ["9c4e-11"]);
    assert.deepEqual(await ids({ idPart: "e\\" }), ["9c4e-11"]);
    assert.deepEqual(await ids({ idPart: "_" }), ["9c4e-11"]);
  });

  test("sorts by score, length, reply and risk, page by page; who has no such figure is left out", async () => {
    const call = (
      sessionId: string,
      seconds: number,
      replyMs: number,
      ...moods: Parameters<typeof userTurns>
    ) =>
      callRecord({
        sessionId,
        startedAt: 1_000,
        endedAt: 1_000 + seconds * 1_000,
        turns: [...userTurns(...moods), assistantTurn(moods.length + 1, 9_000, { replyMs })],
      });
    await storeCalls(database.db, [
      call("a", 30, 900, "negative", "negative"),
      call("b", 90, 300, "frustrated", "positive"),
      call("c", 60, 600, "positive"),
      call("d", 60, 600, "frustrated", "frustrated"),
      callRecord({ sessionId: "silent", startedAt: 1_000, endedAt: 1_500 }),
    ]);
    for (const [by, order, expected] of [
      ["score", "asc", ["d", "a", "b", "c"]],
      ["score", "desc", ["c", "b", "a", "d"]],
      ["duration", "desc", ["b", "d", "c", "a", "silent"]],
      ["reply", "desc", ["a", "d", "c", "b"]],
      ["risk", "desc", ["d", "b", "a", "c"]],
    ] as const) {
      for (const size of [1, 2, 100]) assert.deepEqual(await ids({}, { by, order }, size), expected, by);
    }
  });

  test("finds calls by the rule of an alert, the agent, its version and its model", async () => {
    const alert = { offsetMs: 1, severity: "warn", message: "m", evidence: {} } as const;
    await storeCalls(database.db, [
      callRecord({
        sessionId: "slow",
        startedAt: 1,
        alerts: [
          { ...alert, rule: "long_wait" },
          { ...alert, rule: "long_wait" },
        ],
      }),
      callRecord({ sessionId: "v2", startedAt: 2, agent: "support", agentVersion: "2", model: "m" }),
    ]);
    const tags = [{ kind: "alert", value: "long_wait" }] as const;
    assert.deepEqual(await ids({ tags }), ["slow"]);
    assert.deepEqual(await ids({ agent: "support", agentVersion: "2", model: "m" }), ["v2"]);
    assert.deepEqual(await ids({ agentVersion: "3" }), []);
  });

  test("a deleted call leaves no word behind, and its number can be used again", async () => {
    await storeCall(database.db, said("gone", 1, "a secret"));
    assert.equal(await deleteCall(database.db, "gone"), "deleted");
    await storeCall(database.db, said("next", 2, "something else"));
    assert.deepEqual(await saying("secret"), []);
    assert.deepEqual(await saying("something"), ["next"]);
    const left = database.db.selectFrom("tags").selectAll().where("session_id", "=", "gone");
    assert.deepEqual(await left.execute(), []);
  });

  test("calls of before the index are put into it, newest first, also past one that cannot be read", async () => {
    await storeCalls(database.db, [
      said("old", 1, "an early word"),
      said("bad", 2, "x"),
      said("new", 3, "a late word"),
    ]);
    await database.db.updateTable("calls").set({ doc: null, duration_ms: null, risk: null }).execute();
    await database.db.updateTable("calls").set({ variables: "{" }).where("id", "=", "bad").execute();
    assert.deepEqual(await saying("late", { from: 0 }), []);
    assert.equal(await indexOldCalls(database.db, 1), 1);
    assert.deepEqual(await saying("word"), ["new"]);
    assert.equal(await indexOldCalls(database.db, 10), 2);
    assert.deepEqual(await saying("word"), ["new", "old"]);
    assert.equal(await indexOldCalls(database.db, 10), 0);
    assert.deepEqual(await ids({}, { by: "duration", order: "asc" }), ["new", "old"]);
  });
});
