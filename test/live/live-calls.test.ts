import assert from "node:assert/strict";
import test, { describe } from "node:test";
import type { EventReader } from "../support/event-reader.ts";
import { type LiveServer, type LiveServerOptions, startLiveServer } from "../support/live-server.ts";
import { createStepGate } from "../support/mock-llm.ts";

async function withServer(
  run: (server: LiveServer) => Promise<void>,
  options: LiveServerOptions = {},
): Promise<void> {
  const server = await startLiveServer(options);
  try {
    await run(server);
  } finally {
    await server.close();
  }
}

/** What the stream says of one call, without times. */
const story = (reader: EventReader) =>
  reader.received.map(({ type, data }) => {
    const { at, session_id, started_at, duration_ms, ...rest } = data;
    const { offset_ms, first_chunk_ms, reply_ms, answer_ms, ...untimed } = rest;
    return { type, ...untimed };
  });

test("a call is told from its start to its end, turn by turn, with its verdicts", async () => {
  await withServer(async (server) => {
    server.mock.onChat(() => "Let me look.");
    const viewer = await server.watch();
    const client = await server.call({
      init: { caller: { call_id: "c-1", user_number: "+1", agent_number: "+2", direction: "inbound" } },
    });
    const verdict = viewer.next("verdict");
    await client.turn("I am negative about this");
    await verdict;
    await client.close();
    await viewer.next("call.ended");
    const told = story(viewer);
    // The verdict and the answer are made side by side: either may come first.
    assert.deepEqual(
      told.filter(({ type }) => type !== "verdict"),
      [
        {
          type: "call.started",
          call_id: "c-1",
          caller_number: "+1",
          direction: "inbound",
          conversation_type: "telephonyInbound",
          agent: "support-agent",
          agent_version: null,
          model: "m",
        },
        {
          type: "turn",
          number: 1,
          role: "agent",
          speaker: "agent",
          text: "Hello! I'm here to help. What can I assist you with today?",
          interrupted: false,
          outcome: null,
        },
        { type: "turn", number: 2, role: "user", utterance: 1, text: "I am negative about this" },
        {
          type: "turn",
          number: 3,
          role: "agent",
          speaker: "agent",
          text: "Let me look.",
          interrupted: false,
          outcome: "completed",
        },
        { type: "call.ended", reason: "client_closed" },
      ],
    );
    const { data } = await verdict;
    assert.deepEqual([data.upset, typeof data.cause], [0.7, "string"]);
    assert.deepEqual(
      { ...told.find(({ type }) => type === "verdict"), cause: "" },
      {
        type: "verdict",
        utterance: 1,
        sentiment: "negative",
        upset: 0.7,
        cause: "",
        score: -2.5,
        source: "model",
        frustration_count: 1,
      },
    );
    const ids = viewer.received.map(({ id }) => id ?? 0);
    assert.deepEqual(
      ids,
      [...ids].sort((a, b) => a - b),
    );
    const [greeting, , answer] = viewer.received.filter(({ type }) => type === "turn");
    assert.equal(greeting?.data.reply_ms, null);
    assert.equal(typeof answer?.data.first_chunk_ms, "number");
    assert.equal(typeof answer?.data.reply_ms, "number");
    await viewer.close();
  });
});

test("an escalation and its alert are told", async () => {
  await withServer(async (server) => {
    const viewer = await server.watch();
    const client = await server.call();
    for (const words of ["negative one", "negative two", "frustrated three"]) await client.turn(words);
    await client.next("agent.transfer_call");
    const { at: _at, session_id: _id, ...escalation } = (await viewer.next("escalation")).data;
    assert.deepEqual(escalation, {
      reason: "frustration_threshold_exceeded",
      same_turn: true,
      action: "cold_transfer",
      outcome: "requested",
      frustration_count: 3,
    });
    const alert = await viewer.next("alert", ({ data }) => data.rule === "frustration_threshold");
    assert.deepEqual(alert.data.evidence, {
      count: 3,
      threshold: 3,
      action: "cold_transfer",
      outcome: "requested",
    });
    await client.close();
    await viewer.close();
  });
});

test("a transfer by the model's own tool is an escalation, whether or not the model says why", async () => {
  for (const reason of ['{"reason":"a refund above my limit"}', "{}"]) {
    await withServer(async (server) => {
      const viewer = await server.watch();
      const client = await server.call();
      server.mock.onChat(() => ({
        kind: "toolCalls",
        calls: [{ name: "transfer_to_supervisor", arguments: reason }],
      }));
      await client.turn("negative: I want my money back");
      await client.next("agent.transfer_call");
      const { at: _at, session_id: _id, ...escalation } = (await viewer.next("escalation")).data;
      assert.deepEqual(escalation, {
        reason: "model",
        same_turn: true,
        action: "cold_transfer",
        outcome: "requested",
        frustration_count: 1,
      });
      assert.equal(viewer.received.filter(({ type }) => type === "escalation").length, 1);
      await client.close();
      await viewer.close();
    });
  }
});

test("a transfer by the model's tool is the caller's wish when the caller has asked for a person", async () => {
  await withServer(async (server) => {
    const viewer = await server.watch();
    const client = await server.call();
    server.mock.onChat(() => ({
      kind: "toolCalls",
      calls: [{ name: "transfer_to_supervisor", arguments: "{}" }],
    }));
    await client.turn("I want to speak to a person.");
    await client.next("agent.transfer_call");
    assert.equal((await viewer.next("escalation")).data.reason, "human_request");
    await client.close();
    await viewer.close();
  });
});

test("an interrupted answer says so, and one that could not be interrupted does not", async () => {
  await withServer(async (server) => {
    const steps = createStepGate();
    server.mock.onChat(() => ({ kind: "text", text: "one two three", gate: steps.gate }));
    const viewer = await server.watch();
    const client = await server.call();
    steps.release();
    client.say("hi");
    await client.next("agent.llm.response.chunk");
    client.interrupt();
    await client.next("agent.llm.response.end");
    const cut = await viewer.next("turn", ({ data }) => data.number === 3);
    assert.deepEqual([cut.data.text, cut.data.interrupted], ["one ", true]);

    const more = createStepGate();
    server.mock.onChat(() => ({ kind: "text", text: "one two three", gate: more.gate }));
    client.send({ type: "system.output_agent.update_settings", settings: { interruptible: false } });
    more.release();
    client.say("again");
    await client.next("agent.llm.response.chunk");
    client.interrupt();
    more.release(10);
    await client.next("agent.llm.response.end");
    const whole = await viewer.next("turn", ({ data }) => data.number === 5);
    assert.deepEqual([whole.data.text, whole.data.interrupted], ["one two three", false]);
    await client.close();
    await viewer.close();
  });
});

test("the agent's words are shown as they come to those who look at this call alone", async () => {
  await withServer(async (server) => {
    const steps = createStepGate();
    server.mock.onChat(() => ({ kind: "text", text: "one two", gate: steps.gate }));
    const all = await server.watch();
    const client = await server.call();
    const other = await server.call();
    const id = String((await all.next("call.started")).data.session_id);
    const one = await server.watch(`?session=${id}`);
    steps.release();
    client.say("hi");
    const partial = await one.next("turn.partial");
    assert.deepEqual([partial.id, partial.data.number, partial.data.text], [null, 3, "one "]);
    steps.release(10);
    const turn = await one.next("turn", ({ data }) => data.role === "agent");
    assert.deepEqual([turn.data.number, turn.data.text], [3, "one two"]);
    await other.turn("from the other call");
    await all.next("turn", ({ data }) => data.text === "one two" && data.session_id !== id);
    assert.ok(!all.types.includes("turn.partial"));
    assert.ok(one.received.every(({ data }) => data.session_id === id));
    for (const each of [client, other, one, all]) await each.close();
  });
});

describe("the picture", () => {
  test("and the events that follow it make the whole story, for a viewer who comes late", async () => {
    await withServer(async (server) => {
      const early = await server.watch();
      const client = await server.call();
      const seen = early.next("verdict");
      await client.turn("this is negative");
      await seen;
      const list = await server.list();
      const [call] = list.calls;
      assert.ok(call);
      assert.deepEqual(
        [
          list.can_supervise,
          call.sentiment,
          call.score,
          call.frustration_count,
          call.turn_count >= 2,
          call.muted,
        ],
        [true, "negative", -2.5, 1, true, false],
      );
      assert.deepEqual(
        call.scores.map(({ utterance, score }) => [utterance, score]),
        [[1, -2.5]],
      );
      const one = await server.one(call.session_id);
      assert.ok(one);
      const late = await server.watch(`?last_event_id=${one.last_event_id}`);
      await client.turn("and more");
      await client.close();
      await late.next("call.ended");
      await early.next("call.ended");
      const told = early.received.filter(({ type }) => type === "turn").map(({ data }) => data.text);
      const pieced = [
        ...one.call.turns.map(({ text }) => text),
        ...late.received.filter(({ type }) => type === "turn").map(({ data }) => data.text),
      ];
      assert.deepEqual(pieced, told);
      assert.deepEqual((await server.list()).calls, []);
      assert.equal(await server.one(call.session_id), null);
      for (const each of [early, late]) await each.close();
    });
  });
});
