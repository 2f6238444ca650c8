import assert from "node:assert/strict";
import type { AddressInfo } from "node:net";
import test, { describe } from "node:test";
import { callWire } from "../lib/calls/wire.ts";
import { parseConfig } from "../lib/config.ts";
import { LlmAgentNode } from "../lib/nodes/llm-agent-node.ts";
import { createVoiceServer, type SetupCall, type VoiceServerOptions } from "../lib/voice-server.ts";
import { SentimentAnalyzer } from "../sentiment-analyzer.ts";
import { getCalls } from "./support/get-json.ts";
import { ScriptedAgent, says } from "./support/nodes.ts";
import { until } from "./support/recorded-calls.ts";
import { VoiceClient } from "./support/voice-client.ts";

const config = (env: Record<string, string> = {}) =>
  parseConfig({ HOST: "127.0.0.1", LOG_LEVEL: "silent", DATABASE_URL: "file::memory:", ...env });

const agent =
  (name: string, words: string): Extract<VoiceServerOptions, { setupSession: unknown }>["setupSession"] =>
  async (session) => {
    session.addNode(new ScriptedAgent(says(words), { name }));
    await session.start();
  };

async function withServer(options: VoiceServerOptions, run: (host: string) => Promise<void>): Promise<void> {
  const { app } = await createVoiceServer(options);
  try {
    await app.listen({ host: "127.0.0.1", port: 0 });
    await run(`127.0.0.1:${(app.server.address() as AddressInfo).port}`);
  } finally {
    await app.close();
  }
}

describe("a voice server", () => {
  test("has several agents, each at a path of its own, in one record", async () => {
    const routes = { "/ws": agent("support", "Support here."), "/ws/sales": agent("sales", "Sales here.") };
    await withServer({ config: config({ AGENT_VERSION: "7" }), routes }, async (host) => {
      for (const [path, words] of [
        ["/ws", "Support here."],
        ["/ws/sales", "Sales here."],
      ] as const) {
        const client = await VoiceClient.connect(`ws://${host}${path}`);
        assert.equal((await client.turn("hello")).text, words);
        await client.close();
      }
      await until(async () => {
        const calls = await getCalls(`http://${host}/calls`);
        return calls.filter(({ ended_at }) => ended_at !== null).length === 2;
      });
      const calls = await getCalls(`http://${host}/calls`);
      const described = calls.map((call) => [call.agent, call.agent_version, call.model]);
      assert.deepEqual(described.sort(), [
        ["sales", "7", null],
        ["support", "7", null],
      ]);
      const metrics = await (await fetch(`http://${host}/metrics`)).text();
      assert.match(metrics, /^voice_agent_calls_total\{agent="sales",version="7"\} 1$/m);
    });
  });

  test("names the model that answers: without a key it is not the one of the settings", async () => {
    const setupSession: SetupCall = async (session, { llm, config }) => {
      const mood = new SentimentAnalyzer({
        llm,
        model: config.SENTIMENT_MODEL,
        timeoutMs: 5_000,
        threshold: 3,
      });
      session.addNode(mood);
      session.addNode(new LlmAgentNode({ name: "agent", llm, instructions: "Be brief." }));
      await session.start();
    };
    await withServer({ config: config({ AGENT_MODEL: "gpt-4o-mini" }), setupSession }, async (host) => {
      const client = await VoiceClient.connect(`ws://${host}/ws`);
      await client.turn("hello");
      await client.close();
      const callsOf = () => getCalls(`http://${host}/calls`);
      await until(async () => (await callsOf()).some(({ ended_at }) => ended_at !== null));
      const [listed] = await callsOf();
      assert.equal(listed?.model, "embedded");
      const answer = await fetch(`http://${host}/calls/${listed?.session_id}`);
      const { usage } = callWire.parse(await answer.json());
      assert.deepEqual(new Set(usage.map(({ model }) => model)), new Set(["embedded"]));
    });
  });

  test("lets a set-up say which agent it is", async () => {
    const setupSession = async (session: Parameters<ReturnType<typeof agent>>[0]) => {
      session.describe({ agent: "concierge", agentVersion: "2026-11", model: "a-model" });
      session.addNode(new ScriptedAgent(says("Welcome.")));
      await session.start();
    };
    await withServer({ config: config({ AGENT_VERSION: "7" }), setupSession }, async (host) => {
      const client = await VoiceClient.connect(`ws://${host}/ws`);
      await client.turn("hello");
      const [call] = await getCalls(`http://${host}/live/calls`);
      assert.deepEqual([call?.agent, call?.agent_version, call?.model], ["concierge", "2026-11", "a-model"]);
      await client.close();
    });
  });

  test("does without console or record where it is asked to", async () => {
    const options = { config: config(), setupSession: agent("a", "Hm."), console: false, record: false };
    await withServer(options, async (host) => {
      const client = await VoiceClient.connect(`ws://${host}/ws`);
      assert.equal((await client.turn("hello")).text, "Hm.");
      await client.close();
      assert.equal((await fetch(`http://${host}/console`)).status, 404);
      assert.equal((await fetch(`http://${host}/live/calls`)).status, 404);
      assert.equal((await fetch(`http://${host}/calls`)).status, 404);
    });
  });

  test("names the path whose set-up cannot work", async () => {
    const routes = { "/ws": agent("support", "Fine."), "/ws/sales": async () => {} };
    await withServer({ config: config(), routes }, async (host) => {
      const response = await fetch(`http://${host}/ready`);
      assert.equal(response.status, 503);
      assert.match(await response.text(), /"\/ws\/sales: setupSession returned without/);
    });
  });
});
