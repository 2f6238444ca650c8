import assert from "node:assert/strict";
import test, { after, before, describe } from "node:test";
import { z } from "zod";
import { parseConfig } from "../../lib/config.ts";
import { createLlm, type Llm } from "../../lib/llm/client.ts";
import { tool } from "../../lib/llm/tools.ts";
import { LlmAgentNode, type LlmAgentNodeOptions } from "../../lib/nodes/llm-agent-node.ts";
import { type MockLlm, type Reply, startMockLlm } from "../support/mock-llm.ts";
import { deferred } from "../support/nodes.ts";
import { type RuntimeServer, startRuntime } from "../support/runtime-server.ts";
import { VoiceClient, type VoiceClientOptions } from "../support/voice-client.ts";

const NUMBER = { number: "+15550100", type: "warm", holdMusic: null } as const;

let mock: MockLlm;
let llm: Llm;
before(async () => {
  mock = await startMockLlm();
  llm = createLlm(parseConfig({ OPENAI_BASE_URL: mock.baseUrl, AGENT_MODEL: "the-model" }));
});
after(() => mock.close());

type Call = { client: VoiceClient; agent: LlmAgentNode; server: RuntimeServer };

/** One call with an agent of these options. */
async function call(
  options: Partial<LlmAgentNodeOptions>,
  talk: (call: Call) => Promise<void>,
  connect: VoiceClientOptions = {},
): Promise<void> {
  const agents: LlmAgentNode[] = [];
  const server = await startRuntime(async (session) => {
    const agent = new LlmAgentNode({ name: "agent", llm, instructions: "Be brief.", ...options });
    agents.push(agent);
    session.addNode(agent);
    await session.start();
  });
  try {
    const client = await VoiceClient.connect(server.wsUrl, connect);
    const agent = agents.at(-1);
    assert.ok(agent);
    await talk({ client, agent, server });
    await client.close();
  } finally {
    await server.close();
  }
}

/** The replies one after the other. */
function replies(...scripted: (Reply | string)[]): void {
  mock.onChat(() => scripted.shift() ?? "Nothing more.");
}

const systemOf = (index: number) => mock.requests.at(index)?.body.messages[0]?.content;

describe("an agent with a model", () => {
  test("takes out of its words what is made for the eye, unless they are read in a chat", async () => {
    const written = "**Good** news 🎉: see [your order](https://shop.example/orders/7).";
    await call({}, async ({ client }) => {
      replies({ kind: "text", text: [written.slice(0, 5), written.slice(5, 19), written.slice(19)] });
      assert.equal((await client.turn("any news?")).text, "Good news : see your order.");
    });
    const chat = { conversationType: "chat" } as const;
    await call(
      {},
      async ({ client }) => {
        replies(written);
        assert.equal((await client.turn("any news?")).text, written);
      },
      chat,
    );
    await call(
      { cleanSpeech: true },
      async ({ client }) => {
        replies("🎉", "*Done*");
        assert.equal((await client.turn("any news?")).text, "🎉", "a picture is better than silence");
        assert.equal((await client.turn("and now?")).text, "Done");
      },
      chat,
    );
  });

  test("greets once, and asks the model of the configuration with its instructions", async () => {
    await call({ greeting: "Good morning!" }, async ({ client }) => {
      replies("Fine.");
      client.join();
      client.join();
      assert.equal((await client.next("agent.speak")).text, "Good morning!");
      assert.equal((await client.turn("how are you")).text, "Fine.");
      assert.equal(client.frames.filter(({ type }) => type === "agent.speak").length, 1);
      const { body } = mock.requests.at(-1) ?? assert.fail("no request");
      assert.equal(body.model, "the-model");
      assert.deepEqual(
        body.messages.map(({ role, content }) => [role, content]),
        [
          ["system", "Be brief."],
          ["assistant", "Good morning!"],
          ["user", "how are you"],
        ],
      );
    });
  });

  test("asks for its instructions anew before each answer", async () => {
    let mood = "calm";
    await call({ instructions: async () => `The caller is ${mood}.` }, async ({ client }) => {
      replies("One.", "Two.");
      await client.turn("hello");
      assert.equal(systemOf(-1), "The caller is calm.");
      mood = "angry";
      await client.turn("hello!");
      assert.equal(systemOf(-1), "The caller is angry.");
    });
  });

  test("gives a tool the call's variables and caller", async () => {
    let seen: unknown;
    const whoAmI = tool({
      name: "who_am_i",
      description: "Who calls",
      parameters: z.object({}),
      handler: (_args, { variables, caller }) => {
        seen = [variables.plan, caller?.userNumber];
        return "known";
      },
    });
    await call(
      { tools: [whoAmI] },
      async ({ client }) => {
        replies({ kind: "toolCalls", calls: [{ name: "who_am_i", arguments: "{}" }] }, "You are Ann.");
        assert.equal((await client.turn("who am I")).text, "You are Ann.");
        assert.deepEqual(seen, ["gold", "+15550111"]);
      },
      { init: { initial_variables: { plan: "gold" }, caller: { user_number: "+15550111" } } },
    );
  });

  test("says a line while a tool is slow, and goes on with its result", async () => {
    const found = deferred<string>();
    const slow = tool({
      name: "search",
      description: "Searches",
      parameters: z.object({}),
      handler: () => found.promise,
    });
    await call({ tools: [slow], holdingAfterMs: 20, holdingLine: "Let me see." }, async ({ client }) => {
      replies({ kind: "toolCalls", calls: [{ name: "search", arguments: "{}" }] }, "Here it is.");
      client.say("find it");
      assert.equal((await client.next("agent.llm.response.chunk")).text, "Let me see. ");
      found.resolve("found");
      await client.next("agent.llm.response.end");
      const chunks = client.frames.filter(({ type }) => type === "agent.llm.response.chunk");
      assert.equal(chunks.map(({ text }) => text).join(""), "Let me see. Here it is.");
    });
  });

  test("tells the model of a tool that took too long, and aborts it", async () => {
    const aborted = deferred();
    const never = tool({
      name: "search",
      description: "Searches",
      parameters: z.object({}),
      timeoutMs: 20,
      handler: (_args, { signal }) => {
        signal.addEventListener("abort", () => aborted.resolve());
        return new Promise(() => {});
      },
    });
    await call({ tools: [never] }, async ({ client }) => {
      replies({ kind: "toolCalls", calls: [{ name: "search", arguments: "{}" }] }, "I could not find it.");
      assert.equal((await client.turn("find it")).text, "I could not find it.");
      await aborted.promise;
      const result = mock.requests.at(-1)?.body.messages.find(({ role }) => role === "tool");
      assert.match(String(result?.content), /within 20 ms/);
    });
  });

  test("ends the call with its goodbye, and hands over with the model's reason, by its built-in tools", async () => {
    await call({ tools: ["end_call"], goodbye: "Bye now." }, async ({ client }) => {
      replies({ kind: "toolCalls", calls: [{ name: "end_call", arguments: "" }] });
      assert.equal((await client.turn("bye")).text, "Bye now.");
      await client.next("agent.end_call");
    });
    await call({ tools: ["transfer_to_supervisor"], transfer: NUMBER }, async ({ client }) => {
      const args = '{"reason":"wants a refund"}';
      replies({ kind: "toolCalls", calls: [{ name: "transfer_to_supervisor", arguments: args }] });
      await client.turn("a person please");
      const transfer = await client.next("agent.transfer_call");
      assert.match(JSON.stringify(transfer), /a person please.*wants a refund/);
    });
    await call({ tools: ["transfer_to_supervisor"], transfer: NUMBER }, async ({ client }) => {
      replies({ kind: "toolCalls", calls: [{ name: "transfer_to_supervisor", arguments: "{}" }] });
      await client.turn("a person please");
      await client.next("agent.transfer_call");
    });
  });

  test("promises no transfer where there is no number", async () => {
    await call({ tools: ["transfer_to_supervisor"] }, async ({ client }) => {
      replies(
        { kind: "toolCalls", calls: [{ name: "transfer_to_supervisor", arguments: "{}" }] },
        "I can help you myself.",
      );
      assert.equal((await client.turn("a person please")).text, "I can help you myself.");
      assert.ok(!client.frames.some(({ type }) => type === "agent.transfer_call"));
    });
  });

  test("is steered by a supervisor like any other", async () => {
    await call({ transfer: NUMBER }, async ({ client, agent }) => {
      agent.whisper("Offer tea.");
      replies("Tea?", "Yes.");
      await client.turn("hello");
      assert.match(String(systemOf(-1)), /Offer tea\./);
      await client.turn("what");
      assert.doesNotMatch(String(systemOf(-1)), /Offer tea\./);
      agent.transfer();
      await client.next("agent.transfer_call");
      assert.throws(() => agent.say("more"), { code: "handed_off" });
    });
    await call({}, async ({ agent }) =>
      assert.throws(() => agent.transfer(), { code: "no_transfer_number" }),
    );
  });
});
