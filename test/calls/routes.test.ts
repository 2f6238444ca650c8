import assert from "node:assert/strict";
import test, { after, before, describe } from "node:test";
import Fastify, { type FastifyInstance } from "fastify";
import { pino } from "pino";
import { type CallStore, openCallStore } from "../../lib/calls/call-store.ts";
import { csvLine } from "../../lib/calls/csv.ts";
import { callRoutes } from "../../lib/calls/routes.ts";
import { callListWire, callWire, qualityWire, reportWire } from "../../lib/calls/wire.ts";
import { parseConfig } from "../../lib/config.ts";
import { serveApiDocs } from "../../lib/http/api-docs.ts";
import { createLlm } from "../../lib/llm/client.ts";
import { callRecord, storeCalls, userTurns } from "../support/call-records.ts";

describe("the routes", () => {
  let app: FastifyInstance;
  let store: CallStore;

  before(async () => {
    const config = parseConfig({ DATABASE_URL: "file::memory:", RETENTION_DAYS: "0" });
    store = await openCallStore({ config, llm: createLlm(config), log: pino({ level: "silent" }) });
    app = Fastify();
    await serveApiDocs(app, false);
    await app.register(callRoutes, { store });
    const startedAt = Date.UTC(2026, 0, 15, 10);
    await storeCalls(store.database.db, [
      callRecord({
        sessionId: "ended",
        startedAt,
        turns: userTurns("positive", "negative", "neutral", "neutral"),
        variables: { "Account Number": "=1+1", camelCase: true },
        alerts: [{ offsetMs: 1, rule: "longWait", severity: "warn", message: "m", evidence: { someKey: 1 } }],
      }),
      callRecord({
        sessionId: "open",
        startedAt: startedAt + 1,
        endedAt: null,
        endReason: null,
        turns: userTurns("negative"),
      }),
      ...["a", "b", "c"].map((sessionId, index) =>
        callRecord({ sessionId, startedAt: startedAt - index - 1 }),
      ),
    ]);
  });
  after(async () => {
    await app.close();
    await store.close();
  });

  const get = async (url: string) => {
    const response = await app.inject({ url });
    return { status: response.statusCode, body: response.json(), headers: response.headers };
  };

  test("answer in the shape that is documented", async () => {
    callListWire.parse((await get("/calls")).body);
    const call = callWire.parse((await get("/calls/ended")).body);
    assert.equal(call.started_at, "2026-01-15T10:00:00.000Z");
    assert.deepEqual(call.variables, { "Account Number": "=1+1", camelCase: true });
    assert.deepEqual(call.alerts, [
      { offset_ms: 1, rule: "longWait", severity: "warn", message: "m", evidence: { someKey: 1 } },
    ]);
    const report = reportWire.parse((await get("/calls/ended/report")).body);
    assert.equal(report.quality.gaps_over_3s, 0);
    assert.deepEqual(report.alerts_by_rule, { longWait: 1 });
    qualityWire.parse((await get("/quality?bucket=hour")).body);
  });

  test("read no call for the HEAD of an export", async (t) => {
    const reads = t.mock.method(store.database.db, "selectFrom");
    for (const url of ["/calls.csv", "/calls.jsonl"]) {
      const { statusCode, body } = await app.inject({ method: "HEAD", url });
      assert.deepEqual([statusCode, body, reads.mock.callCount()], [200, "", 0]);
      assert.notEqual((await app.inject({ url })).body, "");
      assert.notEqual(reads.mock.callCount(), 0, "the same by GET does");
      reads.mock.resetCalls();
    }
  });

  test("show a call that goes on, with its figures so far", async () => {
    const call = callWire.parse((await get("/calls/open")).body);
    assert.equal(call.ended_at, null);
    assert.equal(call.end_reason, null);
    assert.equal(call.score, -2.5);
    const [listed] = callListWire.parse((await get("/calls?limit=1")).body).calls;
    assert.equal(listed?.session_id, "open");
    assert.equal(listed?.score, null);
  });

  test("lead from page to page, to the end", async () => {
    const seen: string[] = [];
    let cursor: string | null = "";
    while (cursor !== null) {
      const { body } = await get(`/calls?limit=2${cursor && `&cursor=${cursor}`}`);
      const page = callListWire.parse(body);
      seen.push(...page.calls.map(({ session_id }) => session_id));
      cursor = page.next_cursor;
    }
    assert.deepEqual(seen, ["open", "ended", "a", "b", "c"]);
  });

  for (const [url, parameter] of [
    ["/calls?from=yesterday", "from"],
    ["/calls?to=2026-13-01", "to"],
    ["/calls?escalated=maybe", "escalated"],
    ["/calls?label=angry", "label"],
    ["/calls?conversation_type=fax", "conversation_type"],
    ["/calls?min_score=6", "min_score"],
    ["/calls?max_score=x", "max_score"],
    ["/calls?limit=0", "limit"],
    ["/calls?limit=201", "limit"],
    ["/calls?limit=1&limit=2", "limit"],
    ["/calls?cursor=nonsense", "cursor"],
    ["/calls?page=2", "page"],
    ["/calls?q=!!", "q"],
    ["/calls?sort=mood", "sort"],
    ["/quality/compare?by=mood", "by"],
    ["/calls/ended/report?format=xml", "format"],
    ["/quality?bucket=week", "bucket"],
    ["/quality?time_zone=Mars/Olympus", "time_zone"],
    ["/quality?from=2026-01-02&to=2026-01-01", "from"],
    ["/quality?from=2020-01-01&to=2026-01-01&bucket=hour", "bucket"],
    ["/calls.csv?limit=3", "limit"],
    ["/calls.jsonl?score=3", "score"],
  ] as const) {
    test(`refuse ${url}, naming the parameter`, async () => {
      const { status, body } = await get(url);
      assert.equal(status, 400);
      assert.equal(body.error, "bad_request");
      assert.equal(body.parameter, parameter);
      assert.ok(body.message.startsWith(`${parameter}: `), body.message);
    });
  }

  test("say that a call is unknown", async () => {
    for (const url of ["/calls/nobody", "/calls/nobody/report"]) {
      const { status, body } = await get(url);
      assert.equal(status, 404);
      assert.equal(body.error, "not_found");
    }
    assert.equal((await app.inject({ method: "DELETE", url: "/calls/nobody" })).statusCode, 404);
  });

  test("delete a call that has ended, and no other", async () => {
    await storeCalls(store.database.db, [callRecord({ sessionId: "unwanted", startedAt: 1 })]);
    assert.equal((await app.inject({ method: "DELETE", url: "/calls/unwanted" })).statusCode, 204);
    assert.equal((await get("/calls/unwanted")).status, 404);
    assert.equal((await app.inject({ method: "DELETE", url: "/calls/open" })).statusCode, 409);
  });

  test("export what matches", async () => {
    const csv = await app.inject({ url: "/calls.csv?label=neutral" });
    assert.match(csv.headers["content-type"]?.toString() ?? "", /^text\/csv/);
    assert.match(csv.headers["content-disposition"]?.toString() ?? "", /filename="calls.csv"/);
    assert.equal(csv.body.trimEnd().split("\r\n").length, 2);
    const lines = (await app.inject({ url: "/calls.jsonl?label=neutral" })).body.trimEnd().split("\n");
    assert.deepEqual(
      lines.map((line) => callWire.parse(JSON.parse(line)).session_id),
      ["ended"],
    );
  });

  test("are described as OpenAPI", async () => {
    const { body } = await get("/docs/json");
    assert.match(body.openapi, /^3\./);
    assert.deepEqual(Object.keys(body.paths).sort(), [
      "/calls",
      "/calls.csv",
      "/calls.jsonl",
      "/calls/{id}",
      "/calls/{id}/report",
      "/calls/{id}/scenario",
      "/quality",
      "/quality/compare",
    ]);
    const names = body.paths["/quality"].get.parameters.map(({ name }: { name: string }) => name);
    assert.deepEqual(names, ["from", "to", "bucket", "time_zone"]);
    const answer = body.paths["/quality"].get.responses["200"].content["application/json"].schema;
    assert.deepEqual(Object.keys(answer.properties), ["from", "to", "bucket", "totals", "usage", "buckets"]);
  });
});

test("a cell that a spreadsheet would run is made text", () => {
  const cells = [
    "=1+1",
    "+1",
    "-cmd",
    "@SUM(A1)",
    "\tx",
    "\rx",
    "-2.5",
    -2.5,
    null,
    true,
    'say "hi", you',
    "1=1",
  ];
  assert.equal(
    csvLine(cells),
    `'=1+1,+1,'-cmd,'@SUM(A1),'\tx,"'\rx",-2.5,-2.5,,true,"say ""hi"", you",1=1\r\n`.replace(",+1,", ",'+1,"),
  );
});
