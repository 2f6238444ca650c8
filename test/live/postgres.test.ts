import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import type { AddressInfo } from "node:net";
import test, { describe } from "node:test";
import Fastify from "fastify";
import pg from "pg";
import { pino } from "pino";
import { Live } from "../../lib/live/live.ts";
import type { LiveEvent, LiveNews } from "../../lib/live/live-event.ts";
import type { LiveFeed } from "../../lib/live/live-feed.ts";
import { openPostgresFeed } from "../../lib/live/postgres-feed.ts";
import { liveRoutes } from "../../lib/live/routes.ts";
import { SupervisionError } from "../../lib/nodes/supervised.ts";
import { EventReader } from "../support/event-reader.ts";
import { ScriptedAgent, says } from "../support/nodes.ts";
import { openDoor } from "../support/open-door.ts";
import { startRuntime } from "../support/runtime-server.ts";
import { startServerProcess } from "../support/server-process.ts";
import { startTcpProxy } from "../support/tcp-proxy.ts";
import { VoiceClient } from "../support/voice-client.ts";

const url = process.env.TEST_DATABASE_URL;
if (!url && process.env.CI) throw new Error("CI tests PostgreSQL, too: source .ci/postgres first");
const skip = url
  ? false
  : "PostgreSQL skipped: set TEST_DATABASE_URL, or source .ci/postgres, to test it, too";
if (skip) console.log(skip);

const log = pino({ level: "silent" });
/** Longer than a test. */
const BEAT_MS = 60_000;

/** An empty database for the test, pools on it as servers have them, and its address. */
async function withDatabase(
  run: (pool: (name?: string) => pg.Pool, address: string) => Promise<void>,
): Promise<void> {
  const name = `live_${randomUUID().replaceAll("-", "")}`;
  const server = new pg.Pool({ connectionString: url });
  await server.query(`create database ${name}`);
  const own = String(url).replace(/^(postgres(?:ql)?:\/\/[^/]*\/)[^?]*/, `$1${name}`);
  const pools: pg.Pool[] = [];
  try {
    await run((application_name = "test") => {
      const pool = new pg.Pool({ connectionString: own, max: 5, application_name });
      pool.on("error", () => {});
      pools.push(pool);
      return pool;
    }, own);
  } finally {
    await Promise.all(pools.map((pool) => pool.end()));
    await server.query(`drop database ${name} with (force)`);
    await server.end();
  }
}

/** An agent that notes what a supervisor wants of it. */
class Steered extends ScriptedAgent {
  readonly orders: string[] = [];

  override whisper(note: string): void {
    this.orders.push(`whisper ${note}`);
  }

  override say(text: string): void {
    this.speak(text);
  }

  override transfer(): void {
    throw new SupervisionError("no_transfer_number", "set TRANSFER_NUMBER");
  }

  override end(): void {
    this.orders.push("end");
  }
}

const TOKEN = "the-token-of-anna";
const ANNA = { authorization: `Bearer ${TOKEN}` };

async function startServer(pool: pg.Pool) {
  const live = new Live(await openPostgresFeed(pool, log, BEAT_MS));
  const agents: Steered[] = [];
  const server = await startRuntime(
    async (session) => {
      const agent = new Steered(says("Hm."));
      agents.push(agent);
      session.addNode(live.watch());
      session.addNode(agent);
      await session.start();
    },
    { TOKENS: `admin anna ${TOKEN}` },
    {
      plugins: async (app) => {
        await app.register(liveRoutes, { live });
        app.addHook("onClose", () => live.close());
      },
    },
  );
  return { ...server, agents };
}

/** The events of a feed as they come. */
function collect(feed: LiveFeed) {
  const ids: number[] = [];
  const texts: string[] = [];
  let arrived: () => void = () => {};
  feed.onEvent(({ id, event }) => {
    ids.push(id);
    texts.push(event.type === "turn" ? event.text : event.type);
    arrived();
  });
  const until = async (count: number) => {
    while (texts.length < count) {
      await new Promise<void>((resolve) => {
        arrived = resolve;
      });
    }
  };
  return { ids, texts, until };
}

const event = (news: LiveNews, sessionId = "a"): LiveEvent => ({
  ...news,
  at: new Date().toISOString(),
  sessionId,
});
const said = (text: string, sessionId?: string) =>
  event({ type: "turn", number: 1, role: "user", utterance: 1, text, offsetMs: 0 }, sessionId);
const begun = (sessionId?: string) =>
  event(
    {
      type: "call.started",
      callId: null,
      callerNumber: null,
      direction: null,
      conversationType: "chat",
      agent: null,
      agentVersion: null,
      model: null,
      startedAt: "t",
    },
    sessionId,
  );

describe("servers that share a PostgreSQL database", { skip }, () => {
  test("show one another's calls, and a supervisor reaches a call by any of them", async () => {
    await withDatabase(async (pool) => {
      const here = await startServer(pool());
      const there = await startServer(pool());
      const viewer = await EventReader.connect(`${there.url}/live`, ANNA);
      const client = await VoiceClient.connect(here.wsUrl, { headers: ANNA });
      const id = (await viewer.next("call.started")).data.session_id;
      await client.turn("hello");
      await viewer.next("turn", ({ data }) => data.text === "Hm.");
      const order = (action: string, body?: object) =>
        fetch(`${there.url}/live/${id}/${action}`, {
          method: "POST",
          headers: body ? { ...ANNA, "content-type": "application/json" } : ANNA,
          ...(body && { body: JSON.stringify(body) }),
        });
      assert.equal((await order("whisper", { text: "Be kind." })).status, 200);
      assert.deepEqual(here.agents.at(-1)?.orders, ["whisper Be kind."]);
      const { data } = await viewer.next("supervisor");
      assert.deepEqual([data.text, data.by], ["Be kind.", "anna"]);
      await order("say", { text: "This is Ann." });
      assert.equal((await client.next("agent.speak")).text, "This is Ann.");
      const refused = await order("transfer");
      assert.equal(refused.status, 409);
      assert.match(await refused.text(), /no_transfer_number.*TRANSFER_NUMBER/);
      await client.close();
      await viewer.next("call.ended");
      assert.equal((await order("end")).status, 404);
      // A server that stops tells the others of the ends of its calls.
      await VoiceClient.connect(here.wsUrl, { headers: ANNA });
      await here.close();
      assert.equal((await viewer.next("call.ended")).data.reason, "drain");
      await viewer.close();
      await there.close();
    });
  });

  test("do so as real processes, and one that is told to stop says how its calls ended", async () => {
    await withDatabase(async (_pool, address) => {
      const env = { HOST: "127.0.0.1", DATABASE_URL: address, DRAIN_TIMEOUT_MS: "0" };
      const [here, there] = await Promise.all([startServerProcess({ env }), startServerProcess({ env })]);
      const viewer = await EventReader.connect(`${there.url}/live`, ANNA);
      const client = await VoiceClient.connect(here.wsUrl, { headers: ANNA });
      client.join();
      await viewer.next("turn", ({ data }) => data.role === "agent");
      assert.equal(await here.stop(), 0);
      assert.equal((await viewer.next("call.ended")).data.reason, "drain");
      assert.equal(await there.stop(), 0);
      await viewer.closed;
    });
  });

  test("see every event, in one order, whoever wrote it", async () => {
    await withDatabase(async (pool) => {
      const feeds = await Promise.all([1, 2, 3].map(() => openPostgresFeed(pool(), log, BEAT_MS)));
      const seen = feeds.map(collect);
      for (let n = 0; n < 100; n += 1) {
        for (const [index, feed] of feeds.entries()) feed.publish(said(`${index}:${n}`));
        if (n % 10 === 0) await seen[0]?.until(n);
      }
      await Promise.all(seen.map(({ until }) => until(300)));
      const [first, ...others] = seen;
      assert.ok(first);
      for (const other of others) assert.deepEqual(other, { ...other, ids: first.ids, texts: first.texts });
      assert.deepEqual(
        first.ids,
        [...first.ids].sort((a, b) => a - b),
      );
      assert.equal(new Set(first.texts).size, 300);
      for (const index of [0, 1, 2]) {
        const written: string[] = first.texts.filter((text) => text.startsWith(`${index}:`));
        assert.deepEqual(
          written,
          Array.from({ length: 100 }, (_, n) => `${index}:${n}`),
        );
      }
      await Promise.all(feeds.map((feed) => feed.close()));
    });
  });

  test("know the calls that were live before they started", async () => {
    await withDatabase(async (pool) => {
      const first = await openPostgresFeed(pool(), log, BEAT_MS);
      const seen = collect(first);
      for (const each of [
        begun("a"),
        begun("b"),
        said("hello", "a"),
        event({ type: "call.ended", reason: "client_closed", durationMs: 1 }, "b"),
      ]) {
        first.publish(each);
      }
      await seen.until(4);
      const second = await openPostgresFeed(pool(), log, BEAT_MS);
      assert.deepEqual(
        second.history.map(({ type, sessionId }) => `${sessionId} ${type}`),
        ["a call.started", "a turn"],
      );
      assert.equal(second.startId, seen.ids.at(-1));
      await first.close();
      await second.close();
    });
  });

  test("end the calls of one that is gone, and tell them anew when it was only silent", async () => {
    await withDatabase(async (pool) => {
      const silent = await openPostgresFeed(pool(), log, BEAT_MS);
      const seen = collect(silent);
      silent.publish(begun("a"));
      silent.publish(said("hello", "a"));
      await seen.until(2);
      const other = await openPostgresFeed(pool(), log, 20);
      // It can hear, and takes its call back at once.
      await seen.until(5);
      assert.deepEqual(seen.texts, ["call.started", "hello", "call.ended", "call.started", "hello"]);
      const third = await openPostgresFeed(pool(), log, BEAT_MS);
      assert.deepEqual(
        third.history.map(({ type }) => type),
        ["call.started", "turn"],
      );
      silent.publish(event({ type: "call.ended", reason: "client_closed", durationMs: 1 }, "a"));
      await seen.until(6);
      await Promise.all([silent, other, third].map((feed) => feed.close()));
    });
  });

  test("hear of what happened while their connection was broken", async () => {
    await withDatabase(async (pool) => {
      const writer = await openPostgresFeed(pool(), log, BEAT_MS);
      const reader = await openPostgresFeed(pool("reader"), log, BEAT_MS);
      const seen = collect(reader);
      writer.publish(said("one"));
      await seen.until(1);
      const { rowCount } = await pool().query(
        `select pg_terminate_backend(pid) from pg_stat_activity
         where application_name = 'reader' and datname = current_database() and query like 'listen%'`,
      );
      assert.equal(rowCount, 1);
      writer.publish(said("two"));
      await seen.until(2);
      assert.deepEqual(seen.texts, ["one", "two"]);
      await writer.close();
      await reader.close();
    });
  });

  test("hear of every call's end, however much has waited for the database", async (t) => {
    const path = `${new URLSearchParams(String(url).split("?")[1]).get("host")}/.s.PGSQL.5432`;
    const proxy = await startTcpProxy(path);
    t.after(() => proxy.close());
    await withDatabase(async (pool, address) => {
      const [, database] = /\/([^/?]*)\?/.exec(address) ?? [];
      const there = new pg.Pool({
        connectionString: `postgres://postgres@127.0.0.1:${proxy.port}/${database}`,
      });
      there.on("error", () => {});
      there.on("connect", (client) => client.on("error", () => {}));
      const cutOff = await openPostgresFeed(there, log, BEAT_MS);
      const other = await openPostgresFeed(pool(), log, BEAT_MS);
      const seen = collect(other);
      for (const id of ["a", "b"]) cutOff.publish(begun(id));
      await seen.until(2);
      proxy.cut();
      cutOff.publish(event({ type: "call.ended", reason: "client_closed", durationMs: 1 }, "a"));
      for (let n = 0; n < 12_000; n += 1) cutOff.publish(said(`${n}`, "b"));
      proxy.mend();
      cutOff.publish(event({ type: "call.ended", reason: "client_closed", durationMs: 1 }, "b"));
      while (seen.texts.filter((text) => text === "call.ended").length < 2)
        await seen.until(seen.texts.length + 1);
      assert.equal(seen.texts.at(-1), "call.ended");
      assert.equal(seen.texts.at(-2), "11999");
      assert.ok(seen.texts.length > 10_000 && seen.texts.length < 12_000, `${seen.texts.length}`);
      await Promise.all([cutOff, other].map((feed) => feed.close()));
      await there.end();
    });
  });

  test("see an event once whose storing was done and not confirmed", async () => {
    await withDatabase(async (pool) => {
      let isConfirmed = false;
      const forgetful = new Proxy(pool(), {
        get(target, name) {
          if (name !== "query") return Reflect.get(target, name, target);
          return async (text: string, values: unknown[]) => {
            const result = await target.query(text, values);
            if (isConfirmed || !text.includes("into live_events")) return result;
            isConfirmed = true;
            throw new Error("the connection broke before the answer came");
          };
        },
      });
      const feed = await openPostgresFeed(forgetful, log, BEAT_MS);
      const seen = collect(feed);
      for (const text of ["one", "two", "three"]) feed.publish(said(text));
      await seen.until(3);
      feed.publish(said("four"));
      await seen.until(4);
      assert.ok(isConfirmed);
      assert.deepEqual(seen.texts, ["one", "two", "three", "four"]);
      await feed.close();
    });
  });

  test("answer for a call whose server has gone silent", async () => {
    await withDatabase(async (pool) => {
      const feed = await openPostgresFeed(pool(), log, BEAT_MS);
      const live = new Live(feed);
      const app = Fastify();
      openDoor(app);
      await app.register(liveRoutes, { live });
      await app.listen({ port: 0, host: "127.0.0.1" });
      const seen = collect(feed);
      feed.publish(begun("a"));
      await seen.until(1);
      const { port } = app.server.address() as AddressInfo;
      const answer = await fetch(`http://127.0.0.1:${port}/live/a/end`, { method: "POST" });
      assert.equal(answer.status, 504);
      await app.close();
      await live.close();
    });
  });
});
