import assert from "node:assert/strict";
import test, { after, before, describe } from "node:test";
import { validateApp } from "@jambonz/schema";
import { type LineServer, startLineServer, TRANSFER_NUMBER } from "../support/line-server.ts";
import { deferred } from "../support/nodes.ts";
import { type Abilities, jambonzFrames, type Phone, PLATFORMS, type Platform } from "../support/phones.ts";

const GREETING = /^Hello! I'm here to help/;
const HAND_OFF = /Let me connect you with a supervisor/;

type Scene = { phone: Phone; server: LineServer; platform: Platform };
/** One conversation; `needs`: what a platform must be able to do for it. */
type Conversation = { name: string; needs?: keyof Abilities; play: (scene: Scene) => Promise<void> };

async function greeted({ phone }: Scene, can: Abilities): Promise<void> {
  if (can.speaksFirst) assert.match(await phone.hears(), GREETING);
}

async function escalate(phone: Phone): Promise<void> {
  phone.says("I am frustrated");
  assert.equal(await phone.hears(), "Answer to: I am frustrated");
  phone.says("I am really frustrated");
  assert.match(await phone.hears(), HAND_OFF);
  assert.equal(await phone.isTransferred(), TRANSFER_NUMBER);
}

/** What every one of them does after the greeting. */
const CONVERSATIONS: readonly Conversation[] = [
  {
    name: "a question is answered, and is on record",
    play: async ({ phone, server }) => {
      phone.says("where is my order");
      assert.equal(await phone.hears(), "Answer to: where is my order");
      const { turns } = await server.record(phone.callId, (call) => call.turns.at(-1)?.role === "assistant");
      assert.deepEqual(
        turns.slice(-2).map(({ role, text }) => [role, text]),
        [
          ["user", "where is my order"],
          ["assistant", "Answer to: where is my order"],
        ],
      );
    },
  },
  {
    name: "three questions have three answers, and the model has heard all before",
    play: async ({ phone, server }) => {
      for (const words of ["one", "two", "three"]) {
        phone.says(words);
        assert.equal(await phone.hears(), `Answer to: ${words}`);
      }
      const asked = server.mock.requests.findLast(
        ({ kind, utterance }) => kind === "chat" && utterance === "three",
      );
      const users = asked?.body.messages.filter(({ role }) => role === "user").map(({ content }) => content);
      assert.deepEqual(users, ["one", "two", "three"]);
    },
  },
  {
    name: "an interrupted answer is on record as it was spoken, and the model knows no more of it",
    play: async ({ phone, server }) => {
      const go = deferred<void>();
      server.mock.onChat(({ utterance }) =>
        utterance === "tell me"
          ? {
              kind: "text",
              text: ["One day ", "there was ", "a king."],
              gate: (n) => (n === 2 ? go.promise : null),
            }
          : `Answer to: ${utterance}`,
      );
      phone.says("tell me");
      assert.match(await phone.hearsPart(), /^One day/);
      phone.interrupts("One day");
      phone.says("stop");
      while (!/Answer to: stop$/.test(await phone.hears()));
      go.resolve();
      const { turns } = await server.record(phone.callId, (call) =>
        call.turns.some(({ text }) => text === "Answer to: stop"),
      );
      const told = turns.find(({ text }) => text?.startsWith("One day"));
      assert.deepEqual([told?.text, told?.interrupted], ["One day", true]);
      const asked = server.mock.requests.findLast(
        ({ kind, utterance }) => kind === "chat" && utterance === "stop",
      );
      const answers = asked?.body.messages
        .filter(({ role }) => role === "assistant")
        .map(({ content }) => content);
      assert.equal(answers?.at(-1), "One day");
    },
  },
  {
    name: "a caller who has had enough is transferred in the same turn, and nobody else is",
    play: async ({ phone, server }) => {
      await escalate(phone);
      const { escalation } = await server.record(phone.callId, (call) => call.escalation !== null);
      assert.equal(escalation?.same_turn, true);
    },
  },
  {
    name: "a transfer of which the line does not tell ends as unknown",
    needs: "ownTransfer",
    play: async ({ phone, server }) => {
      await escalate(phone);
      await phone.transferEnds("answered");
      const { transfers, end_reason } = await server.record(phone.callId);
      assert.deepEqual([transfers[0]?.outcome, end_reason], ["unknown", "transferred"]);
    },
  },
  {
    name: "a transfer that is answered ends the call, with its outcome and time",
    needs: "transferOutcome",
    play: async ({ phone, server }) => {
      await escalate(phone);
      await phone.transferEnds("answered");
      const { transfers, end_reason } = await server.record(phone.callId);
      assert.deepEqual(
        transfers.map(({ outcome, returned }) => [outcome, returned]),
        [["answered", false]],
      );
      assert.equal(end_reason, "transferred");
      assert.match(await server.metrics(), /voice_agent_transfers_total\{outcome="answered"\} [1-9]/);
    },
  },
  ...(["no_answer", "busy"] as const).map(
    (outcome): Conversation => ({
      name: `a caller comes back from a transfer that ended with ${outcome}, to the same conversation`,
      needs: "transferOutcome",
      play: async ({ phone, server }) => {
        await escalate(phone);
        await phone.transferEnds(outcome);
        assert.match(
          await phone.hears(),
          outcome === "busy" ? /line is busy/ : /Nobody could take your call/,
        );
        phone.says("then you do it");
        assert.equal(await phone.hears(), "Answer to: then you do it");
        const asked = server.mock.requests.findLast(({ kind }) => kind === "chat");
        const users = asked?.body.messages
          .filter(({ role }) => role === "user")
          .map(({ content }) => content);
        assert.deepEqual(users, ["I am frustrated", "I am really frustrated", "then you do it"]);
        await phone.hangsUp();
        const { transfers, end_reason } = await server.record(phone.callId);
        assert.deepEqual(
          transfers.map((one) => [one.outcome, one.returned]),
          [[outcome, true]],
        );
        assert.equal(end_reason, "client_closed");
      },
    }),
  ),
  {
    name: "a key is an event of the call, and is neither on record nor anything else",
    needs: "keys",
    play: async ({ phone, server }) => {
      const before = Number(/voice_agent_keys_total (\d+)/.exec(await server.metrics())?.[1] ?? 0);
      phone.presses("7");
      phone.says("and now");
      assert.equal(await phone.hears(), "Answer to: and now");
      const after = Number(/voice_agent_keys_total (\d+)/.exec(await server.metrics())?.[1]);
      assert.equal(after, before + 1);
      const { turns } = await server.record(phone.callId, (call) =>
        call.turns.some(({ role }) => role === "user"),
      );
      assert.equal(turns.filter(({ role }) => role === "user").length, 1);
    },
  },
  {
    name: "a broken connection is taken up again, and the conversation with it",
    needs: "reconnects",
    play: async ({ phone, server, platform }) => {
      phone.says("first");
      assert.equal(await phone.hears(), "Answer to: first");
      await phone.reconnects();
      phone.says("second");
      assert.equal(await phone.hears(), "Answer to: second");
      const asked = server.mock.requests.findLast(
        ({ kind, utterance }) => kind === "chat" && utterance === "second",
      );
      const users = asked?.body.messages.filter(({ role }) => role === "user").map(({ content }) => content);
      assert.deepEqual(users, ["first", "second"]);
      const { turns } = await server.record(
        phone.callId,
        (call) => call.turns.at(-1)?.text === "Answer to: second",
      );
      const greetings = turns.filter(({ text }) => GREETING.test(text ?? "")).length;
      assert.equal(greetings, platform.can.speaksFirst ? 1 : 0);
    },
  },
  {
    name: "a long answer comes whole and in order",
    play: async ({ phone, server }) => {
      const words = Array.from({ length: 400 }, (_, n) => `${n} `);
      server.mock.onChat(() => ({ kind: "text", text: words }));
      phone.says("count");
      assert.equal(await phone.hears(), words.join(""));
    },
  },
  {
    name: "words of every script go both ways as they are",
    play: async ({ phone }) => {
      const words = 'Où est ma commande? 我的订单 <b>&amp;"quoted"</b>';
      phone.says(words);
      assert.equal(await phone.hears(), `Answer to: ${words}`);
    },
  },
  {
    name: "two calls at a time do not hear each other",
    play: async ({ phone, server, platform }) => {
      const other = await platform.dial(server.url);
      await greeted({ phone: other, server, platform }, platform.can);
      phone.says("mine");
      other.says("yours");
      assert.deepEqual(await Promise.all([phone.hears(), other.hears()]), [
        "Answer to: mine",
        "Answer to: yours",
      ]);
      await other.hangsUp();
    },
  },
  {
    name: "new words replace an answer that has not begun",
    play: async ({ phone, server }) => {
      server.mock.onChat(({ utterance }) =>
        utterance === "wait" ? { kind: "hang" } : `Answer to: ${utterance}`,
      );
      phone.says("wait");
      await server.record(phone.callId, ({ turns }) => turns.some(({ text }) => text === "wait"));
      phone.interrupts("");
      phone.says("never mind");
      while (!/never mind$/.test(await phone.hears()));
    },
  },
  {
    name: "verdicts of the mood stand beside the caller's turns",
    play: async ({ phone, server }) => {
      phone.says("this is positive");
      await phone.hears();
      const { turns } = await server.record(phone.callId, (call) =>
        call.turns.some(({ verdict }) => verdict !== null),
      );
      assert.equal(turns.find(({ text }) => text === "this is positive")?.verdict, "positive");
    },
  },
  {
    name: "a tool is used and its result told",
    play: async ({ phone, server }) => {
      server.mock.onChat(({ body }) =>
        body.messages.at(-1)?.role === "tool"
          ? "You sound fine."
          : { kind: "toolCalls", calls: [{ name: "get_customer_sentiment", arguments: "{}" }] },
      );
      phone.says("how do I sound");
      assert.equal(await phone.hears(), "You sound fine.");
    },
  },
  {
    name: "the model's own hand-off is a transfer, too",
    play: async ({ phone, server }) => {
      server.mock.onChat(() => ({
        kind: "toolCalls",
        calls: [{ name: "transfer_to_supervisor", arguments: '{"reason":"wants a person"}' }],
      }));
      phone.says("a person please");
      assert.match(await phone.hears(), /connect you with a supervisor/);
      assert.equal(await phone.isTransferred(), TRANSFER_NUMBER);
    },
  },
  {
    name: "a key may be the first input",
    needs: "keys",
    play: async ({ phone }) => {
      phone.presses("1");
      phone.presses("#");
      phone.says("hello");
      assert.equal(await phone.hears(), "Answer to: hello");
    },
  },
  {
    name: "a caller who came back can be transferred again",
    needs: "transferOutcome",
    play: async ({ phone, server }) => {
      await escalate(phone);
      await phone.transferEnds("no_answer");
      await phone.hears();
      server.mock.onChat(() => ({
        kind: "toolCalls",
        calls: [{ name: "transfer_to_supervisor", arguments: "{}" }],
      }));
      phone.says("try again");
      assert.match(await phone.hears(), /connect you/);
      assert.equal(await phone.isTransferred(), TRANSFER_NUMBER);
      await phone.transferEnds("answered");
      const { transfers } = await server.record(phone.callId);
      assert.deepEqual(
        transfers.map(({ outcome }) => outcome),
        ["no_answer", "answered"],
      );
    },
  },
  {
    name: "a caller who hangs up ends the call, and the record says so",
    needs: "hangsUp",
    play: async ({ phone, server }) => {
      phone.says("bye then");
      await phone.hears();
      await phone.hangsUp();
      assert.equal((await server.record(phone.callId)).end_reason, "client_closed");
    },
  },
  {
    name: "a supervisor's transfer from the console goes the same way",
    needs: "speaksFirst",
    play: async ({ phone, server }) => {
      await server.supervise(phone.callId, "transfer");
      assert.match(await phone.hears(), /connect you with a supervisor/);
      assert.equal(await phone.isTransferred(), TRANSFER_NUMBER);
    },
  },
  {
    name: "a supervisor speaks in the agent's place, and hands the caller back",
    needs: "speaksFirst",
    play: async ({ phone, server }) => {
      await server.supervise(phone.callId, "take_over");
      await server.supervise(phone.callId, "say", { text: "This is Anna, how can I help?" });
      assert.equal(await phone.hears(), "This is Anna, how can I help?");
      await server.supervise(phone.callId, "hand_back");
      phone.says("thank you");
      assert.equal(await phone.hears(), "Answer to: thank you");
    },
  },
  {
    name: "an utterance of two minutes reaches the model whole",
    play: async ({ phone, server }) => {
      const words = Array.from({ length: 300 }, (_, n) => `word ${n}`).join(" ");
      phone.says(words);
      assert.equal(await phone.hears(), `Answer to: ${words}`);
      const asked = server.mock.requests.findLast(({ kind }) => kind === "chat");
      assert.equal(asked?.body.messages.at(-1)?.content, words);
    },
  },
  {
    name: "hostile frames are ignored and the call goes on",
    play: async ({ phone }) => {
      for (const garbage of [
        "",
        "{",
        "[]",
        "null",
        '"x"',
        '{"type":{}}',
        '{"type":"__proto__"}',
        "\u0000",
        "[".repeat(9_000),
      ]) {
        phone.sendsGarbage(garbage);
      }
      phone.says("still there");
      assert.equal(await phone.hears(), "Answer to: still there");
    },
  },
  {
    name: "a model that fails leaves the caller with a sentence",
    play: async ({ phone, server }) => {
      server.mock.onChat(({ utterance }) =>
        utterance === "break" ? { kind: "error", status: 400 } : `Answer to: ${utterance}`,
      );
      phone.says("break");
      assert.match(await phone.hears(), /having trouble answering/);
      phone.says("again");
      assert.equal(await phone.hears(), "Answer to: again");
    },
  },
  {
    name: "the agent's goodbye ends the call",
    play: async ({ phone, server }) => {
      server.mock.onChat(({ utterance }) =>
        utterance === "goodbye"
          ? { kind: "toolCalls", calls: [{ name: "end_call", arguments: "{}" }] }
          : `Answer to: ${utterance}`,
      );
      phone.says("goodbye");
      assert.match(await phone.hears(), /Goodbye/);
      await phone.isOver();
      assert.equal((await server.record(phone.callId)).end_reason, "end_call");
    },
  },
];

/** Those that want a server of their own, because they change or end it. */
const LAST_CONVERSATIONS: readonly (Conversation & { env: Readonly<Record<string, string>> })[] = [
  {
    name: "a caller who falls silent is asked once more, then told goodbye",
    needs: "speaksFirst",
    env: { SILENCE_TIMEOUT_MS: "1" },
    play: async ({ phone, server }) => {
      assert.equal(await phone.hears(), "Are you still there?");
      assert.match(await phone.hears(), /Goodbye/);
      await phone.isOver();
      assert.equal((await server.record(phone.callId)).end_reason, "end_call");
    },
  },
  {
    name: "a draining server lets the call go on, and then ends it",
    env: { DRAIN_TIMEOUT_MS: "1" },
    play: async ({ phone, server }) => {
      phone.says("before");
      assert.equal(await phone.hears(), "Answer to: before");
      const drained = server.app.drain(new AbortController().signal);
      const { end_reason } = await server.record(phone.callId);
      assert.equal(end_reason, "drain");
      await drained;
    },
  },
  {
    name: "a draining server takes no new call",
    env: { DRAIN_TIMEOUT_MS: "60000" },
    play: async ({ phone, server }) => {
      const hurry = new AbortController();
      const drained = server.app.drain(hurry.signal);
      assert.equal((await fetch(`${server.url}/ready`)).status, 503);
      phone.says("still here");
      assert.equal(await phone.hears(), "Answer to: still here");
      hurry.abort();
      await drained;
    },
  },
  {
    name: "a client that reads nothing is cut off, and the call ends",
    env: {
      RECORD_TEXT: "none",
      SLOW_CLIENT_TIMEOUT_MS: "1",
      MAX_RESPONSE_CHARS: "50000000",
      OPENAI_CALL_IDLE_MS: "2000",
    },
    play: async ({ phone, server }) => {
      const pieces = Array.from({ length: 400 }, () => "word ".repeat(5_000));
      server.mock.onChat(() => ({ kind: "text", text: pieces }));
      phone.says("talk");
      await phone.hearsPart();
      phone.stopsReading();
      const { end_reason } = await server.record(phone.callId);
      assert.ok(end_reason === "slow_client" || end_reason === "client_closed", String(end_reason));
    },
  },
  {
    name: "a full server refuses one more call and keeps the one it has",
    env: { MAX_SESSIONS: "1" },
    play: async ({ phone, server, platform }) => {
      if (platform.name === "openai") {
        const other = await platform.dial(server.url);
        other.says("one more");
        await assert.rejects(other.hears());
      } else {
        await assert.rejects(platform.dial(server.url));
      }
      phone.says("and I");
      assert.equal(await phone.hears(), "Answer to: and I");
    },
  },
];

// Side by side, for most of their time is a line that waits for somebody to come back.
describe("by every line", { concurrency: PLATFORMS.length }, () => {
  for (const platform of PLATFORMS) {
    describe(`a call by ${platform.name}`, { concurrency: 1 }, () => {
      let server: LineServer;
      before(async () => {
        server = await startLineServer();
      });
      after(() => server.close());

      for (const { name, needs, play } of CONVERSATIONS) {
        if (needs && !platform.can[needs]) continue;
        test(name, async () => {
          server.mock.onChat(({ utterance }) => `Answer to: ${utterance}`);
          const phone = await platform.dial(server.url);
          const scene = { phone, server, platform };
          await greeted(scene, platform.can);
          await play(scene);
          await phone.hangsUp().catch(() => {});
        });
      }

      for (const { name, needs, env, play } of LAST_CONVERSATIONS) {
        if (needs && !platform.can[needs]) continue;
        test(name, async () => {
          const own = await startLineServer(env);
          const phone = await platform.dial(own.url);
          const scene = { phone, server: own, platform };
          try {
            if (needs !== "speaksFirst") await greeted(scene, platform.can);
            else assert.match(await phone.hears(), GREETING);
            // A call is begun by its first request where the agent cannot speak first.
            if (!platform.can.speaksFirst) {
              phone.says("hello");
              assert.equal(await phone.hears(), "Answer to: hello");
            }
            await play(scene);
          } finally {
            await phone.hangsUp().catch(() => {});
            await own.close();
          }
        });
      }
    });
  }
});

test("every frame to jambonz is one of its documentation, and every verb valid by its schema", () => {
  assert.ok(jambonzFrames.length > 50);
  const commands = new Set(["tts:tokens", "tts:flush", "tts:clear", "redirect"]);
  for (const frame of jambonzFrames) {
    assert.ok(frame.type === "ack" || (frame.type === "command" && commands.has(String(frame.command))));
    if (!Array.isArray(frame.data)) continue;
    const { valid, errors } = validateApp(frame.data);
    assert.ok(valid, JSON.stringify([frame, errors]));
  }
});
