import assert from "node:assert/strict";
import test, { describe } from "node:test";
import { AgentNode } from "../../lib/nodes/agent-node.ts";
import type { AgentSession, SetupSession } from "../../lib/session/session.ts";
import { deferred, Listener, ScriptedAgent, says } from "../support/nodes.ts";
import { type RuntimeServer, startRuntime } from "../support/runtime-server.ts";
import { VoiceClient } from "../support/voice-client.ts";

async function withServer(
  setupSession: SetupSession,
  run: (server: RuntimeServer) => Promise<void>,
  env: Record<string, string> = {},
): Promise<void> {
  const server = await startRuntime(setupSession, env);
  try {
    await run(server);
  } finally {
    await server.close();
  }
}

const agentSession: SetupSession = async (session) => {
  session.addNode(new ScriptedAgent(says("Hello", " there")));
  await session.start();
};

describe("handshake", () => {
  test("agent.ready is the first frame, even when a node speaks as it starts", async () => {
    class Eager extends ScriptedAgent {
      override start(): void {
        this.speak("first!");
      }
    }
    await withServer(
      async (session) => {
        session.addNode(new Eager(says("x")));
        await session.start();
      },
      async ({ wsUrl }) => {
        const client = await VoiceClient.connect(wsUrl);
        await client.next("agent.speak");
        assert.deepEqual(
          client.frames.map(({ type }) => type),
          ["agent.ready", "agent.speak"],
        );
        await client.close();
      },
    );
  });

  for (const kind of ["binary", "text"] as const) {
    test(`a client that sends ${kind} frames gets ${kind} frames`, async () => {
      await withServer(agentSession, async ({ wsUrl }) => {
        const client = await VoiceClient.connect(wsUrl, { kind });
        await client.turn("hi");
        assert.ok(client.received.every(({ isBinary }) => isBinary === (kind === "binary")));
        await client.close();
      });
    });
  }

  test("frames that arrive while set-up is still running are handled in order", async () => {
    const setupReached = deferred<AgentSession>();
    const mayStart = deferred();
    const listener = new Listener();
    await withServer(
      async (session) => {
        if (session.id === "start-up-check") return agentSession(session);
        setupReached.resolve(session);
        await mayStart.promise;
        session.addNode(listener);
        session.addNode(new ScriptedAgent(says("done")));
        await session.start();
      },
      async ({ wsUrl }) => {
        const client = await VoiceClient.connect(wsUrl, { autoInit: false });
        client.init();
        client.join();
        for (const word of ["one", "two", "three"]) {
          client.send({ type: "agent.transcript.update", role: "user", content: word });
        }
        client.send({ type: "system.llm.request" });
        await setupReached.promise;
        mayStart.resolve();
        assert.equal((await client.response()).text, "done");
        assert.deepEqual(
          listener.heard.flatMap((event) =>
            event.type === "agent.transcript.update" ? [event.content] : [],
          ),
          ["one", "two", "three"],
        );
        await client.close();
      },
    );
  });

  test("caller and initial variables reach the nodes", async () => {
    let context: unknown;
    class Curious extends ScriptedAgent {
      override start(): void {
        context = this.session.context;
      }
    }
    await withServer(
      async (session) => {
        session.addNode(new Curious(says("x")));
        await session.start();
      },
      async ({ wsUrl }) => {
        const client = await VoiceClient.connect(wsUrl, {
          init: {
            initial_variables: { name: "Zoë" },
            caller: { user_number: "+15550100", call_id: "c1", plan: "gold" },
          },
        });
        assert.deepEqual(context, {
          initialVariables: { name: "Zoë" },
          conversationType: "telephonyInbound",
          caller: {
            userNumber: "+15550100",
            agentNumber: null,
            direction: null,
            callId: "c1",
            extra: { plan: "gold" },
          },
        });
        await client.close();
      },
    );
  });

  test("a bad system.init is closed with 1008 and a reason a person can read", async () => {
    await withServer(agentSession, async ({ wsUrl }) => {
      const client = await VoiceClient.connect(wsUrl, { autoInit: false });
      client.send({ type: "system.init", version: "1", session_context: { conversation_type: "fax" } });
      const { code, reason } = await client.closed;
      assert.equal(code, 1008);
      assert.match(reason, /session_context/);
    });
  });

  test("no system.init within ten seconds is closed with 1008", async (t) => {
    await withServer(agentSession, async ({ wsUrl }) => {
      t.mock.timers.enable({ apis: ["setTimeout"] });
      const client = await VoiceClient.connect(wsUrl, { autoInit: false });
      t.mock.timers.tick(10_000);
      const { code, reason } = await client.closed;
      t.mock.timers.reset();
      assert.equal(code, 1008);
      assert.match(reason, /system\.init/);
    });
  });
});

describe("readiness", () => {
  const broken: [string, SetupSession, RegExp][] = [
    ["a session without nodes", (session) => session.start(), /no nodes/],
    [
      "two nodes of one name",
      (session) => {
        session.addNode(new Listener());
        session.addNode(new Listener());
        return session.start();
      },
      /named listener/,
    ],
    [
      "a cycle",
      (session) => {
        const [a, b] = [new AgentNode({ name: "a" }), new AgentNode({ name: "b" })];
        session.addNode(a);
        session.addNode(b);
        session.addEdge(a, b);
        session.addEdge(b, a);
        return session.start();
      },
      /cycle: a → b → a/,
    ],
    [
      "an edge to a node that was not added",
      (session) => {
        const a = new AgentNode({ name: "a" });
        session.addNode(a);
        session.addEdge(a, new AgentNode({ name: "stranger" }));
        return session.start();
      },
      /stranger/,
    ],
    ["a set-up that never starts", () => {}, /session\.start\(\)/],
    [
      "a missing setting",
      () => {
        throw new Error("CRM_URL is not set");
      },
      /CRM_URL/,
    ],
  ];
  for (const [what, setupSession, reason] of broken) {
    test(`${what} shows as 503 with its reason, and a call is refused with 1013`, async () => {
      await withServer(setupSession, async ({ url, wsUrl }) => {
        const ready = await fetch(`${url}/ready`);
        assert.equal(ready.status, 503);
        assert.match(await ready.text(), reason);
        assert.equal((await fetch(`${url}/health`)).status, 200);
        const client = await VoiceClient.connect(wsUrl, { autoInit: false });
        assert.equal((await client.closed).code, 1013);
      });
    });
  }

  test("a server whose check passes is ready, and says what it is", async () => {
    await withServer(agentSession, async ({ url }) => {
      assert.equal((await fetch(`${url}/ready`)).status, 200);
      assert.equal((await fetch(`${url}/health`)).status, 200);
      const home: unknown = await (await fetch(url)).json();
      assert.deepEqual(home, { name: "voice-agent-server", status: "ok", websocket: "/ws" });
    });
  });

  test("a server that calls are worse off on says so, and stays in service", async () => {
    let ails: string | null = null;
    const server = await startRuntime(agentSession, {}, { health: () => ails });
    const ready = async () => {
      const answer = await fetch(`${server.url}/ready`);
      const body: unknown = await answer.json();
      return { code: answer.status, body };
    };
    assert.deepEqual(await ready(), { code: 200, body: { status: "ready" } });
    ails = "the model is down";
    assert.deepEqual(await ready(), {
      code: 200,
      body: { status: "degraded", reason: "the model is down" },
    });
    await server.close();
  });

  test("a check that failed is made again when asked", async () => {
    let configured = false;
    await withServer(
      (session) => {
        if (!configured) throw new Error("not yet");
        return agentSession(session);
      },
      async ({ url }) => {
        assert.equal((await fetch(`${url}/ready`)).status, 503);
        configured = true;
        assert.equal((await fetch(`${url}/ready`)).status, 200);
      },
    );
  });
});

describe("the life of a session", () => {
  test("it ends when the client leaves: the signal is aborted, nodes stop, waitUntilComplete resolves", async () => {
    const ended = deferred<string>();
    const listener = new Listener();
    await withServer(
      async (session) => {
        session.addNode(session.id === "start-up-check" ? new Listener() : listener);
        await session.start();
        ended.resolve(await session.waitUntilComplete());
      },
      async ({ wsUrl }) => {
        const client = await VoiceClient.connect(wsUrl);
        await client.close();
        assert.equal(await ended.promise, "client_closed");
        assert.equal(listener.endReason, "client_closed");
      },
    );
  });

  test("onEvent hears every event of the client, and its failure is only a warning", async () => {
    const heard: string[] = [];
    await withServer(
      async (session) => {
        session.addNode(new ScriptedAgent(says("ok")));
        session.onEvent((event) => {
          heard.push(event.type);
          throw new Error("listener broke");
        });
        await session.start();
      },
      async ({ wsUrl, lines }) => {
        const client = await VoiceClient.connect(wsUrl);
        client.join();
        assert.equal((await client.turn("hi")).text, "ok");
        assert.deepEqual(heard, ["system.user.joined", "agent.transcript.update", "system.llm.request"]);
        assert.ok(lines.some(({ level, reason }) => level === 40 && reason === "listener broke"));
        await client.close();
      },
    );
  });

  test("a node or an edge added after the start is a clear error", async () => {
    const failures: string[] = [];
    await withServer(
      async (session) => {
        const node = new Listener();
        session.addNode(node);
        await session.start();
        for (const act of [
          () => session.addNode(new Listener({ name: "late" })),
          () => session.addEdge(node, node),
        ]) {
          try {
            act();
          } catch (error) {
            failures.push(String(error));
          }
        }
      },
      async ({ wsUrl }) => {
        const client = await VoiceClient.connect(wsUrl);
        await client.close();
        assert.equal(failures.length, 2);
        assert.match(failures.join(), /late.*has started.*has started/s);
      },
    );
  });

  test("an error nobody expected ends that session with 1011 and leaves the others", async () => {
    await withServer(
      async (session) => {
        session.addNode(new ScriptedAgent(says("fine")));
        await session.start();
        if (session.initialVariables.bad) throw new Error("nobody expected this");
      },
      async ({ wsUrl }) => {
        const good = await VoiceClient.connect(wsUrl);
        const bad = await VoiceClient.connect(wsUrl, { init: { initial_variables: { bad: true } } });
        const { code, reason } = await bad.closed;
        assert.equal(code, 1011);
        assert.doesNotMatch(reason, /nobody expected/);
        assert.equal((await good.turn("hi")).text, "fine");
        await good.close();
      },
    );
  });

  test("what the client sent is never sent back to it", async () => {
    await withServer(
      async (session) => {
        const first = new AgentNode({ name: "first" });
        const second = new AgentNode({ name: "second" });
        session.addNode(first);
        session.addNode(second);
        session.addNode(new ScriptedAgent(says("only this")));
        session.addEdge(first, second);
        await session.start();
      },
      async ({ wsUrl }) => {
        const client = await VoiceClient.connect(wsUrl);
        client.join();
        await client.turn("hello");
        assert.deepEqual(
          [...new Set(client.frames.map(({ type }) => type))],
          ["agent.ready", "agent.llm.response.start", "agent.llm.response.chunk", "agent.llm.response.end"],
        );
        await client.close();
      },
    );
  });
});
