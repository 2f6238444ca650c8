import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import test, { afterEach, beforeEach, type TestContext } from "node:test";
import Sqlite from "libsql";
import { pino } from "pino";
import { csvOf, jsonLinesOf } from "../../lib/calls/export.ts";
import { Instance } from "../../lib/calls/instance.ts";
import { readQuality } from "../../lib/calls/quality.ts";
import { loadForm } from "../../lib/calls/review/form.ts";
import { insertCall, insertTurn, setVerdict, updateTurn } from "../../lib/calls/store/change.ts";
import { type Database, openDatabase } from "../../lib/calls/store/database.ts";
import {
  type CallFilter,
  listCalls,
  pagesOfCalls,
  readCall,
  readLastCall,
} from "../../lib/calls/store/read.ts";
import { deleteCall, deleteCallsBefore, finishCall } from "../../lib/calls/store/write.ts";
import { MISSED_BEATS } from "../../lib/sightings.ts";
import {
  assistantTurn,
  callRecord,
  change,
  judged,
  storeCall,
  storeCalls,
  userTurn,
  userTurns,
} from "../support/call-records.ts";
import { describeStores, type TestStore } from "../support/stores.ts";
import { notStorable, writerFor } from "../support/writers.ts";

async function textOf(pieces: AsyncIterable<string>): Promise<string> {
  let text = "";
  for await (const piece of pieces) text += piece;
  return text;
}

const log = pino({ level: "silent" });
const HOUR = 3_600_000;
const MIDNIGHT = Date.UTC(2026, 0, 15);

describeStores("the store of calls", (create, kind) => {
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

  /** Session ids of all calls that match, read in pages of this size. */
  async function ids(filter: CallFilter = {}, pageSize = 100): Promise<string[]> {
    const found: string[] = [];
    for (;;) {
      const last = found.at(-1);
      const after = last ? await positionOf(last) : null;
      const page = await listCalls(database.db, filter, after, pageSize);
      found.push(...page.map(({ sessionId }) => sessionId));
      if (page.length < pageSize) return found;
    }
  }

  async function positionOf(sessionId: string) {
    const call = await readCall(database.db, sessionId);
    assert.ok(call);
    return { value: call.startedAt, sessionId };
  }

  test("gives a call back as it was written", async () => {
    const call = callRecord({
      callId: "CA-1",
      direction: "inbound",
      variables: { plan: "gold", "Odd Name": [1, { deep: null }] },
      turns: [
        assistantTurn(1, 0, { text: "Hello – “dear” caller 👋", words: 4 }),
        userTurn(2, 1_000, "frustrated", { repeated: true, text: null }),
        assistantTurn(3, 1_010, {
          firstChunkMs: 640,
          replyMs: 650,
          interrupted: true,
          tools: [
            { name: "get_order", outcome: "ok", latencyMs: 41 },
            { name: "refund", outcome: "error", latencyMs: null },
          ],
        }),
      ],
      alerts: [{ offsetMs: 5, rule: "long_wait", severity: "warn", message: "m", evidence: { turns: [2] } }],
      errors: [{ offsetMs: 6, message: "broke", severity: "warning" }],
      supervisor: [{ offsetMs: 7, action: "whisper", text: "Offer a refund", by: "anna" }],
      escalation: {
        reason: "frustration_threshold_exceeded",
        utterance: 3,
        offsetMs: 9,
        frustrationCount: 3,
        threshold: 3,
        sameTurn: true,
        action: "cold_transfer",
        outcome: "requested",
      },
      usage: [
        { model: "m", requests: 2, cancelled: 1, failed: 0, inputTokens: 2_147_483_650, outputTokens: null },
      ],
    });
    await storeCall(database.db, call);
    assert.deepEqual(await readCall(database.db, "call-1"), call);
    assert.deepEqual(await readLastCall(database.db), call);
    assert.equal(await readCall(database.db, "another"), null);
  });

  test("keeps the figures of an ended call beside it", async () => {
    await storeCall(
      database.db,
      callRecord({
        turns: [
          userTurn(1, 0, "negative"),
          assistantTurn(2, 10, { replyMs: 700 }),
          userTurn(3, 2_000, "frustrated"),
          assistantTurn(4, 2_010, { replyMs: 900 }),
          userTurn(5, 4_000, "neutral"),
        ],
      }),
    );
    const [call] = await listCalls(database.db, {}, null, 1);
    assert.deepEqual(call, {
      sessionId: "call-1",
      callId: null,
      direction: null,
      conversationType: "telephonyInbound",
      agent: null,
      agentVersion: null,
      model: null,
      startedAt: Date.UTC(2026, 0, 15, 10, 30),
      endedAt: Date.UTC(2026, 0, 15, 10, 31),
      endReason: "client_closed",
      durationMs: 60_000,
      risk: 1.5,
      userTurns: 3,
      assistantTurns: 2,
      score: -2.5, // (−2.5 − 5 + 0) / 3
      label: "negative",
      negativeShare: 0.6667,
      escalated: false,
      replyP50Ms: 700,
      replyP95Ms: 900,
      alerts: 0,
      reviewScore: null,
    });
  });

  test("keeps words and names in which a client has put a NUL", async () => {
    const { db } = database;
    const evil = callRecord({ callId: "CA\0", direction: "in\0bound", variables: { "a\0": "\0" } });
    await storeCall(db, { ...evil, turns: [assistantTurn(1, 0, { text: "one\0" })], endedAt: null });
    await change(db, updateTurn(evil.sessionId, 1, { text: "\0two", words: 1 }));
    const kept = await readCall(db, evil.sessionId);
    assert.deepEqual(
      [kept?.callId, kept?.direction, kept?.turns[0]?.text],
      ["CA\uFFFD", "in\uFFFDbound", "\uFFFDtwo"],
    );
    assert.deepEqual(kept?.variables, evil.variables);
  });

  test("loses one write that it refuses, at once, and none of the others", async () => {
    const { writer } = await writerFor(database, { retriesMs: [3_600_000] });
    writer.push(insertCall(callRecord(), "here"));
    writer.push(insertTurn("call-1", userTurn(1, 0, null)));
    writer.push(notStorable("call-1", 3));
    writer.push(insertTurn("call-1", userTurn(2, 0, null)));
    await writer.flush();
    const call = await readCall(database.db, "call-1");
    assert.deepEqual(
      call?.turns.map(({ number }) => number),
      [1, 2],
    );
    assert.equal(writer.lost, 1);
  });

  test("adds a late verdict to its turn, and what was spoken instead of what was sent", async () => {
    const call = callRecord({
      endedAt: null,
      endReason: null,
      turns: [userTurn(2, 5, null, { utterance: 1 }), assistantTurn(3, 6)],
    });
    await storeCall(database.db, call);
    await change(
      database.db,
      setVerdict("call-1", 2, judged("negative")),
      updateTurn("call-1", 3, { text: "Here is", words: 2 }),
      updateTurn("call-1", 3, { interrupted: 1 }),
    );
    const stored = await readCall(database.db, "call-1");
    assert.deepEqual(stored?.turns, [
      userTurn(2, 5, "negative", { utterance: 1 }),
      assistantTurn(3, 6, { text: "Here is", words: 2, interrupted: true }),
    ]);
  });

  test("lists calls newest first, and equal times in one order", async () => {
    for (const [sessionId, startedAt] of [
      ["b", 2_000],
      ["a", 2_000],
      ["d", 1_000],
      ["c", 3_000],
    ] as const) {
      await storeCall(database.db, callRecord({ sessionId, startedAt }));
    }
    assert.deepEqual(await ids(), ["c", "b", "a", "d"]);
    assert.deepEqual(await ids({}, 1), ["c", "b", "a", "d"]);
    assert.deepEqual(await ids({}, 3), ["c", "b", "a", "d"]);
  });

  test("pages neither repeat nor miss a call while others arrive and go", async () => {
    for (let n = 0; n < 9; n += 1)
      await storeCall(database.db, callRecord({ sessionId: `old-${n}`, startedAt: n }));
    const seen: string[] = [];
    for await (const page of [1, 2, 3]) {
      const last = seen.at(-1);
      const after = last ? { value: Number(last.slice(4)), sessionId: last } : null;
      seen.push(...(await listCalls(database.db, {}, after, 3)).map(({ sessionId }) => sessionId));
      await storeCall(database.db, callRecord({ sessionId: `new-${page}`, startedAt: 100 + page }));
      // The very call that the next page begins after.
      if (page === 1) await deleteCall(database.db, "old-6");
    }
    assert.deepEqual(
      seen,
      [8, 7, 6, 5, 4, 3, 2, 1, 0].map((n) => `old-${n}`),
    );
  });

  test("finds calls by each filter, and by several at once", async () => {
    const escalation = {
      reason: "frustration_threshold_exceeded",
      utterance: 1,
      offsetMs: 1,
      frustrationCount: 3,
      threshold: 3,
      sameTurn: true,
      action: "none",
      outcome: "no_number",
    } as const;
    const calls = [
      callRecord({ sessionId: "glad", startedAt: 1_000, turns: userTurns("positive") }),
      callRecord({
        sessionId: "calm",
        startedAt: 2_000,
        turns: userTurns("neutral"),
        conversationType: "chat",
      }),
      callRecord({ sessionId: "angry", startedAt: 3_000, turns: userTurns("frustrated"), escalation }),
      callRecord({ sessionId: "mute", startedAt: 4_000 }),
      callRecord({
        sessionId: "open",
        startedAt: 5_000,
        endedAt: null,
        endReason: null,
        turns: userTurns("positive"),
      }),
    ];
    for (const call of calls) await storeCall(database.db, call);
    assert.deepEqual(await ids({ from: 2_000 }), ["open", "mute", "angry", "calm"]);
    assert.deepEqual(await ids({ to: 2_000 }), ["glad"]);
    assert.deepEqual(await ids({ escalated: true }), ["angry"]);
    assert.deepEqual(await ids({ escalated: false }), ["mute", "calm", "glad"]);
    assert.deepEqual(await ids({ label: "positive" }), ["glad"]);
    assert.deepEqual(await ids({ label: "none" }), ["mute"]);
    assert.deepEqual(await ids({ conversationType: "chat" }), ["calm"]);
    assert.deepEqual(await ids({ minScore: 0 }), ["calm", "glad"]);
    assert.deepEqual(await ids({ maxScore: 0 }, 1), ["angry", "calm"]);
    assert.deepEqual(await ids({ minScore: -5, maxScore: -5, from: 3_000 }), ["angry"]);
  });

  test("adds ended calls up by hour and by day", async () => {
    const calls = [
      callRecord({
        sessionId: "1",
        startedAt: MIDNIGHT + 1,
        turns: [userTurn(1, 0, "positive"), assistantTurn(2, 1, { replyMs: 500 })],
        transfers: [
          { number: 1, kind: "cold", requestedAtMs: 5, outcome: "no_answer", tookMs: 30, returned: true },
          { number: 2, kind: "cold", requestedAtMs: 50, outcome: "answered", tookMs: 8, returned: false },
        ],
        alerts: [{ offsetMs: 5, rule: "long_wait", severity: "warn", message: "m", evidence: {} }],
      }),
      callRecord({
        sessionId: "2",
        startedAt: MIDNIGHT + HOUR - 1,
        turns: [
          userTurn(1, 0, "negative"),
          assistantTurn(2, 1, { replyMs: 4_000 }),
          userTurn(3, 2, "frustrated"),
          userTurn(4, 3, "neutral"),
        ],
        escalation: {
          reason: "r",
          utterance: 2,
          offsetMs: 1,
          frustrationCount: 3,
          threshold: 3,
          sameTurn: true,
          action: "none",
          outcome: "no_number",
        },
      }),
      callRecord({ sessionId: "3", startedAt: MIDNIGHT + 5 * HOUR }),
      callRecord({ sessionId: "later", startedAt: MIDNIGHT + 24 * HOUR, turns: userTurns("positive") }),
      callRecord({
        sessionId: "open",
        startedAt: MIDNIGHT,
        endedAt: null,
        endReason: null,
        turns: userTurns("positive"),
      }),
    ];
    for (const call of calls) await storeCall(database.db, call);
    const midnight = {
      calls: 2,
      escalated: 1,
      escalationRate: 0.5,
      score: 1.25, // (5 + −2.5) / 2
      negativeShare: 0.5, // 2 of 4 turns
      // In the middle of their classes, so within 10 % of 500 and 4,000.
      replyP50Ms: 539,
      replyP95Ms: 4_006,
      alerts: { long_wait: 1 },
      transfers: { answered: 1, no_answer: 1 },
      transferAnsweredMs: 8,
      feedback: {},
    };
    const none = {
      calls: 0,
      escalated: 0,
      escalationRate: null,
      score: null,
      negativeShare: null,
      replyP50Ms: null,
      replyP95Ms: null,
      alerts: {},
      transfers: {},
      transferAnsweredMs: null,
      feedback: {},
    };
    const hours = await readQuality(database.db, MIDNIGHT + 5, MIDNIGHT + 5 * HOUR + 1, "hour");
    assert.equal(hours.from, MIDNIGHT);
    assert.equal(hours.to, MIDNIGHT + 6 * HOUR);
    assert.equal(hours.buckets.length, 6);
    assert.deepEqual(hours.buckets[0], { start: MIDNIGHT, ...midnight });
    assert.deepEqual(hours.buckets[1], { start: MIDNIGHT + HOUR, ...none });
    assert.deepEqual(hours.buckets[5], { start: MIDNIGHT + 5 * HOUR, ...none, calls: 1, escalationRate: 0 });
    const days = await readQuality(database.db, MIDNIGHT, MIDNIGHT + 1, "day");
    assert.deepEqual(days.totals, { ...midnight, calls: 3, escalationRate: 0.3333 });
    assert.deepEqual(days.buckets, [{ start: MIDNIGHT, ...days.totals }]);
  });

  test("counts a call in the day it began in where the viewer is, also when the clocks are changed", async () => {
    // Berlin goes back from UTC+2 to UTC+1 on 25 October 2026: that day has 25 hours.
    for (const [sessionId, at] of [
      ["late on the 24th", "2026-10-24T21:59:00Z"],
      ["early on the 25th", "2026-10-24T22:00:00Z"],
      ["late on the 25th", "2026-10-25T22:59:00Z"],
      ["early on the 26th", "2026-10-25T23:00:00Z"],
    ] as const) {
      await storeCall(database.db, callRecord({ sessionId, startedAt: Date.parse(at) }));
    }
    const noon = (day: number) => Date.UTC(2026, 9, day, 12);
    const days = await readQuality(database.db, noon(24), noon(26), "day", "Europe/Berlin");
    assert.deepEqual(
      days.buckets.map(({ start, calls }) => [new Date(start).toISOString(), calls]),
      [
        ["2026-10-23T22:00:00.000Z", 1],
        ["2026-10-24T22:00:00.000Z", 2],
        ["2026-10-25T23:00:00.000Z", 1],
      ],
    );
    assert.equal(new Date(days.to).toISOString(), "2026-10-26T23:00:00.000Z");
  });

  test("deletes a call with everything of it, and takes its figures back", async () => {
    const before = await readQuality(database.db, MIDNIGHT, MIDNIGHT + HOUR, "hour");
    const call = callRecord({
      startedAt: MIDNIGHT,
      turns: [userTurn(1, 0, "negative"), assistantTurn(2, 1, { replyMs: 500 })],
      alerts: [{ offsetMs: 5, rule: "long_wait", severity: "warn", message: "m", evidence: {} }],
    });
    await storeCall(database.db, call);
    assert.equal(await deleteCall(database.db, "call-1"), "deleted");
    assert.equal(await deleteCall(database.db, "call-1"), "unknown");
    assert.equal(await readCall(database.db, "call-1"), null);
    assert.deepEqual(await database.db.selectFrom("turns").selectAll().execute(), []);
    assert.deepEqual(await database.db.selectFrom("notes").selectAll().execute(), []);
    assert.deepEqual(await readQuality(database.db, MIDNIGHT, MIDNIGHT + HOUR, "hour"), before);
  });

  test("does not delete a call that goes on", async () => {
    await storeCall(database.db, callRecord({ endedAt: null, endReason: null }));
    assert.equal(await deleteCall(database.db, "call-1"), "going_on");
    assert.ok(await readCall(database.db, "call-1"));
  });

  test("deletes what is older than it may be, and nothing else", async () => {
    const old = Array.from({ length: 201 }, (_, n) =>
      callRecord({ sessionId: `old-${n}`, startedAt: 1_000 + n }),
    );
    await storeCalls(database.db, old);
    await storeCall(database.db, callRecord({ sessionId: "kept", startedAt: 2_000 }));
    await storeCall(
      database.db,
      callRecord({ sessionId: "open", startedAt: 1, endedAt: null, endReason: null }),
    );
    assert.equal(await deleteCallsBefore(database.db, 2_000, new AbortController().signal), 201);
    assert.deepEqual(await ids(), ["kept", "open"]);
    assert.equal((await readQuality(database.db, 0, 3_000, "hour")).totals.calls, 1);
  });

  const end = (endReason: "crashed" | "idle" | "drain", endedAt = MIDNIGHT + 1) =>
    database.db.transaction().execute((trx) => finishCall(trx, "call-1", { endedAt, endReason }));
  const totals = async () => (await readQuality(database.db, MIDNIGHT, MIDNIGHT + 1, "hour")).totals;
  const open = { endedAt: null, endReason: null } as const;

  test("ends a call once, whoever is faster", async () => {
    await storeCall(database.db, callRecord({ startedAt: MIDNIGHT, ...open }));
    const both = await Promise.all([end("drain"), end("idle")]);
    assert.deepEqual(both.sort(), [false, true]);
    assert.equal((await totals()).calls, 1);
  });

  test("believes whoever knows how a call ended, and not whoever took its server for gone, in whatever order", async () => {
    await storeCall(database.db, callRecord({ startedAt: MIDNIGHT, ...open }));
    await Promise.all([end("crashed"), end("idle", MIDNIGHT + 7)]);
    const call = await readCall(database.db, "call-1");
    assert.deepEqual([call?.endReason, call?.endedAt], ["idle", MIDNIGHT + 7]);
    assert.equal(await end("crashed"), false);
    assert.equal((await totals()).calls, 1);
  });

  test("leaves no turns behind of a call whose beginning was lost", async () => {
    await change(database.db, insertTurn("call-1", userTurn(1, 0, null)));
    assert.equal(await finishCall(database.db, "call-1", { endedAt: 1, endReason: "idle" }), false);
    assert.deepEqual(await database.db.selectFrom("turns").selectAll().execute(), []);
  });

  /** A server, with the process of another as its own, so that SQLite's question for the process finds it. */
  async function serverWith(t: TestContext, running: string[] = []) {
    const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"], { stdio: "ignore" });
    await once(child, "spawn");
    t.after(() => child.kill("SIGKILL"));
    const instance = new Instance({ database, log, finish: finishCall, running: new Set(running) });
    const beat = async () => {
      await instance.beat();
      const mine = database.db.updateTable("instances").where("id", "=", instance.id);
      await mine.set({ pid: child.pid ?? 0 }).execute();
    };
    return { id: instance.id, beat, child };
  }
  const endOf = async (sessionId: string) => (await readCall(database.db, sessionId))?.endReason;

  test("ends the calls of a server that is not heard of any more, and of no other", async (t) => {
    const [gone, alive, mine] = [await serverWith(t), await serverWith(t), await serverWith(t)];
    for (const each of [gone, alive, mine]) await each.beat();
    const start = MIDNIGHT;
    const turns = userTurns("positive", "neutral");
    const call = (sessionId: string, instance: string) =>
      storeCall(database.db, callRecord({ sessionId, startedAt: start, ...open, turns }), instance);
    await call("lost", gone.id);
    await call("going-on", alive.id);
    await call("mine", mine.id);
    for (let beats = 1; beats < MISSED_BEATS; beats += 1) {
      await alive.beat();
      await mine.beat();
    }
    assert.equal(await endOf("lost"), null);
    await alive.beat();
    await mine.beat();
    const ends = await database.db
      .selectFrom("calls")
      .select(["id", "end_reason", "ended_at"])
      .orderBy("id")
      .execute();
    assert.deepEqual(ends, [
      { id: "going-on", end_reason: null, ended_at: null },
      { id: "lost", end_reason: "crashed", ended_at: start + 1_000 },
      { id: "mine", end_reason: null, ended_at: null },
    ]);
    assert.equal((await listCalls(database.db, { label: "positive" }, null, 1))[0]?.sessionId, "lost");
    if (kind === "sqlite") {
      alive.child.kill("SIGKILL");
      await once(alive.child, "exit");
      await mine.beat();
      assert.equal(await endOf("going-on"), "crashed");
    }
  });

  test("gives a call back to a server that was only silent", async (t) => {
    const [silent, other] = [await serverWith(t, ["call-1"]), await serverWith(t)];
    await silent.beat();
    const call = callRecord({ startedAt: MIDNIGHT, ...open, turns: userTurns("positive") });
    await storeCall(database.db, call, silent.id);
    for (let beats = 0; beats <= MISSED_BEATS; beats += 1) await other.beat();
    assert.equal(await endOf("call-1"), "crashed");
    assert.equal((await totals()).calls, 1);
    await silent.beat();
    assert.deepEqual(await readCall(database.db, "call-1"), call);
    assert.equal((await listCalls(database.db, {}, null, 1))[0]?.label, null);
    assert.equal((await totals()).calls, 0);
    for (let beats = 0; beats <= MISSED_BEATS; beats += 1) {
      await silent.beat();
      await other.beat();
    }
    assert.equal(await endOf("call-1"), null);
  });

  test("can be opened by several servers at once, whoever makes the tables", async () => {
    const fresh = await create();
    const servers = await Promise.all([1, 2, 3].map(() => openDatabase(fresh.url, log)));
    for (const [index, { db }] of servers.entries()) {
      await storeCall(db, callRecord({ sessionId: `from-${index}`, startedAt: index }));
    }
    for (const { db } of servers) {
      const seen = await listCalls(db, {}, null, 10);
      assert.deepEqual(
        seen.map(({ sessionId }) => sessionId),
        ["from-2", "from-1", "from-0"],
      );
      await db.destroy();
    }
    await fresh.remove();
  });

  const onSqlite = { skip: kind !== "sqlite" && "only a file is changed by its opening" };
  test("waits for another process that writes while it is opened", onSqlite, async () => {
    const [fresh, other] = [await create(), await create()];
    const file = fresh.url.slice("file:".length);
    await mkdir(dirname(file));
    const writer = new Sqlite(file);
    writer.exec("create table unrelated (id integer); begin immediate");

    const opening = openDatabase(fresh.url, log);
    // The time it takes to open one; the first has tried by then, and would have failed.
    const meanwhile = await Promise.race([opening, openDatabase(other.url, log)]);
    await meanwhile.db.destroy();
    writer.exec("commit");
    writer.close();

    const { db } = await opening;
    assert.deepEqual(await listCalls(db, {}, null, 10), []);
    await db.destroy();
    await Promise.all([fresh.remove(), other.remove()]);
  });

  test("exports every call once, in pages, whatever is in its texts", async () => {
    const many = Array.from({ length: 201 }, (_, n) => callRecord({ sessionId: `n-${n}`, startedAt: n }));
    await storeCalls(database.db, many);
    await storeCall(
      database.db,
      callRecord({
        sessionId: "x",
        startedAt: 9_000,
        callId: '=HYPERLINK("http://x")',
        direction: "a,\nb",
        agent: "support-agent",
        agentVersion: "1.2.0",
        model: "gpt-6-luna",
        turns: userTurns("frustrated"),
      }),
    );
    const csv = await textOf(csvOf(database.db, loadForm(undefined), pagesOfCalls(database.db, {})));
    const lines = csv.split("\r\n");
    assert.equal(lines.length, 204); // header, 202 calls, the end of the last line
    assert.equal(
      lines[1],
      `x,"'=HYPERLINK(""http://x"")","a,\nb",telephonyInbound,1970-01-01T00:00:09.000Z,1970-01-01T00:01:09.000Z,client_closed,60000,1,0,-5,negative,1,false,,,0,support-agent,1.2.0,gpt-6-luna,,,,,,,`,
    );
    assert.ok(lines[202]?.startsWith("n-0,"));
    const json = (await textOf(jsonLinesOf(database.db, { to: 9_000 }))).trimEnd().split("\n");
    assert.deepEqual(
      json.map((line) => JSON.parse(line).session_id),
      Array.from({ length: 201 }, (_, index) => `n-${200 - index}`),
    );
  });
});
