import assert from "node:assert/strict";
import { once } from "node:events";
import test, { describe } from "node:test";
import { WebSocket } from "ws";
import { Metrics } from "../../lib/metrics/metrics.ts";
import { MetricsNode } from "../../lib/metrics/metrics-node.ts";
import type { SetupSession } from "../../lib/session/session.ts";
import { createStepGate, startMockLlm } from "../support/mock-llm.ts";
import { type Script, ScriptedAgent } from "../support/nodes.ts";
import { withRuntime } from "../support/runtime-server.ts";
import { serverFor } from "../support/server-process.ts";
import { VoiceClient } from "../support/voice-client.ts";

/** Every sample by its name and labels, as Prometheus would read it. */
async function scrape(url: string, headers: Record<string, string> = {}): Promise<Map<string, number>> {
  const response = await fetch(`${url}/metrics`, { headers });
  assert.equal(response.status, 200);
  assert.match(response.headers.get("content-type") ?? "", /^text\/plain; version=0\.0\.4/);
  const lines = (await response.text()).split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(" ")), Number(line.split(" ").at(-1))]));
}

/** The server's own samples that are not 0, without their prefix; of a histogram only the count. */
async function counted(url: string): Promise<Record<string, number>> {
  const samples = [...(await scrape(url))].filter(
    ([name, value]) => name.startsWith("voice_agent_") && !/_(bucket|sum)/.test(name) && value !== 0,
  );
  return Object.fromEntries(samples.map(([name, value]) => [name.replace("voice_agent_", ""), value]));
}

describe("/metrics", () => {
  test("counts the turns, pieces and interrupts of a call, and what became of each turn", async () => {
    const metrics = new Metrics();
    const steps = createStepGate();
    const script: Script = async function* (_signal, turn) {
      if (turn.number === 4) throw new Error("broke");
      for (const piece of ["one ", "two"]) {
        await steps.gate();
        yield piece;
      }
    };
    const setupSession: SetupSession = async (session) => {
      session.addNode(new ScriptedAgent(script));
      session.addNode(new MetricsNode(metrics));
      await session.start();
    };
    await withRuntime(
      setupSession,
      async ({ url, wsUrl }) => {
        const client = await VoiceClient.connect(wsUrl);
        const firstPiece = async () => {
          steps.release(1);
          await client.next("agent.llm.response.chunk");
        };
        client.say("this one is heard to the end");
        await firstPiece();
        steps.release(1);
        await client.next("agent.llm.response.end");
        client.say("this one is interrupted");
        await firstPiece();
        client.interrupt();
        await client.next("agent.llm.response.end");
        // The piece that turn would have said next.
        steps.release(1);
        client.say("this one is replaced");
        await firstPiece();
        client.say("by one that fails");
        await client.next("agent.llm.response.end");
        await client.next("agent.llm.response.end");
        assert.deepEqual(await counted(url), {
          sessions_open: 1,
          'sessions_total{type="telephonyInbound"}': 1,
          'calls_total{agent="scripted-agent",version=""}': 1,
          'turns_total{outcome="completed"}': 1,
          'turns_total{outcome="interrupted"}': 1,
          'turns_total{outcome="replaced"}': 1,
          'turns_total{outcome="failed"}': 1,
          // Two, one, one, and the apology.
          chunks_total: 5,
          interrupts_total: 1,
          first_chunk_seconds_count: 4,
          reply_seconds_count: 4,
          turn_seconds_count: 4,
        });
        assert.ok(!client.frames.some(({ name }) => name === "turn.ended"), "internal news left the server");
        await client.close();
      },
      {},
      { metrics },
    );
  });

  test("counts the sessions refused, by reason", async () => {
    const setupSession: SetupSession = async (session) => {
      session.addNode(new ScriptedAgent(async function* () {}));
      await session.start();
    };
    const AUTH_TOKEN = "a-token-of-some-length";
    await withRuntime(
      setupSession,
      async ({ url, wsUrl }) => {
        const refuse = async (query: string, origin: string) => {
          const socket = new WebSocket(wsUrl + query, { headers: { origin } });
          const [, response] = await once(socket, "unexpected-response");
          response.destroy();
        };
        const token = `?token=${AUTH_TOKEN}`;
        const bad = await VoiceClient.connect(wsUrl + token, { autoInit: false });
        bad.send({ type: "system.init" });
        await bad.closed;
        const client = await VoiceClient.connect(wsUrl + token);
        await refuse("", url);
        await refuse(token, "https://evil.example");
        await refuse(token, url);
        // A page that is asked for without a token is no session.
        assert.equal((await fetch(url)).status, 401);
        const samples = await scrape(url, { authorization: `Bearer ${AUTH_TOKEN}` });
        const refused = [...samples].filter(([name]) => name.includes("refused"));
        assert.deepEqual(refused, [
          ['voice_agent_sessions_refused_total{reason="bad_init"}', 1],
          ['voice_agent_sessions_refused_total{reason="unauthorized"}', 1],
          ['voice_agent_sessions_refused_total{reason="bad_origin"}', 1],
          ['voice_agent_sessions_refused_total{reason="full"}', 1],
        ]);
        await client.close();
      },
      { AUTH_TOKEN, MAX_SESSIONS: "1" },
    );
  });

  test("shows the bytes a client has not read", async () => {
    const setupSession: SetupSession = async (session) => {
      session.addNode(
        new ScriptedAgent(async function* () {
          for (;;) yield "x".repeat(500_000);
        }),
      );
      await session.start();
    };
    await withRuntime(setupSession, async ({ url, wsUrl }) => {
      const client = await VoiceClient.connect(wsUrl);
      client.say("hi");
      await client.next("agent.llm.response.chunk");
      client.socket.pause();
      let buffered = 0;
      // Until the kernel takes no more on its behalf.
      while (buffered < 1024 * 1024) buffered = (await scrape(url)).get("voice_agent_buffered_bytes") ?? 0;
      client.socket.terminate();
    });
  });

  test("shows how many writes the record has lost by now", async () => {
    const metrics = new Metrics();
    const writer = { lost: 0, behindMs: 0, backlogBytes: 0 };
    metrics.watchRecord(writer);
    const lost = async () =>
      (await metrics.registry.metrics()).match(/^voice_agent_record_writes_lost_total .*$/m)?.[0];
    assert.equal(await lost(), "voice_agent_record_writes_lost_total 0");
    writer.lost = 3;
    assert.equal(await lost(), "voice_agent_record_writes_lost_total 3");
    assert.equal(await lost(), "voice_agent_record_writes_lost_total 3");
  });

  test("of the real server: verdicts, escalations, the model's errors and the process, in bounded labels", async (t) => {
    const mock = await startMockLlm();
    t.after(() => mock.close());
    mock.onSentiment(() => "frustrated");
    mock.onChat(() => ({ kind: "error", status: 401 }));
    const env = {
      OPENAI_BASE_URL: mock.baseUrl,
      ESCALATION_THRESHOLD: "2",
      TRANSFER_NUMBER: "+15550100000",
    };
    const server = await serverFor(t, { env });
    const caller = { user_number: "+15550100001", call_id: "call-1" };
    const client = await VoiceClient.connect(server.wsUrl, { init: { caller } });
    await client.turn("this is an outrage");
    await client.turn("still an outrage");
    await client.next("agent.transfer_call");
    const figures = await counted(server.url);
    assert.equal(figures['verdicts_total{sentiment="frustrated",source="model"}'], 2);
    assert.equal(figures.verdict_seconds_count, 2);
    assert.equal(figures['escalations_total{outcome="requested"}'], 1);
    assert.equal(figures['llm_errors_total{kind="auth"}'], 1);
    assert.equal(figures['turns_total{outcome="failed"}'], 1);
    assert.equal(figures['turns_total{outcome="completed"}'], 1);
    const samples = await scrape(server.url);
    assert.ok((samples.get("process_resident_memory_bytes") ?? 0) > 0);
    assert.ok(samples.has("nodejs_eventloop_lag_seconds"));
    assert.equal(samples.get("voice_agent_record_writes_lost_total"), 0);
    assert.doesNotMatch([...samples.keys()].join("\n"), /1555|call-1|outrage/);
    await client.close();
    await server.nextLine(({ msg }) => msg === "Session ended");
    assert.equal((await counted(server.url))['sessions_ended_total{reason="transferred"}'], 1);
  });
});

test("every log line of a call carries its session and the client's call_id", async (t) => {
  const mock = await startMockLlm();
  t.after(() => mock.close());
  mock.onSentiment(() => ({ kind: "error", status: 500 }));
  mock.onChat(() => ({ kind: "error", status: 401 }));
  const server = await serverFor(t, { env: { OPENAI_BASE_URL: mock.baseUrl, LOG_LEVEL: "trace" } });
  const before = server.lines.length;
  const client = await VoiceClient.connect(server.wsUrl, { init: { caller: { call_id: "call-1" } } });
  client.join();
  client.sendRaw("not JSON");
  await client.turn("this will fail");
  await client.close();
  await server.nextLine(({ msg }) => msg === "Session ended");
  // What a model's server says is logged once for all calls, and is no line of this one.
  const lines = server.lines.slice(before).filter(({ msg }) => !/ says: mock error/.test(String(msg)));
  assert.ok(lines.length >= 6, JSON.stringify(lines));
  assert.equal(new Set(lines.map(({ sessionId }) => sessionId)).size, 1);
  for (const line of lines) {
    assert.equal(typeof line.sessionId, "string", JSON.stringify(line));
    assert.equal(line.call_id, "call-1", JSON.stringify(line));
  }
});
