import assert from "node:assert/strict";
import test, { after, before, describe } from "node:test";
import { Example, handled, KEY, logsIn, promptOf, turnsOf } from "./support/example.ts";
import { createStepGate, type LlmRequest, type Reply } from "./support/mock-llm.ts";

const GREETING = "Hello! I'm here to help. What can I assist you with today?";

let example: Example;
before(async () => {
  example = await Example.start({ AGENT_MODEL: "talk-model" });
});
after(() => example.close());

/** No two neighbours of one role: some models refuse such a list. */
function assertRolesAlternate(request: LlmRequest): void {
  const roles = request.body.messages.map(({ role }) => role);
  const doubled = roles.filter((role, index) => role === roles[index - 1]);
  assert.deepEqual(doubled, [], roles.join());
}

describe("the greeting", () => {
  for (const conversationType of ["telephonyInbound", "chat"] as const) {
    test(`is the first frame after user.joined, once (${conversationType})`, async () => {
      await example.call(async (client) => {
        await handled(client);
        assert.deepEqual(
          client.frames.map(({ type }) => type),
          ["agent.ready"],
        );
        client.join();
        assert.equal((await client.next("agent.speak")).text, GREETING);
        client.join();
        await handled(client);
        assert.deepEqual(
          client.frames.map(({ type }) => type),
          ["agent.ready", "agent.speak"],
        );
      }, conversationType);
    });
  }
});

describe("a request to the model", () => {
  test("is streamed, at temperature 0.7, with the four tools and the caller's mood", async () => {
    await example.call(async (client) => {
      await client.turn("Which tools?");
      const request = await example.request("chat", "Which tools?");
      const { body } = request;
      assert.equal(body.model, "talk-model");
      assert.equal(body.temperature, 0.7);
      assert.equal(body.stream, true);
      assert.deepEqual(
        body.tools?.map((tool) => tool.function.name),
        ["get_customer_sentiment", "check_escalation_needed", "end_call", "transfer_to_supervisor"],
      );
      assert.match(promptOf(request), /mood of the caller: neutral/);
    });
  });

  for (const conversationType of ["telephonyInbound", "chat"] as const) {
    test(`holds what was said once, roles in turn, whether the client reports it or not (${conversationType})`, async () => {
      await example.call(async (client) => {
        example.llm.onChat(({ utterance }) => `You said ${utterance}.`);
        client.join();
        await client.next("agent.speak");
        if (conversationType === "chat") client.reportSpoken(GREETING);
        for (const words of ["one", "two", "three"]) await client.turn(words);
        const request = await example.request("chat", "three");
        assertRolesAlternate(request);
        assert.deepEqual(turnsOf(request), [
          { role: "assistant", content: GREETING },
          { role: "user", content: "one" },
          { role: "assistant", content: "You said one." },
          { role: "user", content: "two" },
          { role: "assistant", content: "You said two." },
          { role: "user", content: "three" },
        ]);
      }, conversationType);
    });
  }
});

describe("an answer", () => {
  test("is sent piece by piece as the model sends it", async () => {
    await example.call(async (client) => {
      const steps = createStepGate();
      example.llm.onChat(() => ({ kind: "text", text: "One two.", gate: steps.gate }));
      client.say("Count.");
      steps.release();
      assert.equal((await client.next("agent.llm.response.chunk")).text, "One ");
      steps.release();
      assert.equal((await client.next("agent.llm.response.chunk")).text, "two.");
      await client.next("agent.llm.response.end");
    });
  });

  for (const report of [false, true]) {
    test(`that is interrupted is closed upstream, and what was ${report ? "reported" : "sent"} of it is in the next request once`, async () => {
      await example.call(async (client) => {
        const steps = createStepGate();
        example.llm.onChat(() => ({ kind: "text", text: "A long story.", gate: steps.gate }));
        client.say("Tell me.");
        steps.release(2);
        await client.next("agent.llm.response.chunk", ({ text }) => text === "long ");
        client.interrupt();
        await client.next("agent.llm.response.end");
        await (await example.request("chat", "Tell me.")).closedByClient;
        if (report) client.reportSpoken("A");
        example.llm.onChat(() => "Yes?");
        assert.equal((await client.turn("Wait.")).text, "Yes?");
        assert.deepEqual(turnsOf(await example.request("chat", "Wait.")), [
          { role: "user", content: "Tell me." },
          { role: "assistant", content: report ? "A" : "A long " },
          { role: "user", content: "Wait." },
        ]);
      });
    });
  }

  test("that is interrupted before its first word is closed upstream and leaves the question", async () => {
    await example.call(async (client) => {
      example.llm.onChat(() => ({ kind: "hang" }));
      client.say("First.");
      const request = await example.request("chat", "First.");
      client.interrupt();
      await client.next("agent.llm.response.end");
      await request.closedByClient;
      example.llm.onChat(() => "Yes?");
      await client.turn("Second.");
      const next = await example.request("chat", "First.\nSecond.");
      assert.deepEqual(turnsOf(next), [{ role: "user", content: "First.\nSecond." }]);
    });
  });

  test("is replaced by the next request: closed upstream, and each has one start and one end", async () => {
    await example.call(async (client) => {
      const steps = createStepGate();
      example.llm.onChat(() => ({ kind: "text", text: "Never finished.", gate: steps.gate }));
      client.say("One.");
      steps.release();
      await client.next("agent.llm.response.chunk");
      const first = await example.request("chat", "One.");
      example.llm.onChat(() => "Second.");
      client.say("Two.");
      await client.next("agent.llm.response.end");
      assert.equal((await client.response()).text, "Second.");
      await first.closedByClient;
      const types = client.frames.map(({ type }) => type);
      assert.equal(types.filter((type) => type === "agent.llm.response.start").length, 2);
      assert.equal(types.filter((type) => type === "agent.llm.response.end").length, 2);
    });
  });

  test("of two requests sent at once only the second is given", async () => {
    await example.call(async (client) => {
      example.llm.onChat(() => "Once.");
      client.send({ type: "agent.transcript.update", role: "user", content: "Now?" });
      client.send({ type: "system.llm.request" });
      client.send({ type: "system.llm.request" });
      assert.equal((await client.response()).text, "");
      assert.equal((await client.response()).text, "Once.");
    });
  });

  test("from a sloppy server is an answer like any other", async () => {
    await example.call(async (client) => {
      example.llm.onChat(() => ({ kind: "text", text: "No role, no usage, no end.", sloppy: true }));
      assert.equal((await client.turn("Hi")).text, "No role, no usage, no end.");
    });
  });
});

describe("a model that fails", () => {
  const UPSTREAM = "upstream said no";
  const failures: [string, Reply, RegExp][] = [
    [
      "with a 401 that repeats the key",
      { kind: "error", status: 401, body: { error: { message: `${UPSTREAM} to ${KEY}` } } },
      /^I'm sorry/,
    ],
    ["with a 400", { kind: "error", status: 400, body: { error: { message: UPSTREAM } } }, /^I'm sorry/],
    ["with a broken stream", { kind: "brokenStream", garbage: `data: {${UPSTREAM}\n\n` }, /^I'm sorry/],
    ["with an empty answer", { kind: "empty" }, /^I'm sorry/],
    ["by cutting the connection", { kind: "cut", chunks: 2, text: "Let me see." }, /^Let me {1,2}I'm sorry/],
    ["by breaking off", { kind: "truncated", text: "Let me" }, /^Let me I'm sorry/],
  ];
  for (const [conversationType, tried] of [
    ["telephonyInbound", failures],
    ["chat", failures.slice(0, 2)],
  ] as const) {
    for (const [how, reply, apology] of tried) {
      test(`${how} is an apology, a normal end and a good next turn (${conversationType})`, async () => {
        await example.call(async (client) => {
          example.llm.onChat(() => reply);
          const failed = await client.turn("Help.");
          assert.match(failed.text, apology);
          const errors = client.frames.filter(({ type }) => type === "agent.error");
          assert.deepEqual(
            errors.map(({ severity }) => severity),
            conversationType === "chat" ? [] : ["warning"],
          );
          example.llm.onChat(() => "Here I am.");
          assert.equal((await client.turn("Again?")).text, "Here I am.");
          assertRolesAlternate(await example.request("chat", "Again?"));
          // The log has them, without the key, for whoever has to mend it.
          assert.ok(!JSON.stringify(client.frames).includes(UPSTREAM), "upstream's words leaked");
          for (const seen of [JSON.stringify(client.frames), example.server.output]) {
            assert.ok(!seen.includes(KEY), "the key leaked");
            assert.doesNotMatch(seen, /\bat .*\.ts:\d+/);
          }
        }, conversationType);
      });
    }
  }
});

describe("a model that hangs", () => {
  let impatient: Example;
  before(async () => {
    impatient = await Example.start({ LLM_TIMEOUT_MS: "50" });
  });
  after(() => impatient.close());

  for (const [how, reply, apology] of [
    ["from the start", { kind: "hang" }, /^I'm sorry/],
    ["in mid-answer", { kind: "hangAfter", chunks: 2, text: "Let me see." }, /I'm sorry/],
  ] satisfies [string, Reply, RegExp][]) {
    test(`${how} is given up at LLM_TIMEOUT_MS, and the caller hears an apology`, async () => {
      await impatient.call(async (client) => {
        impatient.llm.onChat(() => reply);
        assert.match((await client.turn(how)).text, apology);
      });
    });
  }
});

describe("the end of the call", () => {
  const END_CALL = { name: "end_call", arguments: "{}" };

  for (const [what, reply, goodbye] of [
    ["the model's goodbye", { kind: "toolCalls", text: "Bye for now!", calls: [END_CALL] }, "Bye for now!"],
    [
      "a goodbye of its own",
      { kind: "toolCalls", calls: [END_CALL] },
      "Thank you for contacting us. Goodbye!",
    ],
  ] satisfies [string, Reply, string][]) {
    test(`comes after ${what}, and the model is not asked again`, async () => {
      await example.call(async (client) => {
        example.llm.onChat(() => reply);
        const from = example.llm.requests.length;
        assert.equal((await client.turn("That's all, bye.")).text, goodbye);
        await client.next("agent.end_call");
        assert.equal((await client.turn("Hello?")).text, "");
        await handled(client);
        const asked = example.llm.requests.slice(from).map(({ kind, utterance }) => `${kind} ${utterance}`);
        assert.deepEqual(asked.sort(), ["chat That's all, bye.", "sentiment That's all, bye."]);
        assert.equal(logsIn(client.frames, "tool_call_end").length, 1);
      });
    });
  }
});
