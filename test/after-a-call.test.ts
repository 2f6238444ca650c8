import assert from "node:assert/strict";
import test, { describe } from "node:test";
import { setImmediate as nextEventLoopTurn } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { parseConfig } from "../lib/config.ts";
import { createLlm } from "../lib/llm/client.ts";
import type { AgentSession } from "../lib/session/session.ts";
import { SentimentAnalyzer } from "../sentiment-analyzer.ts";
import { SupportAgent } from "../support-agent.ts";
import { startMockLlm } from "./support/mock-llm.ts";
import { startRuntime } from "./support/runtime-server.ts";
import { VoiceClient } from "./support/voice-client.ts";

setFlagsFromString("--expose-gc");
const collect: () => void = runInNewContext("gc");
/** A socket closes over a few turns of the event loop. */
const TURNS_TO_SETTLE = 15;
/** Timers that would keep the process alive. */
const timers = () => process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;

describe("after a call", () => {
  test("no timer is left, and nothing holds on to the session", async (t) => {
    const mock = await startMockLlm();
    t.after(() => mock.close());
    const llm = createLlm(parseConfig({ OPENAI_BASE_URL: mock.baseUrl }));
    const sessions: WeakRef<AgentSession>[] = [];
    const ended: Promise<unknown>[] = [];
    const server = await startRuntime(async (session) => {
      const sentiment = new SentimentAnalyzer({ llm, model: "m", timeoutMs: 5_000, threshold: 3 });
      session.addNode(sentiment);
      session.addNode(
        new SupportAgent({
          llm,
          model: "m",
          sentiment,
          coach: null,
          transfer: null,
          escalationWaitMs: 800,
          maxContextMessages: 20,
        }),
      );
      await session.start();
      sessions.push(new WeakRef(session));
      ended.push(session.waitUntilComplete());
    });
    t.after(() => server.close());

    const timersBefore = timers();
    for (let call = 0; call < 5; call += 1) {
      const client = await VoiceClient.connect(server.wsUrl);
      client.join();
      await client.next("agent.speak");
      assert.equal((await client.turn("Where is my parcel?")).text, "Hello from the mock.");
      await client.close();
    }
    await Promise.all(ended);

    for (let turn = 0; turn < TURNS_TO_SETTLE && timers() > timersBefore; turn += 1)
      await nextEventLoopTurn();
    assert.equal(timers(), timersBefore);

    assert.equal(sessions.length, 5);
    const left = () => sessions.filter((session) => session.deref() !== undefined).length;
    for (let turn = 0; turn < TURNS_TO_SETTLE && left() > 0; turn += 1) {
      await nextEventLoopTurn();
      collect();
    }
    assert.equal(left(), 0);
  });
});
