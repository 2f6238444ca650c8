import assert from "node:assert/strict";
import test, { describe } from "node:test";
import { isLog } from "../../lib/wire/log-events.ts";
import type { EventReader } from "../support/event-reader.ts";
import { type LiveServer, type LiveServerOptions, startLiveServer } from "../support/live-server.ts";
import { createStepGate } from "../support/mock-llm.ts";
import type { VoiceClient, VoiceClientOptions } from "../support/voice-client.ts";

type Call = {
  server: LiveServer;
  client: VoiceClient;
  viewer: EventReader;
  /** POST /live/ID/ACTION */
  order: (action: string, body?: unknown) => ReturnType<LiveServer["post"]>;
};

async function call(
  run: (call: Call) => Promise<void>,
  options: LiveServerOptions = {},
  init: VoiceClientOptions = {},
): Promise<void> {
  const server = await startLiveServer(options);
  try {
    const viewer = await server.watch();
    const client = await server.call(init);
    const id = (await viewer.next("call.started")).data.session_id;
    await run({
      server,
      client,
      viewer,
      order: (action, body) => server.post(`/live/${id}/${action}`, body),
    });
    await client.close();
    await viewer.close();
  } finally {
    await server.close();
  }
}

const systemPrompt = (request: Awaited<ReturnType<LiveServer["mock"]["nextRequest"]>>) =>
  JSON.stringify(request.body.messages[0]);

describe("whisper", () => {
  test("is in the next prompt, once, and the caller never hears it", async () => {
    await call(async ({ server, client, viewer, order }) => {
      const { status, body } = await order("whisper", { text: "Offer the refund." });
      assert.equal(status, 200, JSON.stringify(body));
      await client.turn("hello");
      await client.turn("and then?");
      const first = await server.mock.nextRequest("chat");
      const second = await server.mock.nextRequest("chat");
      assert.match(systemPrompt(first), /Offer the refund\./);
      assert.doesNotMatch(JSON.stringify(second.body.messages), /refund/);
      assert.doesNotMatch(JSON.stringify(client.frames), /refund/);
      const { data } = await viewer.next("supervisor");
      assert.deepEqual([data.text, data.by], ["Offer the refund.", "anna"]);
    });
  });

  test("waits for the answer after, when the one it went into was given up before its first word", async () => {
    await call(async ({ server, client, order }) => {
      server.mock.onChat(() => ({ kind: "hang" }));
      await order("whisper", { text: "Offer the refund." });
      client.say("hello");
      assert.match(systemPrompt(await server.mock.nextRequest("chat")), /refund/);
      client.interrupt();
      await client.next("agent.llm.response.end");
      server.mock.onChat(() => "Yes.");
      await client.turn("are you there?");
      assert.match(systemPrompt(await server.mock.nextRequest("chat")), /refund/);
      await client.turn("and now?");
      assert.doesNotMatch(systemPrompt(await server.mock.nextRequest("chat")), /refund/);
    });
  });

  test("is refused when ten wait", async () => {
    await call(async ({ order }) => {
      for (let n = 0; n < 10; n += 1)
        assert.equal((await order("whisper", { text: `note ${n}` })).status, 200);
      const { status, body } = await order("whisper", { text: "one more" });
      assert.deepEqual([status, body.code], [409, "too_many_notes"]);
    });
  });
});

describe("say", () => {
  test("is spoken at once, word for word, and remembered", async () => {
    await call(async ({ server, client, order }) => {
      await order("say", { text: "This is Ann, a supervisor." });
      assert.equal((await client.next("agent.speak")).text, "This is Ann, a supervisor.");
      await client.turn("hello Ann");
      const { body } = await server.mock.nextRequest("chat");
      assert.ok(
        body.messages.some(({ role, content }) => role === "assistant" && /Ann/.test(String(content))),
      );
    });
  });

  test("is told after the act, and as the supervisor's words", async () => {
    await call(async ({ client, viewer, order }) => {
      await order("say", { text: "This is Ann, a supervisor." });
      await client.turn("hello Ann");
      await viewer.next("turn", ({ data }) => data.number === 4);
      const told = viewer.received.flatMap(({ type, data }) =>
        type === "turn" || type === "supervisor" ? [data.speaker ?? data.role ?? data.action] : [],
      );
      assert.deepEqual(told, ["agent", "say", "supervisor", "user", "agent"]);
    });
  });

  test("cuts off the answer that is being given", async () => {
    await call(async ({ server, client, viewer, order }) => {
      const steps = createStepGate();
      server.mock.onChat(() => ({ kind: "text", text: "one two three", gate: steps.gate }));
      steps.release();
      client.say("hello");
      await client.next("agent.llm.response.chunk");
      await order("say", { text: "Stop." });
      await client.next("agent.speak");
      const after = client.frames.map(({ type }) => type);
      assert.deepEqual(after.slice(after.lastIndexOf("agent.llm.response.chunk") + 1), [
        "agent.control.interrupt",
        "agent.llm.response.end",
        "agent.speak",
      ]);
      await (await server.mock.nextRequest("chat")).closedByClient;
      const turn = await viewer.next("turn", ({ data }) => data.number === 3);
      // The caller has not interrupted it; the record says the same.
      assert.deepEqual(
        [turn.data.text, turn.data.outcome, turn.data.interrupted],
        ["one ", "interrupted", false],
      );
    });
  });
});

describe("transfer", () => {
  test("goes to the configured number, whatever the request says", async () => {
    await call(async ({ client, viewer, order }) => {
      assert.equal((await order("transfer", { number: "+19990000" })).status, 200);
      assert.match(String((await client.next("agent.speak")).text), /supervisor/);
      assert.equal((await client.next("agent.transfer_call")).transfer_call_number, "+15550100");
      const escalation = (await viewer.next("escalation")).data;
      assert.deepEqual([escalation.reason, escalation.outcome], ["supervisor", "requested"]);
      assert.equal(escalation.same_turn, false, "a person's decision is no answer to a remark");
      for (const action of ["transfer", "end", "mute", "unmute"]) {
        const { status, body } = await order(action);
        assert.deepEqual([action, status, body.code], [action, 409, "handed_off"]);
      }
      assert.equal((await order("say", { text: "hello?" })).body.code, "handed_off");
    });
  });

  test("is refused without a number, and the call goes on", async () => {
    await call(
      async ({ client, order }) => {
        const { status, body } = await order("transfer");
        assert.deepEqual([status, body.code], [409, "no_transfer_number"]);
        assert.match((await client.turn("hello")).text, /mock/);
      },
      { transferNumber: null },
    );
  });
});

test("end says goodbye and ends the call", async () => {
  await call(async ({ client, order }) => {
    await order("end");
    assert.match(String((await client.next("agent.speak")).text), /Goodbye/);
    await client.next("agent.end_call");
    assert.equal((await client.turn("hello?")).text, "");
  });
});

describe("mute", () => {
  test("ends the answer and gives empty ones until unmuted; what was said is known then", async () => {
    await call(async ({ server, client, viewer, order }) => {
      const steps = createStepGate();
      server.mock.onChat(() => ({ kind: "text", text: "one two three", gate: steps.gate }));
      steps.release();
      client.say("hello");
      await client.next("agent.llm.response.chunk");
      await order("mute");
      await client.next("agent.llm.response.end");
      await server.mock.nextRequest("chat");
      assert.equal((await client.turn("negative: are you there?")).text, "");
      await viewer.next("verdict", ({ data }) => data.utterance === 2);
      const [picture] = (await server.list()).calls;
      assert.deepEqual([picture?.muted, picture?.frustration_count], [true, 1]);
      await order("say", { text: "I am here." });
      assert.equal((await client.next("agent.speak")).text, "I am here.");

      await order("unmute");
      server.mock.onChat(() => "Back again.");
      assert.equal((await client.turn("good")).text, "Back again.");
      const { messages } = (await server.mock.nextRequest("chat")).body;
      const heard = messages.slice(1).map(({ role, content }) => `${role}: ${content}`);
      assert.deepEqual(heard.slice(-3), [
        "user: negative: are you there?",
        "assistant: I am here.",
        "user: good",
      ]);
      assert.equal((await server.list()).calls[0]?.muted, false);
    });
  });

  test("holds an escalation back until unmuted", async () => {
    await call(async ({ client, viewer, order }) => {
      await order("mute");
      for (const words of ["negative", "frustrated", "frustrated"]) await client.turn(words);
      await client.turn("still there?");
      await viewer.next("verdict", ({ data }) => data.utterance === 4);
      assert.ok(!client.frames.some(({ type }) => type === "agent.transfer_call"));
      await order("unmute");
      assert.match((await client.turn("hello?")).text, /supervisor/);
      await client.next("agent.transfer_call");
    });
  });
});

describe("a call in somebody's hands", () => {
  test("is claimed by name, taken over, handed back and released, for all to see", async () => {
    await call(async ({ server, client, viewer, order }) => {
      const stands = async () => {
        const [picture] = (await server.list()).calls;
        return [picture?.holder, picture?.muted];
      };
      assert.equal((await order("claim", { as: "somebody else" })).status, 200);
      assert.deepEqual(await stands(), ["anna", false]);
      await order("take_over");
      assert.deepEqual(await stands(), ["anna", true]);
      assert.equal((await client.turn("hello?")).text, "");
      await order("hand_back");
      assert.deepEqual(await stands(), [null, false]);
      assert.match((await client.turn("hello?")).text, /mock/);
      await order("acknowledge");
      await viewer.next("supervisor", ({ data }) => data.action === "acknowledge");
      const acts = viewer.received.flatMap(({ type, data }) =>
        type === "supervisor" ? [[data.action, data.by]] : [],
      );
      assert.deepEqual(acts, [
        ["claim", "anna"],
        ["take_over", "anna"],
        ["hand_back", "anna"],
        ["acknowledge", "anna"],
      ]);
    });
  });

  test("tells when a whisper is in an answer, and keeps what is thought of an alert", async () => {
    await call(async ({ server, client, viewer, order }) => {
      await order("whisper", { text: "Offer the refund." });
      await client.turn("Can I speak to a person?");
      const { rule, at } = (await viewer.next("alert", ({ data }) => data.rule === "human_request")).data;
      assert.equal((await viewer.next("whisper.used")).data.count, 1);
      const feedback = { rule, alert_at: at, feedback: "helpful" };
      assert.equal((await order("feedback", feedback)).status, 200);
      const [picture] = (await server.list()).calls;
      assert.equal(picture?.supervisor[0]?.used, true);
      assert.equal(picture?.alerts.find((each) => each.rule === rule)?.feedback, "helpful");
      assert.equal((await order("feedback", { ...feedback, feedback: "so so" })).status, 400);
    });
  });
});

test("what a supervisor did is on the call's bus and never leaves by the socket", async () => {
  await call(
    async ({ server, client, order }) => {
      await order("whisper", { text: "Be kind." });
      await order("mute");
      await order("transfer", undefined);
      await client.next("agent.transfer_call");
      const acts = server.listeners.flatMap(({ heard }) =>
        heard.flatMap((event) => (isLog(event, "supervisor") ? [event.payload] : [])),
      );
      assert.deepEqual(acts, [
        { action: "whisper", text: "Be kind.", by: "anna" },
        { action: "mute", text: null, by: "anna" },
        { action: "transfer", text: null, by: "anna" },
      ]);
      assert.doesNotMatch(JSON.stringify(client.frames), /Be kind|"name":"supervisor"/);
    },
    {},
    { conversationType: "webcall" },
  );
});

describe("a supervisor's request", () => {
  test("is refused where there is no token, and changes nothing", async () => {
    await call(
      async ({ server, client, order }) => {
        for (const action of ["whisper", "say", "transfer", "end", "mute", "unmute"]) {
          const { status, body } = await order(action, { text: "hi" });
          assert.deepEqual([status, body.code], [403, "supervision_off"]);
          assert.match(String(body.message), /AUTH_TOKEN/);
        }
        assert.equal((await server.list()).can_supervise, false);
        assert.match((await client.turn("hello")).text, /mock/);
      },
      { tokens: false },
    );
  });

  test("for a call that is not live is a 404", async () => {
    await call(async ({ server, client, viewer }) => {
      const { status, body } = await server.post("/live/nobody/end");
      assert.deepEqual([status, body.code], [404, "not_live"]);
      const id = viewer.received[0]?.data.session_id;
      await client.close();
      await viewer.next("call.ended");
      assert.equal((await server.post(`/live/${id}/end`)).status, 404);
    });
  });

  test("with a body that is not as it should be is a 400 that names the field", async () => {
    await call(async ({ order }) => {
      for (const body of [undefined, {}, { text: "  " }, { text: 5 }, { text: "x".repeat(1_001) }, "text"]) {
        const answer = await order("say", body);
        assert.deepEqual([answer.status, answer.body.code], [400, "bad_request"], JSON.stringify(body));
        assert.match(String(answer.body.message), /text|body/);
      }
    });
  });
});
