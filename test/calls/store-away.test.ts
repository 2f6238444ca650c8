import assert from "node:assert/strict";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { afterEach, beforeEach, describe, type TestContext } from "node:test";
import { sql } from "kysely";
import pg from "pg";
import { pino } from "pino";
import { z } from "zod";
import { openDatabase } from "../../lib/calls/store/database.ts";
import { callListWire, callWire } from "../../lib/calls/wire.ts";
import { deferred } from "../support/nodes.ts";
import { until as untilSo } from "../support/recorded-calls.ts";
import { type ServerProcess, serverFor } from "../support/server-process.ts";
import { createPostgres, postgresUrl, skipWithoutPostgres, type TestStore } from "../support/stores.ts";
import { startTcpProxy } from "../support/tcp-proxy.ts";
import { VoiceClient } from "../support/voice-client.ts";

/** A beat is a fifth of a second here, so that a server counts as gone after one. */
const HEARTBEAT_MS = "200";
/** What takes seconds on a quiet machine. */
const GUARD_MS = 90_000;
const until = (isSo: () => Promise<boolean>) => untilSo(isSo, GUARD_MS);

const readySchema = z.object({ status: z.string(), record: z.string() });

describe("a PostgreSQL that is away", { skip: skipWithoutPostgres }, () => {
  let store: TestStore;
  let folder: string;

  beforeEach(async () => {
    store = await createPostgres();
    folder = await mkdtemp(join(tmpdir(), "backlog-"));
  });
  afterEach(async () => {
    await store.remove();
    await rm(folder, { recursive: true, force: true });
  });

  /** A way of its own to the database. */
  async function way(t: TestContext) {
    const proxy = await startTcpProxy(`${postgresFolder()}/.s.PGSQL.5432`);
    t.after(() => proxy.close());
    return { proxy, url: `postgres://postgres@127.0.0.1:${proxy.port}/${databaseOf(store.url)}` };
  }
  const start = (t: TestContext, url: string) =>
    serverFor(t, { env: { DATABASE_URL: url, RECORD_BACKLOG_FOLDER: folder, HEARTBEAT_MS } });

  async function callTo(server: ServerProcess) {
    const client = await VoiceClient.connect(server.wsUrl);
    client.join();
    await client.next("agent.speak");
    return client;
  }
  async function talk(client: VoiceClient, from: number, to: number) {
    for (let number = from; number <= to; number += 1) await client.turn(`This is question ${number}`);
  }
  const ready = async ({ url }: ServerProcess) =>
    readySchema.parse(await (await fetch(`${url}/ready`)).json());
  const figure = async ({ url }: ServerProcess, name: string) =>
    Number(
      new RegExp(`^voice_agent_${name} (\\S+)$`, "m").exec(await (await fetch(`${url}/metrics`)).text())?.[1],
    );
  async function calls({ url }: ServerProcess) {
    const { calls: listed } = callListWire.parse(await (await fetch(`${url}/calls`)).json());
    const each = listed.map(async ({ session_id }) =>
      callWire.parse(await (await fetch(`${url}/calls/${session_id}`)).json()),
    );
    return Promise.all(each);
  }
  const liveCalls = async ({ url }: ServerProcess) =>
    z.object({ calls: z.array(z.unknown()) }).parse(await (await fetch(`${url}/live/calls`)).json()).calls
      .length;
  const questions = ({ turns }: z.output<typeof callWire>) =>
    turns.flatMap(({ role, text }) => (role === "user" ? [Number(/\d+$/.exec(text ?? "")?.[0])] : []));
  const upTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1);

  test("breaks a connection in the middle of a transaction, and only the transaction hears of it", async () => {
    const database = await openDatabase(store.url, pino({ level: "silent" }));
    const heard = deferred();
    // A client that has ended says so after its error.
    database.pool?.on("connect", (client) => client.once("end", () => heard.resolve()));
    const other = new pg.Client({ connectionString: store.url });
    await other.connect();
    const broken = database.db.transaction().execute(async (trx) => {
      const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(trx);
      await other.query("select pg_terminate_backend($1)", [rows[0]?.pid]);
      // The news of it comes while no query runs.
      await heard.promise;
      await sql`select 1`.execute(trx);
    });
    await assert.rejects(broken);
    await database.db.selectFrom("calls").select("id").execute();
    await other.end();
    await database.db.destroy();
  });

  test("loses no turn of a call, tells how far the record is behind, and catches up", async (t) => {
    const { proxy, url } = await way(t);
    const server = await start(t, url);
    const client = await callTo(server);
    await talk(client, 1, 2);
    await until(async () => (await calls(server)).some((call) => questions(call).length === 2));
    assert.equal((await ready(server)).record, "up to date");
    proxy.cut();
    await talk(client, 3, 20);
    await until(async () => /^behind by \d+ s$/.test((await ready(server)).record));
    const unreadable = await fetch(`${server.url}/calls`);
    assert.deepEqual([unreadable.status, unreadable.headers.get("retry-after")], [503, "5"]);
    for (const file of ["calls.csv", "calls.jsonl"])
      assert.equal((await fetch(`${server.url}/${file}`)).status, 503, `${file} is not merely empty`);
    assert.match(await unreadable.text(), /"record_away".*try again/);
    assert.equal((await ready(server)).status, "ready");
    assert.ok((await figure(server, "record_behind_seconds")) >= 4);
    assert.ok((await figure(server, "record_backlog_bytes")) > 1_000);
    await talk(client, 21, 25);
    proxy.mend();
    await until(async () => (await figure(server, "record_backlog_bytes")) === 0);
    await client.close();
    await until(async () => (await calls(server))[0]?.end_reason === "client_closed");
    const [call] = await calls(server);
    assert.ok(call);
    assert.deepEqual(questions(call), upTo(25));
    assert.equal(await figure(server, "record_writes_lost_total"), 0);
    await until(async () => (await readdir(folder)).length === 0);
    assert.equal(await server.stop(), 0);
  });

  test("is given up when its connections go dead without a word, and made anew", async (t) => {
    const { proxy, url } = await way(t);
    const server = await start(t, url);
    const client = await callTo(server);
    await talk(client, 1, 1);
    await until(async () => (await calls(server)).length === 1);
    proxy.swallow();
    await talk(client, 2, 10);
    await until(async () => (await ready(server)).record !== "up to date");
    await server.nextLine(
      ({ msg }) => msg === "The store of calls is unavailable: writes wait until it is back",
    );
    // From now on whoever connects anew gets through.
    proxy.mend();
    await until(async () => (await ready(server)).record === "up to date");
    await client.close();
    await until(async () => (await calls(server))[0]?.end_reason === "client_closed");
    const [call] = await calls(server);
    assert.ok(call);
    assert.deepEqual(questions(call), upTo(10));
    // The live stream's connection, too.
    await until(async () => (await liveCalls(server)) === 0);
    assert.equal(await server.stop(), 0);
  });

  test("does not hold up the end of a server, and the next one writes what was left", async (t) => {
    for (const how of ["cut", "swallow"] as const) {
      const { proxy, url } = await way(t);
      const server = await start(t, url);
      const client = await callTo(server);
      await talk(client, 1, 1);
      await until(async () => (await calls(server)).some((call) => questions(call).length === 1));
      proxy[how]();
      await talk(client, 2, 5);
      await client.close();
      assert.equal(await server.stop(), 0, server.output);
      assert.equal((await readdir(folder)).length, 1, how);
      proxy.mend();
      const next = await start(t, url);
      await until(async () => (await calls(next))[0]?.end_reason === "client_closed");
      const [call] = await calls(next);
      assert.ok(call);
      assert.deepEqual(questions(call), upTo(5));
      await until(async () => (await readdir(folder)).length === 0);
      await next.stop();
      await store.remove();
      store = await createPostgres();
    }
  });

  test("is no reason to end another server's calls", async (t) => {
    const [first, second] = [await way(t), await way(t)];
    const [here, there] = await Promise.all([start(t, first.url), start(t, second.url)]);
    const client = await callTo(there);
    await talk(client, 1, 1);
    await until(async () => (await calls(here)).length === 1);
    for (const { proxy } of [first, second]) proxy.cut();
    await talk(client, 2, 12);
    await until(async () => (await ready(there)).record !== "up to date");
    first.proxy.mend();
    await until(async () => (await fetch(`${here.url}/calls`)).status === 200);
    second.proxy.mend();
    await until(async () => (await ready(there)).record === "up to date");
    // Long enough for one to be missed, were it so.
    await talk(client, 13, 30);
    await client.close();
    await until(async () => (await calls(here))[0]?.ended_at !== null);
    const [call] = await calls(here);
    assert.ok(call);
    assert.equal(call.end_reason, "client_closed");
    assert.deepEqual(questions(call), upTo(30));
    await Promise.all([here.stop(), there.stop()]);
  });

  test("has a server's calls back when that was only stopped for a while", async (t) => {
    const [here, there] = await Promise.all([start(t, store.url), start(t, store.url)]);
    const client = await callTo(there);
    await talk(client, 1, 1);
    await until(async () => (await calls(here)).length === 1);
    there.signal("SIGSTOP");
    await until(async () => (await calls(here))[0]?.end_reason === "crashed");
    await until(async () => (await liveCalls(here)) === 0);
    there.signal("SIGCONT");
    await talk(client, 2, 3);
    await until(async () => (await calls(here))[0]?.end_reason === null);
    await until(async () => (await liveCalls(here)) === 1);
    await client.close();
    await until(async () => (await calls(here))[0]?.end_reason === "client_closed");
    const [call] = await calls(here);
    assert.ok(call);
    assert.deepEqual(questions(call), upTo(3));
    const quality = z
      .object({ totals: z.looseObject({ calls: z.number() }) })
      .parse(await (await fetch(`${here.url}/quality`)).json());
    assert.equal(quality.totals.calls, 1);
    await Promise.all([here.stop(), there.stop()]);
  });
});

function databaseOf(url: string): string {
  return /^[^/]*\/\/[^/]*\/([^?]*)/.exec(url)?.[1] ?? "";
}

/** Where its socket is. */
function postgresFolder(): string {
  return /[?&]host=([^&]*)/.exec(postgresUrl ?? "")?.[1] ?? "";
}
