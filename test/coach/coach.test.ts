import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { describe, mock, type TestContext } from "node:test";
import { pino } from "pino";
import { Coach } from "../../lib/coach/coach.ts";
import { loadCoachConfig, parseCoachConfig } from "../../lib/coach/config.ts";
import { compileRules } from "../../lib/coach/rules.ts";
import { ConfigError } from "../../lib/errors.ts";
import { AgentSession } from "../../lib/session/session.ts";
import type { ConversationType } from "../../lib/wire/events.ts";
import { type AgentEvent, type ClientEvent, stamp } from "../../lib/wire/events.ts";
import { isLog } from "../../lib/wire/log-events.ts";
import { startLiveServer } from "../support/live-server.ts";
import { ScriptedAgent } from "../support/nodes.ts";

const user = (content: string): ClientEvent =>
  stamp<ClientEvent>({ type: "agent.transcript.update", role: "user", content });
const request = (): ClientEvent =>
  stamp<ClientEvent>({ type: "system.llm.request", messages: null, extraParams: {} });

/** Lets every mailbox run dry. */
const settled = () => new Promise<void>((resolve) => setImmediate(resolve));

/** A call with a coach whose clock only the test moves. */
async function coached(t: TestContext, conversationType: ConversationType = "telephonyInbound") {
  mock.timers.enable({ apis: ["setTimeout", "Date"] });
  t.after(() => mock.timers.reset());
  const sent: AgentEvent[] = [];
  const session = new AgentSession({
    id: "call",
    context: { initialVariables: {}, conversationType, caller: null },
    outputAgentSettings: null,
    log: pino({ level: "silent" }),
    outlet: { send: (event) => sent.push(event), writable: () => null, close: () => {} },
  });
  const coach = new Coach({ rules: compileRules(parseCoachConfig({})), clock: () => Date.now() });
  session.addNode(coach);
  /** What the agent finds at the coach when it is asked for an answer. */
  const wishes: boolean[] = [];
  const agent = new ScriptedAgent(async function* () {
    wishes.push(coach.personRequested);
    yield "Let me";
    yield " see.";
  });
  session.addNode(agent);
  await session.start();
  return {
    session,
    agent,
    wishes,
    hear: async (event: ClientEvent) => {
      session.receive(event);
      await settled();
    },
    pass: async (ms: number) => {
      mock.timers.tick(ms);
      await settled();
    },
    alerts: () => sent.flatMap((event) => (isLog(event, "coaching") ? [event.payload.rule] : [])),
    end: async () => {
      session.end("client_closed", 1000, "");
      await session.waitUntilComplete();
    },
  };
}

describe("the coach's clock", () => {
  test("rings, when it is late, before what has come meanwhile", async (t) => {
    const call = await coached(t);
    await call.hear(user("Hello?"));
    mock.timers.setTime(9_000);
    await call.hear(stamp<ClientEvent>({ type: "system.user.started_speaking" }));
    assert.deepEqual(call.alerts(), ["unanswered"]);
    await call.pass(60_000);
    assert.deepEqual(call.alerts(), ["unanswered"]);
    await call.end();
  });

  test("rings for a caller who waits eight seconds, once", async (t) => {
    const call = await coached(t);
    await call.hear(user("Hello?"));
    await call.pass(7_999);
    assert.deepEqual(call.alerts(), []);
    await call.pass(1);
    await call.pass(60_000);
    assert.deepEqual(call.alerts(), ["unanswered"]);
    await call.end();
  });

  test("rings for a silence after the answer has been spoken, and the answer stops the wait", async (t) => {
    const call = await coached(t);
    await call.hear(user("Hello?"));
    await call.hear(request());
    // Three words at 400 ms each, and ten seconds.
    await call.pass(11_199);
    assert.deepEqual(call.alerts(), []);
    await call.pass(1);
    assert.deepEqual(call.alerts(), ["dead_air"]);
    await call.end();
  });

  test("does not ring for a silence where people type", async (t) => {
    const call = await coached(t, "chat");
    await call.hear(user("Hello?"));
    await call.hear(request());
    await call.pass(600_000);
    assert.deepEqual(call.alerts(), []);
    await call.end();
  });

  test("stops with the call", async (t) => {
    const call = await coached(t);
    await call.hear(user("Hello?"));
    await call.end();
    await call.pass(60_000);
    assert.deepEqual(call.alerts(), []);
  });

  test("stops with the hand-off", async (t) => {
    const call = await coached(t);
    await call.hear(user("Bye"));
    call.agent.sendEvent({ type: "agent.end_call" });
    await settled();
    await call.pass(60_000);
    assert.deepEqual(call.alerts(), []);
    await call.end();
  });
});

test("an agent that is asked for an answer finds the wish for a person at the coach, also in one burst of events", async (t) => {
  const call = await coached(t);
  call.session.receive(user("I want to talk to a human"));
  call.session.receive(request());
  await settled();
  await call.hear(user("never mind"));
  await call.hear(request());
  assert.deepEqual(call.wishes, [true, false]);
  await call.end();
});

describe("in a real call", () => {
  test("alerts reach the platform's timeline, with their evidence", async () => {
    const server = await startLiveServer({ rules: { monologue: { words: 20, message: "Shorter!" } } });
    server.mock.onChat(() => "word ".repeat(21));
    try {
      const client = await server.call({ conversationType: "webcall" });
      client.say("I will call my lawyer");
      const coaching = (rule: string) =>
        client.next(
          "agent.log",
          ({ name, payload }) => name === "coaching" && JSON.stringify(payload).includes(rule),
        );
      assert.deepEqual((await coaching("churn_or_legal")).payload, {
        rule: "churn_or_legal",
        severity: "alert",
        message: "The caller wants to leave or mentions a lawyer.",
        evidence: { phrase: "lawyer", utterance: 1 },
      });
      assert.deepEqual((await coaching("monologue")).payload, {
        rule: "monologue",
        severity: "info",
        message: "Shorter!",
        evidence: { words: 21, limit: 20, utterance: 1 },
      });
      await client.close();
    } finally {
      await server.close();
    }
  });
});

describe("the file of rules", () => {
  async function withFile(contents: string, run: (path: string) => void): Promise<void> {
    const folder = await mkdtemp(join(tmpdir(), "coach-"));
    try {
      const path = join(folder, "rules.json");
      await writeFile(path, contents);
      run(path);
    } finally {
      await rm(folder, { recursive: true });
    }
  }

  test("changes what it names and leaves the rest", async () => {
    await withFile('{"dead_air": false, "unanswered": {"afterMs": 5000}}', (path) => {
      const { dead_air, unanswered, monologue } = loadCoachConfig(path);
      assert.equal(dead_air, null);
      assert.equal(unanswered?.afterMs, 5_000);
      assert.equal(unanswered?.severity, "alert");
      assert.equal(monologue?.words, 60);
    });
  });

  for (const [what, contents, says] of [
    ["no JSON", "{", /rules\.json is not JSON/],
    ["an unknown rule", '{"monolog": {}}', /monolog/],
    ["an unknown field", '{"unanswered": {"after": 5}}', /unanswered: .*after/],
    ["a wrong value", '{"unanswered": {"afterMs": "5 s"}}', /unanswered\.afterMs/],
    ["an unknown severity", '{"recovered": {"severity": "loud"}}', /recovered\.severity/],
    [
      "a phrase of nothing",
      '{"human_request": {"phrases": ["a? please?"]}}',
      /human_request\.phrases.*may not be missing/,
    ],
    ["an empty phrase", '{"human_request": {"phrases": [" "]}}', /human_request\.phrases/],
    ["a list", "[]", /object/],
  ] as const) {
    test(`with ${what} is refused, and the error says where`, async () => {
      await withFile(contents, (path) => {
        assert.throws(
          () => loadCoachConfig(path),
          (error) =>
            error instanceof ConfigError && says.test(error.message) && error.message.includes("COACH_RULES"),
        );
      });
    });
  }

  test("that is not there is refused", () => {
    assert.throws(
      () => loadCoachConfig("/nowhere/rules.json"),
      /COACH_RULES: \/nowhere\/rules\.json cannot be read/,
    );
  });
});
