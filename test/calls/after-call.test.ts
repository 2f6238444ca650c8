import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders } from "node:http";
import { text as readText } from "node:stream/consumers";
import test, { afterEach, beforeEach, describe, type TestContext } from "node:test";
import { pino } from "pino";
import { z } from "zod";
import { type CallStore, type CallStoreOptions, openCallStore } from "../../lib/calls/call-store.ts";
import { Receiver } from "../../lib/calls/news/receiver.ts";
import { readScorecards } from "../../lib/calls/review/scorecards.ts";
import { openDatabase } from "../../lib/calls/store/database.ts";
import { readCall } from "../../lib/calls/store/read.ts";
import { backOff, queueWebhook, Webhooks } from "../../lib/calls/webhook.ts";
import { reportWire } from "../../lib/calls/wire.ts";
import { parseConfig } from "../../lib/config.ts";
import { ConfigError } from "../../lib/errors.ts";
import { createLlm } from "../../lib/llm/client.ts";
import { callRecord, storeCall, userTurns } from "../support/call-records.ts";
import { type MockLlm, startMockLlm } from "../support/mock-llm.ts";
import { until } from "../support/recorded-calls.ts";
import { describeStores, type TestStore } from "../support/stores.ts";

const log = pino({ level: "silent" });
const SECRET = "a secret of some length";
const OPEN = { endedAt: null, endReason: null } as const;

const bodySchema = z.object({
  type: z.literal("call.ended"),
  session_id: z.string(),
  call_id: z.string().nullable(),
  report: reportWire,
});

type Delivery = { headers: IncomingHttpHeaders; raw: string; body: z.output<typeof bodySchema> };

/** A receiver that answers with these statuses, one after the other, and then with 204. */
async function startReceiver(t: TestContext, ...statuses: number[]) {
  const deliveries: Delivery[] = [];
  const server = createServer(async (request, response) => {
    const raw = await readText(request);
    deliveries.push({ headers: request.headers, raw, body: bodySchema.parse(JSON.parse(raw)) });
    response.writeHead(statuses.shift() ?? 204, { location: "http://127.0.0.1:1/" }).end();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the receiver has no port");
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return { url: `http://127.0.0.1:${address.port}/hook`, deliveries };
}

const receiverAt = (url: string) => new Receiver({ url, secret: SECRET, allowPrivate: true });

describe("the webhook's settings", () => {
  test("need a secret", () => {
    assert.throws(
      () => parseConfig({ WEBHOOK_URL: "https://example.com/hook" }),
      (error: unknown) => {
        assert.ok(error instanceof ConfigError);
        assert.match(error.message, /WEBHOOK_SECRET/);
        return true;
      },
    );
    assert.throws(() => parseConfig({ WEBHOOK_URL: "https://example.com/hook", WEBHOOK_SECRET: "short" }));
    parseConfig({ WEBHOOK_URL: "https://example.com/hook", WEBHOOK_SECRET: SECRET });
  });

  test("wait longer after each failure, up to an hour", () => {
    assert.deepEqual(
      [1, 2, 3, 9, 10, 40].map(backOff),
      [10_000, 20_000, 40_000, 2_560_000, 3_600_000, 3_600_000],
    );
  });
});

describeStores("the webhook", (create) => {
  let store: TestStore;
  beforeEach(async () => {
    store = await create();
  });
  afterEach(() => store.remove());

  const open = (
    env: Record<string, string> = {},
    news: CallStoreOptions["news"] = null,
  ): Promise<CallStore> => {
    const settings = { DATABASE_URL: store.url, RETENTION_DAYS: "0", WEBHOOK_ALLOW_PRIVATE: "true" };
    const config = parseConfig({ ...settings, ...env });
    return openCallStore({ config, llm: createLlm(config), news, log });
  };

  /** A database with an ended call, whose end is not to be told for an hour. */
  const withHeldEnd = async () => {
    const { db } = await openDatabase(store.url, log);
    await storeCall(db, callRecord());
    await queueWebhook(db, "call-1", Date.now() + 3_600_000);
    return db;
  };

  test("is told of the end of a call, signed, with its report", async (t) => {
    const receiver = await startReceiver(t);
    const url = receiver.url.replace("//", "//hook:pass%3Aword@");
    const calls = await open({ WEBHOOK_URL: url, WEBHOOK_SECRET: SECRET });
    const call = callRecord({ ...OPEN, callId: "CA-1", turns: userTurns("negative", "positive") });
    await storeCall(calls.database.db, call);
    calls.finish(call.sessionId, { endedAt: call.startedAt + 5_000, endReason: "client_closed" });
    await until(async () => receiver.deliveries.length > 0);
    const [delivery] = receiver.deliveries;
    assert.ok(delivery);
    assert.equal(delivery.body.session_id, "call-1");
    assert.equal(delivery.body.call_id, "CA-1");
    assert.equal(delivery.body.report.sentiment.score, 1.25);
    assert.equal(delivery.body.report.end_reason, "client_closed");
    assert.equal(delivery.headers["idempotency-key"], "call-1");
    assert.equal(delivery.headers.authorization, `Basic ${btoa("hook:pass:word")}`);
    const timestamp = delivery.headers["x-webhook-timestamp"];
    const expected = createHmac("sha256", SECRET).update(`${timestamp}.${delivery.raw}`).digest("hex");
    assert.equal(delivery.headers["x-webhook-signature"], `sha256=${expected}`);
    const waiting = () => calls.database.db.selectFrom("webhooks").selectAll().execute();
    await until(async () => (await waiting()).length === 0);
    await calls.close();
  });

  test("is tried again until it takes it, with the same key each time", async (t) => {
    const receiver = await startReceiver(t, 500, 302, 404);
    const { db } = await openDatabase(store.url, log);
    await storeCall(db, callRecord());
    await queueWebhook(db, "call-1", Date.now());
    const tries: number[] = [];
    const retryMs = (n: number) => {
      tries.push(n);
      return 1;
    };
    const webhooks = new Webhooks({ db, receiver: receiverAt(receiver.url), log, retryMs });
    webhooks.start();
    await until(async () => receiver.deliveries.length === 4);
    await until(async () => (await db.selectFrom("webhooks").selectAll().execute()).length === 0);
    await webhooks.close();
    assert.deepEqual(tries, [1, 2, 3]);
    assert.equal(receiver.deliveries.length, 4);
    assert.ok(receiver.deliveries.every(({ headers }) => headers["idempotency-key"] === "call-1"));
    await db.destroy();
  });

  test("is told once, by whichever server is faster", async (t) => {
    const receiver = await startReceiver(t);
    const databases = await Promise.all([1, 2, 3].map(() => openDatabase(store.url, log)));
    const [first] = databases;
    assert.ok(first);
    for (let n = 0; n < 12; n += 1) {
      await storeCall(first.db, callRecord({ sessionId: `call-${n}`, startedAt: n }));
      await queueWebhook(first.db, `call-${n}`, 0);
    }
    const webhooks = databases.map(({ db }) => new Webhooks({ db, receiver: receiverAt(receiver.url), log }));
    for (const one of webhooks) one.start();
    await until(async () => (await first.db.selectFrom("webhooks").selectAll().execute()).length === 0);
    for (const one of webhooks) await one.close();
    assert.equal(new Set(receiver.deliveries.map(({ body }) => body.session_id)).size, 12);
    assert.equal(receiver.deliveries.length, 12);
    for (const { db } of databases) await db.destroy();
  });

  test("is told after a restart what it was not told before", async (t) => {
    const calls = await open({ WEBHOOK_URL: "http://127.0.0.1:1/", WEBHOOK_SECRET: SECRET });
    const call = callRecord(OPEN);
    await storeCall(calls.database.db, call);
    calls.finish("call-1", { endedAt: call.startedAt, endReason: "idle" });
    await calls.writer.flush();
    await calls.close();
    const { db } = await openDatabase(store.url, log);
    assert.equal((await db.selectFrom("webhooks").selectAll().execute()).length, 1);
    // Its time has come.
    await db.updateTable("webhooks").set({ next_at: 0 }).execute();
    await db.destroy();
    const receiver = await startReceiver(t);
    const again = await open({ WEBHOOK_URL: receiver.url, WEBHOOK_SECRET: SECRET });
    await until(async () => receiver.deliveries.length === 1);
    await again.close();
  });

  test("is told at once if what comes before is told while the end is being stored", async (t) => {
    const receiver = await startReceiver(t);
    let asked = 0;
    const news: CallStoreOptions["news"] = {
      holds: () => {
        asked += 1;
        return asked === 1;
      },
      whenTold: (_, callback) => callback(),
    };
    const calls = await open({ WEBHOOK_URL: receiver.url, WEBHOOK_SECRET: SECRET }, news);
    const call = callRecord(OPEN);
    await storeCall(calls.database.db, call);
    calls.finish("call-1", { endedAt: call.startedAt, endReason: "idle" });
    await until(async () => receiver.deliveries.length === 1);
    assert.ok(asked > 0);
    await calls.close();
  });

  test("does not wait for what a server that is gone had still to tell", async (t) => {
    const receiver = await startReceiver(t);
    const db = await withHeldEnd();
    await db.destroy();
    const calls = await open({ WEBHOOK_URL: receiver.url, WEBHOOK_SECRET: SECRET });
    await until(async () => receiver.deliveries.length === 1);
    await calls.close();
  });

  test("waits for what another server has still to tell", async (t) => {
    const receiver = await startReceiver(t);
    const db = await withHeldEnd();
    const { instance } = await db.selectFrom("calls").select("instance").executeTakeFirstOrThrow();
    const webhooks = new Webhooks({ db, receiver: receiverAt(receiver.url), log });
    const nextAt = async () =>
      (await db.selectFrom("webhooks").select("next_at").executeTakeFirstOrThrow()).next_at;
    await webhooks.releaseAbandoned(new Set(["another", instance]));
    assert.ok((await nextAt()) > Date.now());
    await webhooks.releaseAbandoned(new Set(["another"]));
    assert.ok((await nextAt()) <= Date.now());
    await webhooks.close();
    await db.destroy();
  });
});

describe("the summary of a call", () => {
  let llm: MockLlm;
  let calls: CallStore;

  beforeEach(async () => {
    llm = await startMockLlm();
    const config = parseConfig({
      DATABASE_URL: "file::memory:",
      RETENTION_DAYS: "0",
      OPENAI_BASE_URL: llm.baseUrl,
      POST_CALL_SUMMARY: "true",
      SUMMARY_MODEL: "summer",
    });
    calls = await openCallStore({ config, llm: createLlm(config), log });
    await storeCall(calls.database.db, callRecord({ ...OPEN, turns: userTurns("negative", "positive") }));
  });
  afterEach(async () => {
    await calls.close();
    await llm.close();
  });

  const finish = () => calls.finish("call-1", { endedAt: Date.now(), endReason: "client_closed" });
  const answer = {
    summary: { value: "Wanted a refund and got it.", confidence: 0.9, reasoning: "The agent confirmed it." },
    disposition: { value: "resolved", confidence: 7, reasoning: "" },
  };

  test("is asked of its own model, and kept with the call", async () => {
    llm.onChat(() => `Here you are:\n\`\`\`json\n${JSON.stringify(answer)}\n\`\`\``);
    finish();
    const request = await llm.nextRequest("chat");
    assert.equal(request.body.model, "summer");
    assert.match(request.utterance, /^Caller: I have a question\nCaller: /);
    await until(async () => (await readCall(calls.database.db, "call-1"))?.summary !== null);
    assert.deepEqual((await readCall(calls.database.db, "call-1"))?.summary, [
      { identifier: "call_summary", ...answer.summary, type: "summary" },
      { identifier: "call_disposition", ...answer.disposition, confidence: 1, type: "disposition" },
    ]);
  });

  for (const [what, reply] of [
    ["answers in prose", "It went well."],
    ["answers with another object", '{"summary": 7}'],
    ["refuses", { kind: "error", status: 400 }],
  ] as const) {
    test(`is left out when the model ${what}, and the rest is there`, async () => {
      llm.onChat(() => reply);
      finish();
      await (await llm.nextRequest("chat")).done;
      await calls.writer.flush();
      const call = await readCall(calls.database.db, "call-1");
      assert.equal(call?.summary, null);
      assert.equal(call?.endReason, "client_closed");
    });
  }
});

describe("the proposal of a score", () => {
  const warnings: string[] = [];
  let llm: MockLlm;
  let calls: CallStore;

  const open = async (env: Record<string, string>, reply: Parameters<MockLlm["onChat"]>[0]) => {
    llm = await startMockLlm();
    llm.onChat(reply);
    const config = parseConfig({
      DATABASE_URL: "file::memory:",
      RETENTION_DAYS: "0",
      OPENAI_BASE_URL: llm.baseUrl,
      SUMMARY_MODEL: "judge",
      POST_CALL_SCORE: "true",
      ...env,
    });
    warnings.length = 0;
    const warner = pino({ level: "warn" }, { write: (line: string) => warnings.push(line) });
    calls = await openCallStore({ config, llm: createLlm(config), log: warner });
    await storeCall(calls.database.db, callRecord({ ...OPEN, turns: userTurns("negative", "positive") }));
    calls.finish("call-1", { endedAt: Date.now(), endReason: "client_closed" });
  };
  const proposed = async () =>
    (await readScorecards(calls.database.db, ["call-1"])).map(({ at: _, ...card }) => card);
  afterEach(async () => {
    await calls.close();
    await llm.close();
  });

  test("is asked of the model by the form, and kept as the model's, with its reasons, where they fit the form", async () => {
    const answer = {
      greeting: { answer: "Yes", reason: "It said hello." },
      empathy: { answer: 2, reason: "It did not say sorry." },
      closing: { answer: "not applicable" },
      handover: { answer: "5", reason: "No such answer." },
      wit: { answer: "yes", reason: "No such question." },
    };
    const reply = `Sure:\n\`\`\`json\n${JSON.stringify(answer)}\n\`\`\``;
    await open({}, () => reply);
    const request = await llm.nextRequest("chat");
    assert.equal(request.body.model, "judge");
    assert.match(
      JSON.stringify(request.body.messages),
      /empathy.*Did the agent answer an upset caller.*1, 2, 3, 4, 5, not_applicable/,
    );
    await until(async () => (await proposed()).length > 0);
    assert.deepEqual(await proposed(), [
      {
        sessionId: "call-1",
        by: "judge",
        source: "model",
        form: "Service call",
        answers: { greeting: "yes", empathy: "2", closing: "not_applicable" },
        reasons: { greeting: "It said hello.", empathy: "It did not say sorry." },
        comment: "",
        score: 50,
      },
    ]);
    assert.equal((await readCall(calls.database.db, "call-1"))?.summary, null);
  });

  test("that fails leaves the summary, and one that fails leaves the proposal out with it", async () => {
    const summary = { value: "A refund.", confidence: 1, reasoning: "" };
    const good = JSON.stringify({
      summary,
      disposition: { ...summary, value: "resolved" },
      topics: { value: "Refund", confidence: 1 },
    });
    await open({ POST_CALL_SUMMARY: "true" }, ({ body }) =>
      JSON.stringify(body.messages).includes("You sum up") ? good : '{"empathy": {"answer": "splendid"}}',
    );
    await llm.nextRequest("chat");
    await (await llm.nextRequest("chat")).done;
    await calls.writer.flush();
    await until(async () => (await readCall(calls.database.db, "call-1"))?.summary !== null);
    assert.deepEqual(
      (await readCall(calls.database.db, "call-1"))?.summary?.map(({ type, value }) => [type, value]),
      [
        ["summary", "A refund."],
        ["disposition", "resolved"],
        ["topics", "refund"],
      ],
    );
    await until(async () => warnings.some((line) => line.includes("No proposal of a score for the call")));
    assert.deepEqual(await proposed(), []);
    assert.ok(!warnings.some((line) => line.includes("splendid")));
  });
});
