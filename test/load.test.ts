import assert from "node:assert/strict";
import { once } from "node:events";
import test, { describe } from "node:test";
import { WebSocket } from "ws";
import { parseConfig } from "../lib/config.ts";
import { ChatStream } from "../lib/llm/chat.ts";
import { createLlm } from "../lib/llm/client.ts";
import type { SetupSession } from "../lib/session/session.ts";
import type { AnyEvent } from "../lib/wire/events.ts";
import { startMockLlm } from "./support/mock-llm.ts";
import { deferred, Listener, type Script, ScriptedAgent, says } from "./support/nodes.ts";
import { withRuntime } from "./support/runtime-server.ts";
import { VoiceClient } from "./support/voice-client.ts";

const agentWith =
  (script: Script): SetupSession =>
  async (session) => {
    session.addNode(new ScriptedAgent(script));
    await session.start();
  };
const agent = agentWith(says("fine"));

/** Status and headers of an upgrade that is refused. */
async function refusedUpgrade(url: string) {
  const socket = new WebSocket(url);
  const [, response] = await once(socket, "unexpected-response");
  const { statusCode, headers } = response;
  response.destroy();
  return { status: statusCode, retryAfter: headers["retry-after"] };
}

describe("MAX_SESSIONS", () => {
  test("the next upgrade gets 503 with Retry-After, and a place that falls free is given again", async () => {
    const ended = deferred();
    await withRuntime(
      async (session) => {
        session.addNode(new ScriptedAgent(says("fine")));
        await session.start();
        await session.waitUntilComplete();
        ended.resolve();
      },
      async ({ wsUrl }) => {
        const first = await VoiceClient.connect(wsUrl);
        // A socket that has not said hello yet holds a place, too.
        const second = await VoiceClient.connect(wsUrl, { autoInit: false });
        assert.deepEqual(await refusedUpgrade(wsUrl), { status: 503, retryAfter: "5" });
        await first.close();
        await ended.promise;
        const third = await VoiceClient.connect(wsUrl);
        assert.equal((await third.turn("hi")).text, "fine");
        await Promise.all([second.close(), third.close()]);
      },
      { MAX_SESSIONS: "2" },
    );
  });

  test("holds when many come at the same moment", async () => {
    const allLooked = deferred();
    let looked = 0;
    await withRuntime(
      agent,
      async ({ wsUrl }) => {
        const tries = await Promise.allSettled(Array.from({ length: 5 }, () => VoiceClient.connect(wsUrl)));
        const calls = tries.flatMap((each) => (each.status === "fulfilled" ? [each.value] : []));
        assert.equal(calls.length, 3);
        await Promise.all(calls.map((call) => call.close()));
      },
      { MAX_SESSIONS: "3" },
      {
        // A plugin that takes its time between the first look and the handshake.
        plugins: async (app) => {
          app.addHook("preHandler", async () => {
            looked += 1;
            if (looked === 5) allLooked.resolve();
            await allLooked.promise;
          });
        },
      },
    );
  });
});

/** Tells when its answer is held back because the client does not read. */
class Watched extends ScriptedAgent {
  readonly #onHeld: () => void;

  constructor(script: Script, onHeld: () => void) {
    super(script);
    this.#onHeld = onHeld;
  }

  override attach(...args: Parameters<ScriptedAgent["attach"]>): void {
    const [session] = args;
    const { writable } = session;
    session.writable = () => {
      const wait = writable.call(session);
      if (wait) this.#onHeld();
      return wait;
    };
    super.attach(...args);
  }
}

describe("a client that stops reading", () => {
  test("pauses the model's stream, is closed with 1013 in the end, and nobody else notices", async () => {
    const mock = await startMockLlm();
    mock.onChat(() => ({ kind: "endless" }));
    // An answer of the usual length would be over before the client's buffers are full.
    const llm = createLlm(parseConfig({ OPENAI_BASE_URL: mock.baseUrl, MAX_RESPONSE_CHARS: "1000000000" }));
    const request = { model: "m", messages: [], tools: [], toolChoice: "none" as const, temperature: 0 };
    let pulled = 0;
    const endless: Script = async function* (signal) {
      for await (const piece of new ChatStream(llm, request, signal)) {
        pulled += 1;
        yield piece;
      }
    };
    const held = deferred();
    await withRuntime(
      async (session) => {
        const agent = session.caller ? new ScriptedAgent(says("fine")) : new Watched(endless, held.resolve);
        session.addNode(agent);
        await session.start();
      },
      async ({ wsUrl, lines }) => {
        const client = await VoiceClient.connect(wsUrl);
        const bystander = await VoiceClient.connect(wsUrl, { init: { caller: {} } });
        client.say("hi");
        await client.next("agent.llm.response.chunk");
        client.socket.pause();
        const upstream = await mock.nextRequest("chat");
        const over = upstream.done.then(() => assert.fail("the answer was over before it was held back"));
        await Promise.race([held.promise, over]);
        const pulledWhenHeld = pulled;
        assert.equal((await bystander.turn("hi")).text, "fine");
        await upstream.closedByClient;
        assert.equal(pulled, pulledWhenHeld, "the model's stream was read on");
        client.socket.resume();
        assert.equal((await client.closed).code, 1013);
        assert.ok(lines.some(({ msg, reason }) => msg === "Session ended" && reason === "slow_client"));
        assert.equal((await bystander.turn("hi")).text, "fine");
        await bystander.close();
      },
      { SLOW_CLIENT_TIMEOUT_MS: "300" },
    );
    await mock.close();
  });

  test("and reads again in time gets the whole answer", async () => {
    const piece = "x".repeat(100_000);
    const pieces = 100;
    const held = deferred();
    await withRuntime(
      async (session) => {
        session.addNode(new Watched(says(...Array<string>(pieces).fill(piece)), held.resolve));
        await session.start();
      },
      async ({ wsUrl }) => {
        const client = await VoiceClient.connect(wsUrl);
        client.say("hi");
        client.socket.pause();
        await held.promise;
        client.socket.resume();
        assert.equal((await client.response()).text.length, pieces * piece.length);
        await client.close();
      },
    );
  });
});

describe("a client nobody hears of", () => {
  test("is asked every 20 s and terminated when it has missed two; one that answers stays", async (t) => {
    t.mock.timers.enable({ apis: ["setInterval"] });
    await withRuntime(agent, async ({ wsUrl, lines }) => {
      const deaf = await VoiceClient.connect(wsUrl, { autoPong: false });
      const alive = await VoiceClient.connect(wsUrl);
      for (let ping = 1; ping <= 2; ping += 1) {
        const asked = Promise.all([once(deaf.socket, "ping"), once(alive.socket, "ping")]);
        t.mock.timers.tick(20_000);
        await asked;
        // The pong left before this, so it is there before the answer.
        assert.equal((await alive.turn("hi")).text, "fine");
      }
      assert.equal((await deaf.turn("hi")).text, "fine");
      t.mock.timers.tick(20_000);
      assert.equal((await deaf.closed).code, 1006);
      assert.equal((await alive.turn("hi")).text, "fine");
      assert.ok(lines.some(({ msg }) => msg?.includes("does not answer pings")));
      await alive.close();
    });
    t.mock.timers.reset();
  });

  test("is closed with a reason after SESSION_IDLE_TIMEOUT_MS without an event", async () => {
    await withRuntime(
      agent,
      async ({ wsUrl, lines }) => {
        const client = await VoiceClient.connect(wsUrl);
        assert.deepEqual(await client.closed, { code: 1000, reason: "no event for too long" });
        assert.ok(lines.some(({ msg, reason }) => msg === "Session ended" && reason === "idle"));
      },
      { SESSION_IDLE_TIMEOUT_MS: "150" },
    );
  });
});

describe("a node that does not keep up", () => {
  const utterance = (client: VoiceClient, content: string) =>
    client.send({ type: "agent.transcript.update", role: "user", content });
  const words = (events: readonly AnyEvent[]) =>
    events.flatMap((event) => (event.type === "agent.transcript.update" ? [event.content] : []));

  test("in the background drops its oldest utterance with a warning and a counter, and the call goes on", async () => {
    const [inHand, mayGoOn, stopped] = [deferred(), deferred(), deferred()];
    class Slow extends Listener {
      protected override async processEvent(event: AnyEvent): Promise<void> {
        super.processEvent(event);
        inHand.resolve();
        await mayGoOn.promise;
      }
      override stop(): void {
        stopped.resolve();
      }
    }
    const slow = new Slow({ name: "slow", hears: ["client"], mailboxLimit: 3 });
    await withRuntime(
      async (session) => {
        session.addNode(session.id === "start-up-check" ? new Listener() : slow);
        session.addNode(new ScriptedAgent(says("fine")));
        await session.start();
      },
      async ({ wsUrl, url, lines }) => {
        const client = await VoiceClient.connect(wsUrl);
        utterance(client, "in hand");
        await inHand.promise;
        for (const number of [1, 2, 3, 4, 5]) utterance(client, `${number}`);
        assert.equal((await client.turn("6")).text, "fine");
        assert.equal(slow.droppedEvents, 4);
        const warnings = lines.filter(({ node, level }) => node === "slow" && level === 40);
        assert.equal(warnings.length, 1);
        const metrics = await (await fetch(`${url}/metrics`)).text();
        assert.match(metrics, /^voice_agent_dropped_events_total 4$/m);
        mayGoOn.resolve();
        await client.close();
        await stopped.promise;
        assert.deepEqual(words(slow.heard), ["in hand", "5", "6"]);
        // What a call that is over has dropped still counts.
        assert.match(await (await fetch(`${url}/metrics`)).text(), /^voice_agent_dropped_events_total 4$/m);
      },
    );
  });

  test("as the one that talks never loses a transcript, not even to interrupts", async () => {
    const mayGoOn = deferred();
    class Busy extends ScriptedAgent {
      protected override async onEvent(event: AnyEvent): Promise<void> {
        super.onEvent(event);
        await mayGoOn.promise;
      }
    }
    const busy = new Busy(says("fine"), { mailboxLimit: 6 });
    await withRuntime(
      async (session) => {
        session.addNode(session.id === "start-up-check" ? new Listener() : busy);
        await session.start();
      },
      async ({ wsUrl }) => {
        const client = await VoiceClient.connect(wsUrl);
        client.join();
        for (const number of [1, 2, 3, 4, 5]) {
          client.send({ type: "system.user.started_speaking" });
          utterance(client, `${number}`);
          client.interrupt();
        }
        client.send({ type: "system.llm.request" });
        mayGoOn.resolve();
        assert.equal((await client.response()).text, "fine");
        assert.deepEqual(words(busy.seen), ["1", "2", "3", "4", "5"]);
        await client.close();
      },
    );
  });

  test("and holds nothing that may be lost ends its call, and no other", async () => {
    await withRuntime(
      async (session) => {
        const never = new Promise<void>(() => {});
        class Stuck extends ScriptedAgent {
          protected override onEvent(): Promise<void> {
            return never;
          }
        }
        session.addNode(
          session.caller ? new ScriptedAgent(says("fine")) : new Stuck(says(""), { mailboxLimit: 2 }),
        );
        await session.start();
      },
      async ({ wsUrl, lines }) => {
        const bystander = await VoiceClient.connect(wsUrl, { init: { caller: {} } });
        const client = await VoiceClient.connect(wsUrl);
        for (const number of [1, 2, 3, 4]) utterance(client, `${number}`);
        assert.equal((await client.closed).code, 1011);
        assert.equal((await bystander.turn("hi")).text, "fine");
        assert.ok(lines.some(({ msg }) => msg === "Session failed"));
        await bystander.close();
      },
    );
  });
});
