import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { after, before, describe, test } from "node:test";
import { guesses, HOSTILE, type Target } from "./support/hostile.ts";
import { fc } from "./support/property.ts";
import { until } from "./support/recorded-calls.ts";
import { type ServerProcess, startServerProcess } from "./support/server-process.ts";
import { VoiceClient } from "./support/voice-client.ts";

const HONEST = 10;

describe("one hostile caller", () => {
  const honest: VoiceClient[] = [];
  let server: ServerProcess;
  let target: Target;
  before(async () => {
    // A flood must be one on a slow machine, too; and the ten are silent for longer than a caller would be.
    const limits = { MAX_EVENTS_PER_SECOND: "50", SILENCE_TIMEOUT_MS: "0", HTTP_TIMEOUT_MS: "2000" };
    const env = { ...limits, LOG_LEVEL: "warn", DRAIN_TIMEOUT_MS: "0" };
    server = await startServerProcess({ env });
    target = { host: `127.0.0.1:${server.port}`, frameBytes: 256 * 1024, rounds: 3_000 };
    while (honest.length < HONEST) {
      const client = await VoiceClient.connect(server.wsUrl);
      client.join();
      await client.next("agent.speak");
      honest.push(client);
    }
  });
  after(async () => {
    await Promise.all(honest.map((client) => client.close()));
    assert.equal(await server.stop(), 0);
    const errors = server.lines.filter(({ level }) => Number(level) > 40);
    assert.deepEqual(errors, [], "nothing of it is an error of the server's");
  });

  /** Each of the ten asks once, and gets its answer. */
  const honestTurns = () =>
    Promise.all(
      honest.map(async (client) => assert.notEqual((await client.turn("Where is my order?")).text, "")),
    );

  /**
   * Attacks, and checks what it is closed with. Who goes on sending may never read that: the connection is cut over
   * what it has sent since. The server has said it, then, and its log says so, too.
   */
  const isClosed = async (kind: string, rounds = target.rounds) => {
    const hostile = HOSTILE[kind];
    assert.ok(hostile, kind);
    const before = server.lines.length;
    const end = await hostile.attack({ ...target, rounds });
    if (end !== "1006") {
      assert.match(end, hostile.closedWith, kind);
      return;
    }
    await until(async () => {
      const logged = server.lines.slice(before).map(({ msg }) => `${msg}`.replace("Closing:", "1008"));
      return logged.some((line) => hostile.closedWith.test(line));
    });
  };

  for (const kind of Object.keys(HOSTILE)) {
    test(`(${kind}) is closed with a reason, and ten others get all their answers`, async () => {
      await Promise.all([isClosed(kind), honestTurns()]);
    });
  }

  test("of any kinds beside others, as many as there are, changes nothing about that", async () => {
    const kinds = fc.subarray(Object.keys(HOSTILE), { minLength: 2, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(kinds, fc.integer({ min: 2_000, max: 5_000 }), async (chosen, rounds) => {
        await Promise.all([...chosen.map((kind) => isClosed(kind, rounds)), honestTurns()]);
      }),
      { numRuns: 2 },
    );
  });
});

test("who guesses tokens is told to wait, and a call that has the right one goes on", async (t) => {
  const AUTH_TOKEN = "the-token-that-is-right";
  const server = await startServerProcess({ env: { AUTH_TOKEN, LOG_LEVEL: "error", DRAIN_TIMEOUT_MS: "0" } });
  t.after(() => server.stop("SIGKILL"));
  const headers = { authorization: `Bearer ${AUTH_TOKEN}` };
  const client = await VoiceClient.connect(server.wsUrl, { headers });
  const target = { host: `127.0.0.1:${server.port}`, frameBytes: 256 * 1024, rounds: 50 };
  assert.equal(await guesses(target), "HTTP 429");
  assert.notEqual((await client.turn("Where is my order?")).text, "");
  const another = await VoiceClient.connect(server.wsUrl, { headers });
  await Promise.all([client.close(), another.close()]);
});

test("a peer that is connected and says nothing does not keep the server from stopping in good order", async (t) => {
  const server = await startServerProcess({ env: { LOG_LEVEL: "error" } });
  t.after(() => server.stop("SIGKILL"));
  const silent = connect(server.port, "127.0.0.1");
  await once(silent, "connect");
  assert.equal(await server.stop(), 0);
  silent.destroy();
});
