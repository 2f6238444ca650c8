import assert from "node:assert/strict";
import { once } from "node:events";
import test, { describe } from "node:test";
import type { ScriptedAgent as Agent, Script } from "../support/nodes.ts";
import { deferred, ScriptedAgent, says } from "../support/nodes.ts";
import { type RuntimeServer, startRuntime } from "../support/runtime-server.ts";
import { type ConversationType, VoiceClient } from "../support/voice-client.ts";

type Call = { client: VoiceClient; agent: Agent; server: RuntimeServer };

/** One call with one agent that answers by the script. */
async function call(
  script: Script,
  run: (call: Call) => Promise<void>,
  conversationType: ConversationType = "telephonyInbound",
): Promise<void> {
  let agent: Agent | null = null;
  const server = await startRuntime(async (session) => {
    agent = new ScriptedAgent(script);
    session.addNode(agent);
    await session.start();
  });
  try {
    const client = await VoiceClient.connect(server.wsUrl, { conversationType });
    assert.ok(agent);
    await run({ client, agent, server });
    await client.close();
  } finally {
    await server.close();
  }
}

/** Speaks the first piece, then waits until it is told to go on, or is not wanted any more. */
function pausing(first: string, rest: string): { script: Script; goOn: () => void } {
  const more = deferred();
  const script: Script = async function* (signal) {
    yield first;
    await Promise.race([more.promise, signal.aborted ? null : once(signal, "abort")]);
    yield rest;
  };
  return { script, goOn: more.resolve };
}

const responseTypes = (client: VoiceClient) =>
  client.frames
    .map(({ type }) => type.replace("agent.llm.response.", ""))
    .filter((type) => !type.startsWith("agent."));

describe("a response", () => {
  test("is one start with an id, the chunks, one end", async () => {
    await call(says("a", "", "b"), async ({ client }) => {
      const turn = await client.turn("hi");
      assert.deepEqual(turn.chunks, ["a", "b"]);
      assert.equal(turn.requestId, "turn-1");
      assert.equal((await client.turn("again")).requestId, "turn-2");
    });
  });

  test("that fails is an apology and a normal end, and the next turn works", async () => {
    let turns = 0;
    const script: Script = async function* () {
      turns += 1;
      if (turns === 1) throw new Error("sk-secret broke");
      yield "fine";
    };
    await call(script, async ({ client }) => {
      assert.match((await client.turn("hi")).text, /sorry/);
      const error = client.frames.find(({ type }) => type === "agent.error");
      assert.equal(error?.severity, "warning");
      assert.doesNotMatch(JSON.stringify(client.frames), /sk-secret/);
      assert.equal((await client.turn("again")).text, "fine");
    });
  });

  test("that fails in a chat sends no agent.error", async () => {
    const script: Script = async function* () {
      yield "Well";
      throw new Error("broke");
    };
    await call(
      script,
      async ({ client }) => {
        assert.match((await client.turn("hi")).text, /^Well I'm sorry/);
        assert.ok(!client.frames.some(({ type }) => type === "agent.error"));
      },
      "chat",
    );
  });

  test("without a word becomes an apology", async () => {
    await call(says(), async ({ client }) => assert.match((await client.turn("hi")).text, /sorry/));
  });
});

describe("an interrupt", () => {
  test("ends the response at once and nothing of it comes after", async () => {
    const { script } = pausing("one ", "two");
    await call(script, async ({ client, agent }) => {
      client.say("hi");
      await client.next("agent.llm.response.chunk");
      client.interrupt();
      await client.next("agent.llm.response.end");
      client.say("and now?");
      await client.next("agent.llm.response.chunk");
      assert.deepEqual(responseTypes(client), ["start", "chunk", "end", "start", "chunk"]);
      assert.deepEqual(agent.conversation.messages(), [
        { role: "user", content: "hi" },
        { role: "assistant", content: "one " },
        { role: "user", content: "and now?" },
      ]);
    });
  });

  test("does not wait for a generator that ignores its signal", async () => {
    const never = deferred();
    const script: Script = async function* () {
      yield "one";
      await never.promise;
    };
    await call(script, async ({ client }) => {
      client.say("hi");
      await client.next("agent.llm.response.chunk");
      client.interrupt();
      await client.next("agent.llm.response.end");
    });
  });

  test("leaves queued transcripts alone", async () => {
    const { script } = pausing("one", "two");
    await call(script, async ({ client, agent }) => {
      client.say("hi");
      await client.next("agent.llm.response.chunk");
      client.send({ type: "agent.transcript.update", role: "user", content: "wait" });
      client.interrupt();
      await client.next("agent.llm.response.end");
      assert.equal(agent.conversation.lastUtterance, "wait");
    });
  });

  test("changes nothing while the agent is not interruptible", async () => {
    const { script, goOn } = pausing("one ", "two");
    await call(script, async ({ client }) => {
      client.send({ type: "system.output_agent.update_settings", settings: { interruptible: false } });
      client.say("hi");
      await client.next("agent.llm.response.chunk");
      client.interrupt();
      client.send({ type: "system.user.joined" });
      goOn();
      assert.equal((await client.next("agent.llm.response.chunk")).text, "two");
      await client.next("agent.llm.response.end");
    });
  });

  test("changes nothing while the turn is marked uninterruptible", async () => {
    const { script, goOn } = pausing("This call is recorded. ", "By law.");
    const notice: Script = (signal, turn, agent) => {
      turn.interruptible = false;
      return script(signal, turn, agent);
    };
    await call(notice, async ({ client }) => {
      client.say("hi");
      await client.next("agent.llm.response.chunk");
      client.interrupt();
      goOn();
      assert.equal((await client.next("agent.llm.response.chunk")).text, "By law.");
    });
  });

  test("with nothing to interrupt sends nothing", async () => {
    await call(says("ok"), async ({ client }) => {
      client.interrupt();
      await client.turn("hi");
      assert.deepEqual(responseTypes(client), ["start", "chunk", "end"]);
    });
  });
});

test("a second request replaces the first answer", async () => {
  const { script } = pausing("first", "…");
  await call(script, async ({ client, agent }) => {
    client.say("one");
    await client.next("agent.llm.response.chunk");
    client.say("two");
    await client.next("agent.llm.response.end");
    assert.equal((await client.next("agent.llm.response.start")).request_id, "turn-2");
    assert.deepEqual(agent.conversation.messages(), [
      { role: "user", content: "one" },
      { role: "assistant", content: "first" },
      { role: "user", content: "two" },
    ]);
  });
});

test("messages of a request replace the turns", async () => {
  await call(says("ok"), async ({ client, agent }) => {
    await client.turn("forgotten");
    client.send({
      type: "system.llm.request",
      messages: [
        { role: "system", content: "not ours" },
        { role: "user", content: "A" },
        { role: "assistant", content: [{ type: "text", text: "B" }] },
        { role: "user", content: "C" },
      ],
    });
    await client.response();
    assert.deepEqual(agent.conversation.messages(), [
      { role: "user", content: "A" },
      { role: "assistant", content: "B" },
      { role: "user", content: "C" },
      { role: "assistant", content: "ok" },
    ]);
  });
});

describe("a hand-off", () => {
  const ending: Script = async function* (_signal, _turn, agent) {
    agent.sendEvent({ type: "agent.end_call" });
    yield "Goodbye!";
  };

  test("waits for the end of the response, and nothing is said after it", async () => {
    await call(ending, async ({ client, agent }) => {
      await client.turn("bye");
      await client.next("agent.end_call");
      agent.speak("one more thing");
      assert.equal((await client.turn("hello?")).text, "");
      assert.deepEqual(client.frames.map(({ type }) => type).slice(1), [
        "agent.llm.response.start",
        "agent.llm.response.chunk",
        "agent.llm.response.end",
        "agent.end_call",
        "agent.llm.response.start",
        "agent.llm.response.end",
      ]);
    });
  });

  test("a caller who speaks into the goodbye is not hung up on", async () => {
    const { script } = pausing("Good", "bye!");
    const goodbye: Script = (signal, turn, agent) => {
      if (turn.number === 1) agent.sendEvent({ type: "agent.end_call" });
      return script(signal, turn, agent);
    };
    await call(goodbye, async ({ client }) => {
      client.say("bye");
      await client.next("agent.llm.response.chunk");
      client.interrupt();
      await client.next("agent.llm.response.end");
      client.say("wait, one question");
      await client.next("agent.llm.response.chunk");
      assert.ok(!client.frames.some(({ type }) => type === "agent.end_call"));
    });
  });

  test("a decided transfer survives an interrupt, and happens once", async () => {
    const { script } = pausing("One moment", "…");
    const transfer: Script = (signal, turn, agent) => {
      for (const number of ["+1", "+2"]) {
        agent.sendEvent({
          type: "agent.transfer_call",
          transferCallNumber: number,
          transferOptions: { type: "cold_transfer", privateHandoffOption: null, publicHandoffOption: null },
          onHoldMusic: null,
        });
      }
      return script(signal, turn, agent);
    };
    await call(transfer, async ({ client }) => {
      client.say("a person!");
      await client.next("agent.llm.response.chunk");
      client.interrupt();
      await client.next("agent.transfer_call");
      await client.turn("hello?");
      const transfers = client.frames.filter(({ type }) => type === "agent.transfer_call");
      assert.deepEqual(
        transfers.map((frame) => frame.transfer_call_number),
        ["+1"],
      );
    });
  });
});
