import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { pino } from "pino";
import { compareCalls } from "../../lib/calls/compare.ts";
import { costOf } from "../../lib/calls/prices.ts";
import { readQuality } from "../../lib/calls/quality.ts";
import { type Database, openDatabase } from "../../lib/calls/store/database.ts";
import { parseConfig } from "../../lib/config.ts";
import { assistantTurn, callRecord, storeCalls, userTurns } from "../support/call-records.ts";
import { describeStores, type TestStore } from "../support/stores.ts";

describeStores("comparing calls", (create) => {
  let store: TestStore;
  let database: Database;

  beforeEach(async () => {
    store = await create();
    database = await openDatabase(store.url, pino({ level: "silent" }));
  });
  afterEach(async () => {
    await database.db.destroy();
    await store.remove();
  });

  // 2026-11-22 was a Sunday.
  const SUNDAY_EVENING = Date.UTC(2026, 10, 22, 22);
  const SPAN = { from: SUNDAY_EVENING - 1, to: SUNDAY_EVENING + 86_400_000, timeZone: "UTC" };
  const alert = { offsetMs: 1, rule: "r", severity: "warn", message: "m", evidence: {} } as const;

  test("means over the calls of each agent version, the largest group first", async () => {
    const call = (sessionId: string, agentVersion: string | null, ...moods: Parameters<typeof userTurns>) =>
      callRecord({
        sessionId,
        agentVersion,
        startedAt: SUNDAY_EVENING,
        endedAt: SUNDAY_EVENING + 30_000,
        turns: [...userTurns(...moods), assistantTurn(9, 9_000, { replyMs: 700 })],
        alerts: moods.includes("negative") ? [alert, alert] : [],
      });
    await storeCalls(database.db, [
      call("a", "1", "negative", "negative"),
      call("b", "1", "positive"),
      call("c", null, "neutral"),
      callRecord({ sessionId: "open", startedAt: SUNDAY_EVENING, endedAt: null, endReason: null }),
      callRecord({ sessionId: "before", startedAt: SPAN.from - 1 }),
    ]);
    const common = { escalated: 0, escalationRate: 0, durationMs: 30_000, replyP50Ms: 700 };
    assert.deepEqual(await compareCalls(database.db, SPAN, "agent_version"), [
      { ...common, key: "1", calls: 2, score: 1.25, negativeShare: 0.6667, alertsPerCall: 1 },
      { ...common, key: null, calls: 1, score: 0, negativeShare: 0, alertsPerCall: 0 },
    ]);
  });

  test("a weekday is the viewer's", async () => {
    await storeCalls(database.db, [callRecord({ startedAt: SUNDAY_EVENING })]);
    for (const [timeZone, day] of [
      ["UTC", "6"],
      ["Europe/Berlin", "6"],
      ["Asia/Kolkata", "0"],
      ["America/Los_Angeles", "6"],
    ] as const) {
      const groups = await compareCalls(database.db, { ...SPAN, timeZone }, "weekday");
      assert.deepEqual(
        groups.map(({ key }) => key),
        [day],
        timeZone,
      );
    }
  });

  test("tokens add up by model, and cost what the prices say", async () => {
    const usage = (model: string, inputTokens: number | null) => ({
      model,
      requests: 2,
      cancelled: 0,
      failed: 0,
      inputTokens,
      outputTokens: 1_000,
    });
    await storeCalls(database.db, [
      callRecord({
        sessionId: "a",
        startedAt: SUNDAY_EVENING,
        usage: [usage("big", 500_000), usage("own", null)],
      }),
      callRecord({ sessionId: "b", startedAt: SUNDAY_EVENING, usage: [usage("big", 500_000)] }),
    ]);
    const { usage: all } = await readQuality(database.db, SPAN.from, SPAN.to, "day");
    assert.deepEqual(all, [
      { model: "big", requests: 4, inputTokens: 1_000_000, outputTokens: 2_000 },
      { model: "own", requests: 2, inputTokens: 0, outputTokens: 1_000 },
    ]);
    const { MODEL_PRICES } = parseConfig({ MODEL_PRICES: "big=0.15/0.60, small=0/0" });
    assert.deepEqual(
      all.map((one) => costOf(one, MODEL_PRICES)),
      [0.1512, null],
    );
    assert.equal(costOf({ model: "embedded", inputTokens: 1, outputTokens: 1 }, []), 0);
    assert.throws(() => parseConfig({ MODEL_PRICES: "big=cheap" }), /MODEL_PRICES: expected model=in\/out/);
  });
});
