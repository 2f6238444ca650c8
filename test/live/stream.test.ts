import assert from "node:assert/strict";
import { once } from "node:events";
import { get, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import test, { describe, mock } from "node:test";
import Fastify from "fastify";
import { Board } from "../../lib/live/board.ts";
import { EventRing } from "../../lib/live/event-ring.ts";
import { Live } from "../../lib/live/live.ts";
import type { LiveEvent } from "../../lib/live/live-event.ts";
import { InProcessFeed } from "../../lib/live/live-feed.ts";
import { liveRoutes } from "../../lib/live/routes.ts";
import { EventReader } from "../support/event-reader.ts";
import { openDoor } from "../support/open-door.ts";
import { fc } from "../support/property.ts";

type Server = { url: string; feed: InProcessFeed; say: (text: string, sessionId?: string) => void };

const numbers = new Map<string, number>();
const turn = (text: string, sessionId: string): LiveEvent => ({
  type: "turn",
  at: "2026-01-01T00:00:00.000Z",
  sessionId,
  number: nextNumber(sessionId),
  role: "user",
  utterance: 1,
  text,
  offsetMs: 0,
});

function nextNumber(sessionId: string): number {
  const number = (numbers.get(sessionId) ?? 0) + 1;
  numbers.set(sessionId, number);
  return number;
}

/** The routes alone, with events that the test makes up. */
async function withStream(run: (server: Server, close: () => Promise<void>) => Promise<void>): Promise<void> {
  const feed = new InProcessFeed();
  const app = Fastify();
  app.addHook("onRequest", async (_request, reply) => {
    reply.header("x-content-type-options", "nosniff");
  });
  openDoor(app);
  await app.register(liveRoutes, { live: new Live(feed) });
  await app.listen({ port: 0, host: "127.0.0.1" });
  const { port } = app.server.address() as AddressInfo;
  const say = (text: string, sessionId = "a") => feed.publish(turn(text, sessionId));
  try {
    await run({ url: `http://127.0.0.1:${port}/live`, feed, say }, () => app.close());
  } finally {
    await app.close();
  }
}

const texts = (reader: EventReader) => reader.received.map(({ type, data }) => data.text ?? type);

describe("a viewer that comes back", () => {
  test("gets what it missed, once, and then what happens", async () => {
    await withStream(async ({ url, say }) => {
      const before = await EventReader.connect(url);
      say("one");
      const { id } = await before.next("turn");
      await before.close();
      say("two");
      say("three");
      const after = await EventReader.connect(url, { "Last-Event-ID": String(id) });
      say("four");
      await after.next("turn", ({ data }) => data.text === "four");
      assert.deepEqual(texts(after), ["two", "three", "four"]);
      await after.close();
    });
  });

  test("names the event by the header, or by the parameter where there is no header", async () => {
    await withStream(async ({ url, feed, say }) => {
      for (const text of ["one", "two", "three"]) say(text);
      const byParameter = await EventReader.connect(`${url}?last_event_id=${feed.startId + 2}`);
      const byHeader = await EventReader.connect(`${url}?last_event_id=${feed.startId}`, {
        "Last-Event-ID": String(feed.startId + 1),
      });
      say("end");
      for (const reader of [byParameter, byHeader]) {
        await reader.next("turn", ({ data }) => data.text === "end");
        await reader.close();
      }
      assert.deepEqual(texts(byParameter), ["three", "end"]);
      assert.deepEqual(texts(byHeader), ["two", "three", "end"]);
    });
  });

  test("gets the events of its own call alone", async () => {
    await withStream(async ({ url, feed, say }) => {
      say("one", "a");
      say("two", "b");
      const reader = await EventReader.connect(`${url}?session=b&last_event_id=${feed.startId}`);
      say("three", "a");
      say("four", "b");
      await reader.next("turn", ({ data }) => data.text === "four");
      assert.deepEqual(texts(reader), ["two", "four"]);
      await reader.close();
    });
  });

  for (const [what, id] of [
    ["too old", "1"],
    ["of another server, ahead of ours", String(Number.MAX_SAFE_INTEGER)],
    ["no number", "yesterday"],
  ] as const) {
    test(`is told to start again when the id is ${what}`, async () => {
      await withStream(async ({ url, feed, say }) => {
        say("one");
        const reader = await EventReader.connect(url, { "Last-Event-ID": id });
        say("two");
        await reader.next("turn");
        assert.deepEqual(texts(reader), ["reset", "two"]);
        assert.equal(reader.received[0]?.id, feed.startId + 1);
        await reader.close();
      });
    });
  }
});

test("a server that is started again goes on above the ids of its former run", (t) => {
  mock.timers.enable({ apis: ["Date"], now: Date.now() });
  t.after(() => mock.timers.reset());
  const former = new InProcessFeed();
  const ids: number[] = [];
  former.onEvent(({ id }) => ids.push(id));
  for (let n = 0; n < 900; n += 1) former.publish(turn("…", "a"));
  mock.timers.tick(1);
  assert.ok(new InProcessFeed().startId > Math.max(...ids));
});

test("a parameter that cannot be used is a 400 that names it", async () => {
  await withStream(async ({ url }) => {
    const response = await fetch(`${url}?last_event_id=yesterday`);
    assert.equal(response.status, 400);
    assert.match(await response.text(), /last_event_id/);
  });
});

test("a stream keeps the headers of the server's hooks and is not to be stored", async () => {
  await withStream(async ({ url }) => {
    const reader = await EventReader.connect(url);
    const { headers } = reader.response;
    assert.equal(headers["content-type"], "text/event-stream; charset=utf-8");
    assert.equal(headers["cache-control"], "no-store");
    assert.equal(headers["x-content-type-options"], "nosniff");
    await reader.close();
  });
});

test("a viewer that does not read is dropped, and the others go on", async () => {
  await withStream(async ({ url, say }) => {
    const request = get(url, { agent: false });
    const [stuck]: IncomingMessage[] = await once(request, "response");
    assert.ok(stuck);
    stuck.pause();
    const reader = await EventReader.connect(url);
    const dropped = once(stuck.socket, "close");
    // More than the sockets' own buffers and our bound hold together.
    for (let batch = 0; batch < 16; batch += 1) {
      for (let n = 0; n < 5; n += 1) say("x".repeat(200_000));
      say(`batch ${batch}`);
      await reader.next("turn", ({ data }) => data.text === `batch ${batch}`);
    }
    stuck.on("error", () => {});
    stuck.resume();
    await dropped;
    say("still here");
    await reader.next("turn", ({ data }) => data.text === "still here");
    await reader.close();
  });
});

test("one viewer too many is asked to come back", async () => {
  await withStream(async ({ url }) => {
    const readers = await Promise.all(Array.from({ length: 64 }, () => EventReader.connect(url)));
    const refused = await fetch(url);
    assert.equal(refused.status, 503);
    assert.equal(refused.headers.get("retry-after"), "5");
    await refused.body?.cancel();
    await readers[0]?.close();
    // The server hears of the close a moment later.
    for (;;) {
      const response = await fetch(url);
      await response.body?.cancel();
      if (response.status === 200) break;
    }
    for (const reader of readers) await reader.close();
  });
});

test("the streams end when the server closes", async () => {
  await withStream(async ({ url, say }, close) => {
    const reader = await EventReader.connect(url);
    say("last words");
    await close();
    await reader.closed;
    assert.deepEqual(texts(reader), ["last words"]);
  });
});

test("a quiet stream gives a sign of life every 15 s", async (t) => {
  mock.timers.enable({ apis: ["setInterval"] });
  t.after(() => mock.timers.reset());
  await withStream(async ({ url }) => {
    const reader = await EventReader.connect(url);
    const chunk = once(reader.response, "data");
    mock.timers.tick(15_000);
    assert.deepEqual(await chunk, [":\n\n"]);
    await reader.close();
  });
});

test("the ring gives what follows an id, as long as it has it all", () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 600_000 }), { maxLength: 30 }),
      fc.integer({ min: -2, max: 32 }),
      (sizes, offset) => {
        const ring = new EventRing(100);
        const all = sizes.map((size, index) => ({
          id: 101 + index,
          sessionId: "a",
          frame: "x".repeat(size),
        }));
        for (const entry of all) ring.push(entry);
        const asked = 100 + offset;
        const wanted = all.filter(({ id }) => id > asked);
        const got = ring.since(asked);
        if (got) assert.deepEqual(got, wanted);
        const kept = wanted.reduce((sum, { frame }) => sum + frame.length, 0) <= 2_000_000;
        const exists = asked >= 100 && asked <= ring.lastId;
        assert.equal(got !== null, exists && kept);
      },
    ),
  );
});

test("the picture's lists are bounded", () => {
  const board = new Board();
  board.apply({
    type: "call.started",
    at: "t",
    sessionId: "a",
    callId: null,
    callerNumber: null,
    direction: null,
    conversationType: "chat",
    agent: null,
    agentVersion: null,
    model: null,
    startedAt: "t",
  });
  for (let n = 0; n < 500; n += 1) board.apply(turn(`turn ${n}`, "a"));
  const call = board.get("a");
  assert.equal(call?.turn_count, 500);
  assert.ok(Array.isArray(call?.turns) && call.turns.length === 200);
  board.apply({ type: "call.ended", at: "t", sessionId: "a", reason: "client_closed", durationMs: 1 });
  board.apply(turn("after the end", "a"));
  assert.deepEqual(board.list(), []);
});
