import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { describe } from "node:test";
import { pino } from "pino";
import { type CallStore, openCallStore } from "../../lib/calls/call-store.ts";
import type { CallRecord } from "../../lib/calls/record.ts";
import { CallRecorder } from "../../lib/calls/recorder.ts";
import { reportCall } from "../../lib/calls/report.ts";
import { readCall } from "../../lib/calls/store/read.ts";
import { parseConfig } from "../../lib/config.ts";
import { createLlm } from "../../lib/llm/client.ts";
import { BackgroundAgentNode } from "../../lib/nodes/background-agent-node.ts";
import type { AgentEvent, Draft } from "../../lib/wire/events.ts";
import { type LogName, type LogPayloads, logDraft } from "../../lib/wire/log-events.ts";
import { deferred, type Script, ScriptedAgent, says } from "../support/nodes.ts";
import { until } from "../support/recorded-calls.ts";
import { startRuntime } from "../support/runtime-server.ts";
import { VoiceClient, type VoiceClientOptions } from "../support/voice-client.ts";

/** Publishes what a test wants on the bus, as the other nodes of a call would. */
class Speaker extends BackgroundAgentNode {
  constructor() {
    super({ name: "speaker", hears: [] });
  }

  log<N extends LogName>(name: N, payload: LogPayloads[N]): void {
    this.sendEvent(logDraft(name, payload));
  }
}

type Call = { client: VoiceClient; agent: ScriptedAgent; speaker: Speaker; store: CallStore };
type Options = {
  script?: Script;
  env?: Record<string, string>;
  connect?: VoiceClientOptions;
  /** Whether the recorder hears events before the agent does, or after it. */
  recorder?: "first" | "last";
  /** How the call ends; the client hangs up by default. */
  end?: "close" | "drain";
};

const log = pino({ level: "silent" });

/** Makes one call and gives its record. */
async function record(run: (call: Call) => Promise<void>, options: Options = {}): Promise<CallRecord> {
  const config = parseConfig({ DATABASE_URL: "file::memory:", RETENTION_DAYS: "0", ...options.env });
  const store = await openCallStore({ config, llm: createLlm(config), log });
  const agent = new ScriptedAgent(options.script ?? says("Fine."), { hears: ["client", "agent"] });
  const speaker = new Speaker();
  const started = deferred<string>();
  const ended = deferred();
  const server = await startRuntime(async (session) => {
    const recorder = new CallRecorder({ store, config });
    if (options.recorder === "first") session.addNode(recorder);
    session.addNode(agent);
    session.addNode(speaker);
    if (options.recorder !== "first") session.addNode(recorder);
    await session.start();
    started.resolve(session.id);
    await session.waitUntilComplete();
    ended.resolve();
  });
  try {
    const client = await VoiceClient.connect(server.wsUrl, options.connect);
    await run({ client, agent, speaker, store });
    if (options.end !== "drain") await client.close();
    else await server.close();
    await ended.promise;
    await store.writer.flush();
    const call = await readCall(store.database.db, await started.promise);
    assert.ok(call);
    return call;
  } finally {
    await server.close();
    await store.close();
  }
}

/** Says the first piece, and the second once it is told to. */
function pausing(first: string, rest: string) {
  const more = deferred();
  const script: Script = async function* (signal) {
    yield first;
    await Promise.race([more.promise, signal.aborted ? null : once(signal, "abort")]);
    yield rest;
  };
  return { script, goOn: more.resolve };
}

const said = (call: CallRecord) => call.turns.map(({ role, text }) => `${role}: ${text}`);
const silent: Script = async function* (signal) {
  if (!signal.aborted) await once(signal, "abort");
  yield "";
};

describe("the record of a call", () => {
  test("has who called, why it ended and the variables that may be kept", async () => {
    const call = await record(async () => {}, {
      env: { RECORD_VARIABLES: "plan,__proto__" },
      connect: {
        conversationType: "webcall",
        init: {
          initial_variables: { plan: "gold", password: "x" },
          caller: { call_id: "CA-7", direction: "outbound" },
        },
      },
    });
    assert.equal(call.callId, "CA-7");
    assert.equal(call.direction, "outbound");
    assert.equal(call.conversationType, "webcall");
    assert.deepEqual(call.variables, { plan: "gold" });
    assert.equal(call.endReason, "client_closed");
    assert.ok(call.endedAt !== null && call.endedAt >= call.startedAt);
  });

  test("of a call that the server ends says so", async () => {
    const call = await record(async () => {}, { end: "drain" });
    assert.equal(call.endReason, "drain");
  });

  test("keeps what the model wrote beside what was sent to be spoken, masked alike", async () => {
    const script: Script = async function* (_signal, turn) {
      turn.written = "**Write** to ann@shop.example";
      yield "Write to ann@shop.example";
    };
    const call = await record(async ({ client }) => void (await client.turn("where to?")), {
      script,
      env: { RECORD_TEXT: "redacted" },
    });
    const kept = call.turns.map(({ text, written }) => [text, written]);
    assert.deepEqual(kept, [
      ["where to?", null],
      ["Write to [e-mail]", "**Write** to [e-mail]"],
    ]);
  });

  for (const recorder of ["first", "last"] as const) {
    test(`marks an answer that is cut short while it is sent, heard ${recorder}`, async () => {
      const { script } = pausing("One, two", " three");
      const call = await record(
        async ({ client }) => {
          client.say("count");
          await client.next("agent.llm.response.chunk");
          client.interrupt();
          await client.next("agent.llm.response.end");
        },
        { script, recorder },
      );
      assert.deepEqual(said(call), ["user: count", "assistant: One, two"]);
      assert.equal(call.turns[1]?.interrupted, true);
    });
  }

  test("marks an answer that is cut short while it is spoken, after it was sent", async () => {
    const call = await record(async ({ client }) => {
      await client.turn("hello");
      client.interrupt();
      await client.turn("something else");
    });
    assert.deepEqual(
      call.turns.map(({ interrupted }) => interrupted),
      [false, true, false, false],
    );
  });

  test("does not mark an answer that goes on because it may not be cut short", async () => {
    const { script, goOn } = pausing("One,", " two");
    const call = await record(
      async ({ client, agent }) => {
        client.send({ type: "system.output_agent.update_settings", settings: { interruptible: false } });
        client.say("count");
        await client.next("agent.llm.response.chunk");
        client.interrupt();
        await until(async () => agent.seen.some(({ type }) => type === "system.control.interrupt"));
        goOn();
        await client.next("agent.llm.response.end");
      },
      { script },
    );
    assert.equal(call.turns.find(({ role }) => role === "assistant")?.interrupted, false);
  });

  test("keeps what was spoken where the client reports it, else what was sent", async () => {
    const call = await record(async ({ client }) => {
      await client.turn("hello");
      client.reportSpoken("Fi");
      await client.turn("hello again");
    });
    assert.deepEqual(said(call), ["user: hello", "assistant: Fi", "user: hello again", "assistant: Fine."]);
    assert.equal(call.turns[1]?.words, 1);
  });

  test("keeps what was sent of an answer when the caller hangs up", async () => {
    const { script } = pausing("One,", " two");
    const call = await record(
      async ({ client }) => {
        client.say("count");
        await client.next("agent.llm.response.chunk");
      },
      { script },
    );
    assert.deepEqual(said(call), ["user: count", "assistant: One,"]);
    assert.equal(call.turns[1]?.interrupted, false);
  });

  test("counts an answer that never came", async () => {
    const call = await record(
      async ({ client }) => {
        client.say("hello?");
        await client.next("agent.llm.response.start");
      },
      { script: silent },
    );
    assert.equal(reportCall(call).quality.unanswered, 1);
  });

  test("takes the utterance from the request where there are no transcripts", async () => {
    const call = await record(async ({ client, speaker }) => {
      const content = [
        { type: "text", text: "my order " },
        { type: "text", text: "is late" },
      ];
      const messages = [{ role: "user", content }];
      client.send({ type: "system.llm.request", messages });
      await client.response();
      client.send({ type: "system.llm.request", messages });
      await client.response();
      speaker.log("sentiment", {
        sentiment: "negative",
        upset: 0.7,
        cause: '"late"',
        frustrationCount: 1,
        score: -2.5,
        source: "fallback",
        fallbackBecause: "timeout",
        utterance: 1,
        analysisMs: 3,
      });
    });
    assert.deepEqual(said(call), ["user: my order is late", "assistant: Fine.", "assistant: Fine."]);
    assert.equal(call.turns[0]?.verdict, "negative");
    assert.equal(call.turns[0]?.source, "fallback");
    assert.deepEqual([call.turns[0]?.upset, call.turns[0]?.cause], [0.7, '"late"']);
  });

  test("gives a verdict to its utterance, however late it comes", async () => {
    const call = await record(async ({ client, speaker }) => {
      await client.turn("first");
      await client.turn("second");
      const verdict = {
        upset: 0.1,
        cause: null,
        frustrationCount: 0,
        source: "model",
        fallbackBecause: null,
        analysisMs: 300,
      } as const;
      speaker.log("sentiment", { ...verdict, sentiment: "positive", score: 5, utterance: 2 });
      speaker.log("sentiment", { ...verdict, sentiment: "neutral", score: 0, utterance: 1 });
    });
    assert.deepEqual(
      call.turns.map(({ text, verdict }) => [text, verdict]),
      [
        ["first", "neutral"],
        ["Fine.", null],
        ["second", "positive"],
        ["Fine.", null],
      ],
    );
  });

  test("has alerts, the supervisor's acts, errors and the models' usage", async () => {
    const call = await record(
      async ({ client, speaker }) => {
        speaker.log("coaching", {
          rule: "long_wait",
          severity: "warn",
          message: "The caller waited",
          evidence: { turn: 1 },
        });
        speaker.log("supervisor", { action: "whisper", text: "Offer a refund", by: "anna" });
        const usage = { model: "m", inputTokens: 10, outputTokens: 5, thinkingMs: null };
        speaker.log("llm.usage", { ...usage, outcome: "completed" });
        speaker.log("llm.usage", { ...usage, outcome: "cancelled", inputTokens: null, outputTokens: null });
        speaker.log("llm.usage", { ...usage, outcome: "failed", model: "other", inputTokens: null });
        await client.turn("hello");
      },
      {
        script: async function* () {
          yield "Well";
          throw new Error("broke");
        },
      },
    );
    const [alert] = call.alerts;
    assert.ok(alert);
    assert.deepEqual(
      { ...alert, offsetMs: 0 },
      {
        offsetMs: 0,
        rule: "long_wait",
        severity: "warn",
        message: "The caller waited",
        evidence: { turn: 1 },
      },
    );
    assert.deepEqual(
      call.supervisor.map(({ action, text, by }) => [action, text, by]),
      [["whisper", "Offer a refund", "anna"]],
    );
    assert.equal(call.errors.length, 1);
    assert.match(call.errors[0]?.message ?? "", /could not finish an answer/);
    assert.deepEqual(call.usage, [
      { model: "m", requests: 2, cancelled: 1, failed: 0, inputTokens: 10, outputTokens: 5 },
      { model: "other", requests: 1, cancelled: 0, failed: 1, inputTokens: null, outputTokens: 5 },
    ]);
  });

  test("has the usage of a request that the end of the call cut off", async () => {
    const call = await record(
      async ({ client }) => {
        client.say("hello");
        await client.next("agent.llm.response.chunk");
      },
      {
        script: async function* (signal, _turn, agent) {
          const usage = {
            model: "m",
            outcome: "cancelled" as const,
            inputTokens: null,
            outputTokens: null,
            thinkingMs: null,
          };
          signal.addEventListener("abort", () => agent.sendEvent(logDraft("llm.usage", usage)), {
            once: true,
          });
          yield "Well";
          await once(signal, "abort");
        },
      },
    );
    assert.deepEqual(call.usage, [
      { model: "m", requests: 1, cancelled: 1, failed: 0, inputTokens: null, outputTokens: null },
    ]);
  });

  test("has the tools an answer used, and how each went", async () => {
    const tool = (name: string) => ({ turnId: "turn-1", toolCallId: name, functionName: name });
    const context = { arguments: {} };
    const call = await record(
      async ({ client }) => {
        await client.turn("hello");
      },
      {
        script: async function* (_signal, _turn, agent) {
          const events: Draft<AgentEvent>[] = [
            logDraft("tool_call_start", { ...tool("good"), context }),
            logDraft("tool_call_start", { ...tool("bad"), context }),
            logDraft("tool_call_start", { ...tool("slow"), context }),
            logDraft("tool_call_end", {
              ...tool("good"),
              context: { ...context, response: "{}" },
              latency: 12.4,
              success: true,
            }),
            logDraft("tool_call_error", { ...tool("bad"), context, error: "no", success: false }),
          ];
          for (const event of events) agent.sendEvent(event);
          yield "Done.";
        },
      },
    );
    assert.deepEqual(call.turns[1]?.tools, [
      { name: "good", outcome: "ok", latencyMs: 12 },
      { name: "bad", outcome: "error", latencyMs: null },
      { name: "slow", outcome: "unfinished", latencyMs: null },
    ]);
  });

  const escalated = {
    reason: "frustration_threshold_exceeded",
    frustrationCount: 3,
    threshold: 3,
    sameTurn: true,
    action: "cold_transfer",
    outcome: "requested",
  } as const;

  test("has the escalation; one whose transfer was never asked for says that the socket was closed", async () => {
    const call = await record(async ({ client, speaker }) => {
      await client.turn("angry");
      speaker.log("escalation.triggered", escalated);
    });
    assert.equal(call.escalation?.outcome, "socket_closed");
    assert.equal(call.escalation?.utterance, 1);
  });

  test("has the escalation as requested when the transfer went out", async () => {
    const call = await record(async ({ client, agent, speaker }) => {
      speaker.log("escalation.triggered", escalated);
      agent.sendEvent({
        type: "agent.transfer_call",
        transferCallNumber: "+1",
        transferOptions: { type: "cold_transfer", privateHandoffOption: null, publicHandoffOption: null },
        onHoldMusic: null,
      });
      await client.next("agent.transfer_call");
    });
    assert.equal(call.escalation?.outcome, "requested");
    assert.equal(call.endReason, "transferred");
  });

  test("knows a request that is made again in nearly the same words", async () => {
    const call = await record(async ({ client }) => {
      await client.turn("Where is my order, please?");
      await client.turn("yes");
      await client.turn("where is my order");
      await client.turn("yes");
    });
    const users = call.turns.filter(({ role }) => role === "user");
    assert.deepEqual(
      users.map(({ repeated }) => repeated),
      [false, false, true, false],
    );
  });
});

describe("the text of a record", () => {
  const words = "I am ann@example.com, ring +44 20 7946 0958, card 4111 1111 1111 1111, order 4711";
  const evidence = { quote: words };

  async function textOf(policy: string) {
    return record(
      async ({ client, speaker }) => {
        await client.turn(words);
        speaker.log("coaching", { rule: "r", severity: "info", message: "m", evidence });
      },
      { env: { RECORD_TEXT: policy } },
    );
  }

  test("is all of it, unless it is asked otherwise", async () => {
    const call = await textOf("full");
    assert.equal(call.turns[0]?.text, words);
    assert.deepEqual(call.alerts[0]?.evidence, evidence);
  });

  test("is masked where it looks like an address, a phone or a card number", async () => {
    const call = await textOf("redacted");
    assert.equal(call.turns[0]?.text, "I am [e-mail], ring [phone], card [card], order 4711");
    assert.deepEqual(call.alerts[0]?.evidence, {});
  });

  test("is none, and the words are counted all the same", async () => {
    const call = await textOf("none");
    assert.equal(call.turns[0]?.text, null);
    assert.equal(call.turns[0]?.words, 15);
    assert.equal(call.turns[1]?.text, null);
  });
});

describe("a store that fails", () => {
  test("in mid-call ends no call, and what it does not take is kept in a file", async (t) => {
    const folder = await mkdtemp(join(tmpdir(), "backlog-"));
    t.after(() => rm(folder, { recursive: true, force: true }));
    const env = { DATABASE_URL: "file::memory:", RETENTION_DAYS: "0", RECORD_BACKLOG_FOLDER: folder };
    const config = parseConfig(env);
    const store = await openCallStore({ config, llm: createLlm(config), log });
    const server = await startRuntime(async (session) => {
      session.addNode(new ScriptedAgent(says("Fine.")));
      session.addNode(new CallRecorder({ store, config }));
      await session.start();
    });
    const client = await VoiceClient.connect(server.wsUrl);
    await client.turn("hello");
    await store.writer.flush();
    await store.database.db.destroy();
    assert.equal((await client.turn("still there?")).text, "Fine.");
    await client.close();
    await server.close();
    await store.close();
    assert.equal(store.writer.lost, 0);
    const [name = ""] = await readdir(folder);
    const kept = (await readFile(join(folder, name), "utf8")).trim().split("\n");
    assert.deepEqual(
      kept.map((line) => JSON.parse(line)[1].do),
      ["turn", "turn", "end"],
    );
  });
});
