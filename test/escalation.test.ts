import assert from "node:assert/strict";
import test, { after, before, describe } from "node:test";
import { Example, handled, logsIn, nextLog } from "./support/example.ts";
import { createStepGate } from "./support/mock-llm.ts";
import { deferred } from "./support/nodes.ts";
import type { VoiceClient } from "./support/voice-client.ts";

const NUMBER = "+15550100";
const SAMPLE = [
  "I've been waiting for my order for 3 weeks and nobody will help me!",
  "This is ridiculous! I want a refund now!",
  "I can't believe how terrible this service is!",
] as const;
const [FIRST, SECOND, THIRD] = SAMPLE;
const LINE = "I can hear this has been frustrating, and I'm sorry. Let me connect you with a supervisor.";

/** Two frustrated turns; the verdict on the third utterance is the returned gate's. */
async function upToTheThird(example: Example, client: VoiceClient): Promise<(verdict: string) => void> {
  const verdict = deferred<string>();
  example.llm.onSentiment((_request, utterance) => (utterance === THIRD ? verdict.promise : "frustrated"));
  for (const [index, utterance] of [FIRST, SECOND].entries()) {
    await client.turn(utterance);
    // The verdict may have come before the end of the answer.
    if (logsIn(client.frames, "sentiment").length <= index) await nextLog(client, "sentiment");
    assert.equal(logsIn(client.frames, "sentiment")[index]?.frustration_count, index + 1);
  }
  return verdict.resolve;
}

const transfersIn = (client: VoiceClient) =>
  client.frames.filter(({ type }) => type === "agent.transfer_call");

describe("with a verdict in time", () => {
  let example: Example;
  before(async () => {
    example = await Example.start({
      ESCALATION_POLICY: "count",
      TRANSFER_NUMBER: NUMBER,
      ESCALATION_WAIT_MS: "60000",
      // A timer left behind an answer that was thrown away would keep the process from ending for weeks.
      LLM_TIMEOUT_MS: "2000000000",
    });
  });
  after(() => example.close());

  test("the third frustrated message is answered by the hand-off, and the finished answer is not sent", async () => {
    await example.call(async (client) => {
      const release = await upToTheThird(example, client);
      client.say(THIRD);
      await client.next("agent.llm.response.start", (frame) => frame.request_id === "turn-3");
      // The whole answer is there, and the verdict is not.
      assert.equal(await (await example.request("chat", THIRD)).done, "finished");
      await handled(client);
      assert.notEqual(client.frames.at(-1)?.type, "agent.llm.response.chunk");
      release("frustrated");
      assert.equal((await client.next("agent.llm.response.chunk")).text, LINE);
      await client.next("agent.llm.response.end");
      const transfer = await client.next("agent.transfer_call");
      assert.deepEqual(
        { ...transfer, timestamp: "" },
        {
          type: "agent.transfer_call",
          timestamp: "",
          transfer_call_number: NUMBER,
          transfer_options: {
            type: "cold_transfer",
            private_handoff_option: null,
            public_handoff_option: null,
          },
          on_hold_music: null,
        },
      );
      assert.deepEqual(logsIn(client.frames, "escalation.triggered"), [
        {
          reason: "frustration_threshold_exceeded",
          frustration_count: 3,
          threshold: 3,
          same_turn: true,
          action: "cold_transfer",
          outcome: "requested",
        },
      ]);
      for (const line of [
        "[SentimentAnalyzer] Detected frustrated sentiment (frustration count: 1)",
        "[SentimentAnalyzer] Detected frustrated sentiment (frustration count: 2)",
        "[SentimentAnalyzer] Detected frustrated sentiment (frustration count: 3)",
        "[Auto-escalation triggered]",
      ]) {
        await example.server.nextLine(({ msg }) => msg === line);
      }
    });
  });

  test("the answer that was asked for beside the verdict is closed upstream", async () => {
    await example.call(async (client) => {
      const release = await upToTheThird(example, client);
      example.llm.onChat(() => ({ kind: "text", text: "never", firstTokenAfter: new Promise(() => {}) }));
      client.say(THIRD);
      const chat = await example.request("chat", THIRD);
      release("frustrated");
      await chat.closedByClient;
      await client.next("agent.transfer_call");
    });
  });

  test("a decisive turn whose verdict is calm is answered by the model", async () => {
    await example.call(async (client) => {
      const release = await upToTheThird(example, client);
      example.llm.onChat(() => "Let me look into it.");
      client.say(THIRD);
      await example.request("chat", THIRD);
      release("neutral");
      assert.equal((await client.next("agent.llm.response.chunk", (f) => f.text === "Let ")).text, "Let ");
      await client.next("agent.llm.response.end");
      assert.deepEqual(transfersIn(client), []);
    });
  });

  for (const [conversationType, answer] of [
    ["telephonyInbound", ""],
    ["webcall", ""],
    ["chat", "A supervisor will take it from here."],
  ] as const) {
    test(`after the hand-off a ${conversationType} gets ${answer ? "one fixed line" : "an empty answer"} per message, and no model is asked`, async () => {
      await example.call(async (client) => {
        example.llm.onSentiment(() => "frustrated");
        for (const utterance of SAMPLE) await client.turn(utterance);
        await client.next("agent.transfer_call");
        const afterwards = ["Hello?", "Is anybody there?"];
        for (const words of afterwards) assert.equal((await client.turn(words)).text, answer);
        await handled(client);
        // Not by their number: the request that the hand-off has cancelled may reach the model late.
        const about = example.llm.requests.map(({ utterance }) => utterance);
        assert.ok(!about.some((text) => afterwards.some((words) => text.includes(words))));
        assert.equal(transfersIn(client).length, 1);
      }, conversationType);
    });
  }

  test("a verdict that overtakes the request for an answer makes the hand-off this answer", async () => {
    await example.call(async (client) => {
      const release = await upToTheThird(example, client);
      release("frustrated");
      client.send({ type: "agent.transcript.update", role: "user", content: THIRD });
      await nextLog(client, "sentiment");
      await handled(client);
      client.send({ type: "system.llm.request" });
      assert.equal((await client.response()).text, LINE);
      await client.next("agent.transfer_call");
      assert.ok(!client.frames.some(({ type }) => type === "agent.speak"));
      assert.equal(logsIn(client.frames, "escalation.triggered")[0]?.same_turn, true);
    });
  });

  test("an interrupt into the hand-off line does not lose the transfer", async () => {
    await example.call(async (client) => {
      const release = await upToTheThird(example, client);
      client.say(THIRD);
      await example.request("chat", THIRD);
      release("frustrated");
      await client.next("agent.llm.response.chunk", (frame) => frame.text === LINE);
      client.interrupt();
      await client.next("agent.transfer_call");
    });
  });
});

describe("with a verdict that comes late", () => {
  let example: Example;
  before(async () => {
    example = await Example.start({
      ESCALATION_POLICY: "count",
      TRANSFER_NUMBER: NUMBER,
      TRANSFER_TYPE: "warm",
      TRANSFER_HOLD_MUSIC: "relaxing_sound",
      ESCALATION_WAIT_MS: "20",
    });
  });
  after(() => example.close());

  test("the answer goes on, and the hand-off line is the end of it", async () => {
    await example.call(async (client) => {
      const release = await upToTheThird(example, client);
      const steps = createStepGate();
      example.llm.onChat(() => ({ kind: "text", text: "Let me see.", gate: steps.gate }));
      client.say(THIRD);
      steps.release();
      await client.next("agent.llm.response.chunk", (frame) => frame.text === "Let ");
      release("frustrated");
      await nextLog(client, "sentiment");
      steps.release(Number.POSITIVE_INFINITY);
      assert.equal((await client.next("agent.llm.response.chunk")).text, "me ");
      assert.equal((await client.next("agent.llm.response.chunk")).text, "see.");
      assert.equal((await client.next("agent.llm.response.chunk")).text, ` ${LINE}`);
      await client.next("agent.llm.response.end");
      await client.next("agent.transfer_call");
      assert.equal(logsIn(client.frames, "escalation.triggered")[0]?.same_turn, true);
    });
  });

  test("it is spoken when nobody talks, and the supervisor hears what it is about", async () => {
    await example.call(async (client) => {
      const release = await upToTheThird(example, client);
      assert.equal((await client.turn(THIRD)).text, "Hello from the mock.");
      release("frustrated");
      assert.equal((await client.next("agent.speak")).text, LINE);
      const transfer = await client.next("agent.transfer_call");
      assert.equal(transfer.on_hold_music, "relaxing_sound");
      assert.deepEqual(transfer.transfer_options, {
        type: "warm_transfer",
        private_handoff_option: {
          type: "static",
          prompt: `The caller began with: "${FIRST}" Their last words were: "${THIRD}" They have been frustrated overall and are frustrated now, with a frustration count of 3.`,
        },
        public_handoff_option: {
          type: "static",
          prompt: "You are now connected with a supervisor, who knows what this is about.",
        },
      });
      assert.equal(logsIn(client.frames, "escalation.triggered")[0]?.same_turn, false);
    });
  });

  test("while the caller talks it waits and becomes the next answer, for which no model is asked", async () => {
    await example.call(async (client) => {
      const release = await upToTheThird(example, client);
      assert.equal((await client.turn(THIRD)).text, "Hello from the mock.");
      client.send({ type: "system.user.started_speaking" });
      await handled(client);
      release("frustrated");
      assert.equal((await nextLog(client, "sentiment")).frustration_count, 3);
      await handled(client);
      assert.ok(!client.frames.some(({ type }) => type === "agent.speak"));
      const asked = example.llm.requests.filter(({ kind }) => kind === "chat").length;
      client.send({ type: "system.user.stopped_speaking" });
      assert.equal((await client.turn("And another thing!")).text, LINE);
      await client.next("agent.transfer_call");
      assert.equal(example.llm.requests.filter(({ kind }) => kind === "chat").length, asked);
    });
  });

  test("it is not spoken into an answer that has failed either, but after it", async () => {
    await example.call(async (client) => {
      const release = await upToTheThird(example, client);
      example.llm.onChat(() => ({ kind: "error", status: 400 }));
      assert.match((await client.turn(THIRD)).text, /trouble answering/);
      release("frustrated");
      assert.equal((await client.next("agent.speak")).text, LINE);
      await client.next("agent.transfer_call");
    });
  });
});

describe("without a transfer number", () => {
  let example: Example;
  before(async () => {
    example = await Example.start({ ESCALATION_POLICY: "count", ESCALATION_WAIT_MS: "60000" });
  });
  after(() => example.close());

  test("the line promises nobody, the conversation goes on, and it escalates once", async () => {
    await example.call(async (client) => {
      example.llm.onSentiment(() => "frustrated");
      await client.turn(FIRST);
      await client.turn(SECOND);
      const { text } = await client.turn(THIRD);
      assert.match(text, /I can't transfer you/);
      assert.doesNotMatch(text, /connect you/);
      for (const words of ["So what now?", "Hello?", "Still there?"]) {
        assert.equal((await client.turn(words)).text, "Hello from the mock.");
      }
      assert.deepEqual(transfersIn(client), []);
      const escalations = logsIn(client.frames, "escalation.triggered");
      assert.equal(escalations.length, 1);
      assert.equal(escalations[0]?.action, "none");
      assert.equal(escalations[0]?.outcome, "no_number");
    });
  });

  test("the tool for a transfer tells the model that there is none", async () => {
    await example.call(async (client) => {
      let asked = 0;
      example.llm.onChat(() => {
        asked += 1;
        if (asked > 1) return "There is nobody I can connect you with.";
        return {
          kind: "toolCalls",
          calls: [{ name: "transfer_to_supervisor", arguments: '{"reason":"wants a person"}' }],
        };
      });
      assert.match((await client.turn("A person, please.")).text, /nobody/);
      const [, second] = example.llm.requests.filter(
        ({ kind, utterance }) => kind === "chat" && utterance === "A person, please.",
      );
      assert.match(JSON.stringify(second?.body.messages ?? []), /no_number/);
      assert.deepEqual(transfersIn(client), []);
    });
  });
});
