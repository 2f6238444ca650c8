import assert from "node:assert/strict";
import { once } from "node:events";
import test, { describe } from "node:test";
import { setImmediate } from "node:timers/promises";
import type { SetupSession } from "../../lib/session/session.ts";
import { MAX_REQUEST_MESSAGES, MAX_VARIABLES_BYTES } from "../../lib/wire/events.ts";
import { type Script, ScriptedAgent, says } from "../support/nodes.ts";
import { fc } from "../support/property.ts";
import { withRuntime } from "../support/runtime-server.ts";
import { type Frame, VoiceClient } from "../support/voice-client.ts";

const agentWith =
  (script: Script): SetupSession =>
  async (session) => {
    session.addNode(new ScriptedAgent(script));
    await session.start();
  };
const agent = agentWith(says("fine"));

const BAD_FRAMES: [string, string | Buffer, string][] = [
  ["not JSON", "zebra-words", "bad_json"],
  ["not an object", '["zebra-words"]', "not_an_object"],
  ["no type", '{"zebra-words":1}', "bad_field"],
  ["an unknown type", '{"type":"Zebra-Words"}', "unknown_type"],
  ["an inherited type name", '{"type":"constructor"}', "unknown_type"],
  ["the type __proto__", '{"type":"__proto__"}', "unknown_type"],
  ["a field of the wrong type", '{"type":"agent.transcript.update","role":"zebra-words"}', "bad_field"],
  ["an event only the server sends", '{"type":"agent.speak","text":"zebra-words"}', "wrong_sender"],
  ["bytes that are not UTF-8", Buffer.from([0x7b, 0xff, 0xfe, 0x7d]), "bad_utf8"],
  ["20,000 open brackets", "[".repeat(20_000), "bad_json"],
  ["a second system.init", initFrame({}), "second_init"],
];

function initFrame(variables: object): string {
  const session_context = { initial_variables: variables, conversation_type: "telephonyInbound" };
  return JSON.stringify({ type: "system.init", version: "1", session_context });
}

describe("a bad frame", () => {
  for (const [what, frame, code] of BAD_FRAMES) {
    test(`(${what}) is a line in the log without its bytes, and the call goes on`, async () => {
      await withRuntime(
        agent,
        async ({ wsUrl, lines }) => {
          const client = await VoiceClient.connect(wsUrl);
          client.sendRaw(frame);
          assert.equal((await client.turn("hi")).text, "fine");
          const line = lines.find((each) => each.code !== undefined);
          assert.equal(line?.code, code);
          assert.doesNotMatch(JSON.stringify(lines), /zebra-words|\[\[\[/i);
          await client.close();
        },
        { LOG_LEVEL: "info" },
      );
    });
  }

  test("before system.init is ignored, and the handshake still works", async () => {
    await withRuntime(agent, async ({ wsUrl, lines }) => {
      const client = await VoiceClient.connect(wsUrl, { autoInit: false });
      client.join();
      client.sendRaw("not JSON");
      client.init();
      assert.equal((await client.turn("hi")).text, "fine");
      assert.deepEqual(
        lines.flatMap(({ code }) => (code ? [code] : [])),
        ["before_init", "bad_json"],
      );
      await client.close();
    });
  });

  test("is logged a few times, not three hundred", async () => {
    await withRuntime(agent, async ({ wsUrl, lines }) => {
      const client = await VoiceClient.connect(wsUrl);
      for (let sent = 0; sent < 300; sent += 1) client.sendRaw("{");
      await client.turn("hi");
      assert.equal(lines.filter(({ code }) => code === "bad_json").length, 5 + 3);
      await client.close();
    });
  });

  test("of a known type tells a platform why it was refused, and tells a chat nothing", async () => {
    const request = {
      type: "system.llm.request",
      messages: Array(MAX_REQUEST_MESSAGES + 1).fill({ role: "user", content: "x" }),
    };
    await withRuntime(agent, async ({ wsUrl }) => {
      const platform = await VoiceClient.connect(wsUrl);
      platform.send(request);
      const refusal = await platform.next("agent.error");
      assert.equal(refusal.severity, "warning");
      assert.match(String(refusal.message), /messages.*2000/);
      assert.equal((await platform.turn("hi")).text, "fine");
      await platform.close();

      const chat = await VoiceClient.connect(wsUrl, { conversationType: "chat" });
      chat.send(request);
      await chat.turn("hi");
      assert.ok(!chat.frames.some(({ type }) => type === "agent.error"));
      await chat.close();
    });
  });

  test("with too many variables refuses the session with a reason", async () => {
    await withRuntime(agent, async ({ wsUrl }) => {
      const client = await VoiceClient.connect(wsUrl, { autoInit: false });
      client.sendRaw(initFrame({ a: "x".repeat(MAX_VARIABLES_BYTES) }));
      const { code, reason } = await client.closed;
      assert.equal(code, 1008);
      assert.match(reason, /initial_variables: may hold at most 65536 bytes/);
    });
  });
});

test("an upgrade of an address that takes no calls is answered before the handshake", async () => {
  await withRuntime(agent, async ({ wsUrl }) => {
    for (const path of ["/health", "/ready", "/", "/metrics"]) {
      await assert.rejects(VoiceClient.connect(new URL(path, wsUrl).href), /400/, path);
    }
    await assert.rejects(VoiceClient.connect(new URL("/no-such", wsUrl).href), /404/);
  });
});

describe("too much", () => {
  test("a frame of MAX_FRAME_BYTES passes, one more byte is closed with 1009", async () => {
    await withRuntime(
      agent,
      async ({ wsUrl, lines }) => {
        const client = await VoiceClient.connect(wsUrl);
        const bystander = await VoiceClient.connect(wsUrl);
        client.sendRaw("x".repeat(2_000));
        await client.turn("hi");
        client.sendRaw("x".repeat(2_001));
        assert.equal((await client.closed).code, 1009);
        assert.equal((await bystander.turn("hi")).text, "fine");
        assert.ok(!lines.some(({ level }) => level > 40));
        await bystander.close();
      },
      { MAX_FRAME_BYTES: "2000" },
    );
  });

  for (const [what, send] of [
    ["events", (client: VoiceClient) => client.join()],
    ["frames that are none", (client: VoiceClient) => client.sendRaw("{")],
  ] as const) {
    test(`${what} above the rate close that session with 1008, a burst below it does not`, async () => {
      await withRuntime(
        agent,
        async ({ wsUrl }) => {
          const client = await VoiceClient.connect(wsUrl);
          const bystander = await VoiceClient.connect(wsUrl);
          for (let sent = 0; sent < 90; sent += 1) send(client);
          assert.equal((await client.turn("hi")).text, "fine");
          for (let sent = 0; sent < 1_000; sent += 1) send(client);
          const { code, reason } = await client.closed;
          assert.equal(code, 1008);
          assert.match(reason, /50 events a second/);
          assert.equal((await bystander.turn("hi")).text, "fine");
          await bystander.close();
        },
        { MAX_EVENTS_PER_SECOND: "50" },
      );
    });
  }

  test("pings count like frames", async () => {
    await withRuntime(
      agent,
      async ({ wsUrl }) => {
        const client = await VoiceClient.connect(wsUrl);
        let closed = false;
        void client.closed.then(() => {
          closed = true;
        });
        for (let sent = 0; sent < 1_000 && !closed; sent += 1) {
          client.socket.ping();
          await Promise.race([once(client.socket, "pong"), client.closed]);
        }
        assert.equal((await client.closed).code, 1008);
      },
      { MAX_EVENTS_PER_SECOND: "50" },
    );
  });

  test("a heap of pings is closed with the reason, too", async () => {
    await withRuntime(
      agent,
      async ({ wsUrl }) => {
        const client = await VoiceClient.connect(wsUrl);
        for (let sent = 0; sent < 2_000; sent += 1) client.socket.ping("x".repeat(125));
        assert.deepEqual(await client.closed, { code: 1008, reason: "more than 50 events a second" });
      },
      { MAX_EVENTS_PER_SECOND: "50" },
    );
  });

  test("pings that come together are answered by the last one's pong at the latest", async () => {
    await withRuntime(agent, async ({ wsUrl }) => {
      const client = await VoiceClient.connect(wsUrl);
      const answers: string[] = [];
      client.socket.on("pong", (data) => answers.push(String(data)));
      for (let sent = 1; sent <= 20; sent += 1) client.socket.ping(String(sent));
      while (answers.at(-1) !== "20") await once(client.socket, "pong");
      await client.close();
    });
  });

  test("a long call_id stays short in the log", async () => {
    await withRuntime(agent, async ({ wsUrl, lines }) => {
      const client = await VoiceClient.connect(wsUrl, { init: { caller: { call_id: "c".repeat(256) } } });
      await client.close();
      assert.equal(String(lines.find((line) => line.call_id)?.call_id).length, 128);
    });
  });
});

describe("any sequence of frames", () => {
  /** Gives the event loop a turn between pieces, so that frames land in the middle of an answer. */
  const unhurried: Script = async function* () {
    for (const piece of ["one ", "two ", "three"]) {
      await setImmediate();
      yield piece;
    }
  };
  const valid = fc.oneof(
    fc.constant({ type: "system.user.joined" }),
    fc.constant({ type: "system.user.started_speaking" }),
    fc.constant({ type: "system.user.stopped_speaking" }),
    fc.constant({ type: "system.control.interrupt" }),
    fc.record({
      type: fc.constant("agent.transcript.update"),
      role: fc.constantFrom("user", "assistant"),
      content: fc.string(),
    }),
    fc.record({ type: fc.constant("system.llm.request") }),
    fc.record({
      type: fc.constant("system.llm.request"),
      messages: fc.array(fc.record({ role: fc.constantFrom("user", "system"), content: fc.string() })),
    }),
    fc.record({
      type: fc.constant("system.output_agent.update_settings"),
      settings: fc.record({ interruptible: fc.oneof(fc.boolean(), fc.string()) }),
    }),
  );
  const invalid = fc.oneof(
    fc.constantFrom(...BAD_FRAMES.map(([, frame]) => frame)),
    fc.uint8Array().map((bytes) => Buffer.from(bytes)),
    fc.string(),
    fc
      .record({ type: fc.constant("system.llm.request"), messages: fc.string() })
      .map((o) => JSON.stringify(o)),
  );
  const step = fc.oneof(
    { weight: 3, arbitrary: valid.map((frame) => ({ frame })) },
    { weight: 1, arbitrary: invalid.map((raw) => ({ raw })) },
    // A pause in which an answer gets on.
    { weight: 1, arbitrary: fc.constant({ pause: true as const }) },
  );

  test("leaves a session that answers: one start and one end per request, nothing in between them lost", async () => {
    await withRuntime(agentWith(unhurried), async ({ wsUrl }) => {
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
          const client = await VoiceClient.connect(wsUrl);
          let requests = 0;
          for (const each of steps) {
            if ("pause" in each) await setImmediate();
            else if ("raw" in each) client.sendRaw(each.raw);
            else {
              client.send(each.frame);
              if (each.frame.type === "system.llm.request") requests += 1;
            }
          }
          client.say("still there?");
          const last = `turn-${requests + 1}`;
          await client.next("agent.llm.response.start", ({ request_id }) => request_id === last);
          await client.next("agent.llm.response.end");
          assertTurns(client.frames, requests + 1);
          const answer = client.frames
            .slice(client.frames.findLastIndex(isStart))
            .map(({ text }) => text ?? "");
          assert.equal(answer.join(""), "one two three");
          await client.close();
          assertTurns(client.frames, requests + 1);
        }),
        { numRuns: 100 },
      );
    });
  });
});

const isStart = ({ type }: Frame) => type === "agent.llm.response.start";

/** Exactly so many turns, none inside another, and no text outside of one. */
function assertTurns(frames: readonly Frame[], turns: number): void {
  let open = false;
  let started = 0;
  for (const { type, request_id } of frames) {
    if (type === "agent.llm.response.start") {
      assert.ok(!open, "a turn began inside another");
      open = true;
      started += 1;
      assert.equal(request_id, `turn-${started}`);
    } else if (type === "agent.llm.response.chunk") {
      assert.ok(open, "text outside of a turn");
    } else if (type === "agent.llm.response.end") {
      assert.ok(open, "an end without a start");
      open = false;
    }
  }
  assert.equal(started, turns);
  assert.ok(!open, "a turn without an end");
}
