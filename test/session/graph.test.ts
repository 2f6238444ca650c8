import assert from "node:assert/strict";
import { once } from "node:events";
import test, { describe } from "node:test";
import type { AgentNode } from "../../lib/nodes/agent-node.ts";
import type { AgentSession } from "../../lib/session/session.ts";
import type { AnyEvent } from "../../lib/wire/events.ts";
import { deferred, Listener, Relay, type Script, ScriptedAgent, says } from "../support/nodes.ts";
import { startRuntime } from "../support/runtime-server.ts";
import { VoiceClient } from "../support/voice-client.ts";

/** One call over a real socket. `build` adds nodes, and gives those the test looks into. */
async function call<Nodes>(
  build: (session: AgentSession) => Nodes,
  run: (client: VoiceClient, nodes: Nodes) => Promise<void>,
): Promise<void> {
  // The start-up check builds a graph of its own; the call's is the last one.
  let latest: { nodes: Nodes } | undefined;
  const server = await startRuntime(async (session) => {
    latest = { nodes: build(session) };
    await session.start();
  });
  try {
    const client = await VoiceClient.connect(server.wsUrl);
    assert.ok(latest);
    await run(client, latest.nodes);
    await client.close();
  } finally {
    await server.close();
  }
}

/** Adds the nodes, each below the one before. */
function chain(session: AgentSession, ...nodes: AgentNode[]): void {
  for (const node of nodes) session.addNode(node);
  for (const [index, node] of nodes.entries()) {
    const below = nodes[index + 1];
    if (below) session.addEdge(node, below);
  }
}

/** Resolves when the server has read all that was sent. */
async function roundTrip(client: VoiceClient): Promise<void> {
  client.socket.ping();
  await once(client.socket, "pong");
}

const transcripts = (events: readonly AnyEvent[]) =>
  events.flatMap((event) => (event.type === "agent.transcript.update" ? [event.content] : []));
const chunks = (events: readonly AnyEvent[]) =>
  events.flatMap((event) => (event.type === "agent.llm.response.chunk" ? [event.text] : []));
const shortTypes = (frames: readonly { type: string }[]) =>
  frames.map(({ type }) => type.replace("agent.llm.response.", "").replace("agent.", ""));

/** Hands everything on, chunks in capitals. */
const shouting = (event: AnyEvent, relay: Relay) =>
  relay.sendEvent(
    event.type === "agent.llm.response.chunk" ? { ...event, text: event.text.toUpperCase() } : event,
  );

/** Speaks the first pieces, then waits until it is not wanted any more. */
const unfinished = (...pieces: string[]): Script =>
  async function* (signal) {
    yield* pieces;
    if (!signal.aborted) await once(signal, "abort");
    yield "too late";
  };

describe("a graph", () => {
  test("hands the client's events to every node without a parent, and to those below what was passed on", async () => {
    await call(
      (session) => {
        const nodes = { root: new Relay("root"), below: new Relay("below"), other: new Relay("other") };
        chain(session, nodes.root, nodes.below, new ScriptedAgent(says("ok")));
        session.addNode(nodes.other);
        return nodes;
      },
      async (client, { root, below, other }) => {
        client.join();
        assert.equal((await client.turn("one")).text, "ok");
        await client.turn("two");
        for (const { seen } of [root, below, other]) {
          assert.deepEqual(shortTypes(seen), [
            "system.user.joined",
            "transcript.update",
            "system.llm.request",
            "transcript.update",
            "system.llm.request",
          ]);
          assert.deepEqual(transcripts(seen), ["one", "two"]);
        }
      },
    );
  });

  test("sends what a node without children says, and nothing twice", async () => {
    await call(
      (session) => chain(session, new Relay("a"), new ScriptedAgent(says("x", "y")), new Relay("b")),
      async (client) => {
        await client.turn("hi");
        assert.deepEqual(shortTypes(client.frames), ["ready", "start", "chunk", "chunk", "end"]);
      },
    );
  });

  test("delivers an event of a diamond once per edge, and keeps the order of each path", async () => {
    await call(
      (session) => {
        const [a, b, c, d] = ["a", "b", "c", "d"].map((name) => new Relay(name));
        assert.ok(a && b && c && d);
        for (const node of [a, b, c, d]) session.addNode(node);
        for (const [from, to] of [
          [a, b],
          [a, c],
          [b, d],
          [c, d],
        ] as const)
          session.addEdge(from, to);
        session.addNode(new ScriptedAgent(says("done")));
        return { b, c, d };
      },
      async (client, { b, c, d }) => {
        for (const content of ["one", "two"]) {
          client.send({ type: "agent.transcript.update", role: "user", content });
        }
        await client.turn("three");
        assert.deepEqual(transcripts(b.seen), ["one", "two", "three"]);
        assert.deepEqual(transcripts(c.seen), ["one", "two", "three"]);
        assert.deepEqual(transcripts(d.seen), ["one", "one", "two", "two", "three", "three"]);
      },
    );
  });

  test("keeps the order along a path whose nodes take their time", async () => {
    await call(
      (session) => {
        const slow = new Relay("slow", async (event, relay) => {
          if (event.type === "agent.transcript.update" && event.content === "1") {
            await new Promise((resolve) => setImmediate(resolve));
          }
          relay.sendEvent(event);
        });
        const last = new Relay("last");
        chain(session, slow, new Relay("between"), last, new ScriptedAgent(says("done")));
        return last;
      },
      async (client, last) => {
        for (const content of ["1", "2", "3"]) {
          client.send({ type: "agent.transcript.update", role: "user", content });
        }
        await client.turn("4");
        assert.deepEqual(transcripts(last.seen), ["1", "2", "3", "4"]);
      },
    );
  });

  test("takes what a node swallows from those below it, and from nobody else", async () => {
    await call(
      (session) => {
        const censor = new Relay("censor", (event, relay) => {
          if (event.type !== "agent.transcript.update") relay.sendEvent(event);
        });
        const nodes = { top: new Relay("top"), below: new Relay("below"), beside: new Relay("beside") };
        chain(session, nodes.top, censor, nodes.below, new ScriptedAgent(says("done")));
        session.addNode(nodes.beside);
        session.addEdge(nodes.top, nodes.beside);
        return nodes;
      },
      async (client, { below, beside }) => {
        await client.turn("a secret");
        assert.deepEqual(transcripts(below.seen), []);
        assert.deepEqual(shortTypes(below.seen), ["system.llm.request"]);
        assert.deepEqual(transcripts(beside.seen), ["a secret"]);
      },
    );
  });

  test("tells the nodes below the agent of a request before its answer", async () => {
    await call(
      (session) => {
        const below = new Relay("below");
        chain(session, new ScriptedAgent(says("ok")), below);
        return below;
      },
      async (client, below) => {
        await client.turn("hi");
        assert.deepEqual(shortTypes(below.seen), [
          "transcript.update",
          "system.llm.request",
          "start",
          "chunk",
          "end",
        ]);
      },
    );
  });

  test("lets a node that starts late hear what an earlier one said as it started", async () => {
    class Early extends ScriptedAgent {
      override start(): void {
        this.speak("Welcome.");
      }
    }
    class Late extends Listener {
      readonly order: string[] = [];
      override async start(): Promise<void> {
        await new Promise((resolve) => setImmediate(resolve));
        this.order.push("started");
      }
      protected override processEvent(event: AnyEvent): void {
        this.order.push(event.type);
      }
    }
    await call(
      (session) => {
        const nodes = { below: new Relay("below"), late: new Late() };
        chain(session, new Early(says("x")), nodes.below);
        session.addNode(nodes.late);
        return nodes;
      },
      async (client, { late }) => {
        await client.turn("hi");
        assert.deepEqual(late.order.slice(0, 2), ["started", "agent.speak"]);
      },
    );
  });
});

describe("a chain with a filter", () => {
  test("sends what the filter made of the words, and a background node beside it hears just that", async () => {
    await call(
      (session) => {
        const listener = new Listener();
        chain(session, new ScriptedAgent(says("one ", "two")), new Relay("filter", shouting));
        session.addNode(listener);
        return listener;
      },
      async (client, listener) => {
        client.join();
        const turn = await client.turn("hi");
        assert.deepEqual(turn.chunks, ["ONE ", "TWO"]);
        client.interrupt();
        await client.turn("again");
        assert.deepEqual(chunks(listener.heard), ["ONE ", "TWO", "ONE ", "TWO"]);
        // Log events are the framework's own notes, and none of this test's business.
        const all = shortTypes(listener.heard).filter((type) => type !== "log");
        assert.deepEqual(all.slice(0, 7), [
          "system.user.joined",
          "transcript.update",
          "system.llm.request",
          "start",
          "chunk",
          "chunk",
          "end",
        ]);
        assert.equal(all[7], "system.control.interrupt");
      },
    );
  });

  test("lets a background node below the agent hear the words before the filter", async () => {
    await call(
      (session) => {
        const [agent, listener] = [new ScriptedAgent(says("one ", "two")), new Listener()];
        chain(session, agent, new Relay("filter", shouting));
        session.addNode(listener);
        session.addEdge(agent, listener);
        return listener;
      },
      async (client, listener) => {
        assert.equal((await client.turn("hi")).text, "ONE TWO");
        assert.deepEqual(chunks(listener.heard), ["one ", "two"]);
      },
    );
  });

  test("remembers an answer as the agent sent it, until the client reports what was spoken", async () => {
    await call(
      (session) => {
        const agent = new ScriptedAgent(says("well, damn"));
        chain(session, agent, new Relay("filter", shouting));
        return agent;
      },
      async (client, agent) => {
        await client.turn("hi");
        assert.equal(agent.conversation.messages().at(-1)?.content, "well, damn");
        client.reportSpoken("WELL, DAMN");
        await client.turn("again");
        assert.equal(agent.conversation.messages()[1]?.content, "WELL, DAMN");
      },
    );
  });

  test("that is stuck loses words at worst, not the start or the end of an answer", async () => {
    const goOn = deferred();
    await call(
      (session) => {
        const stuck = new Relay(
          "stuck",
          async (event, relay) => {
            if (event.type === "system.llm.request") await goOn.promise;
            relay.sendEvent(event);
          },
          { mailboxLimit: 3 },
        );
        chain(session, new ScriptedAgent(says("a", "b", "c", "d")), stuck);
      },
      async (client) => {
        client.say("hi");
        await roundTrip(client);
        goOn.resolve();
        await client.next("agent.llm.response.end");
        assert.deepEqual(shortTypes(client.frames), ["ready", "start", "chunk", "end"]);
      },
    );
  });

  for (const type of ["agent.end_call", "agent.transfer_call"] as const) {
    test(`sends ${type} behind the last of the words, however slow the filter is`, async () => {
      const parting: Script = async function* (_signal, _turn, agent) {
        if (type === "agent.end_call") agent.sendEvent({ type });
        else
          agent.sendEvent({
            type,
            transferCallNumber: "+1",
            transferOptions: {
              type: "cold_transfer",
              privateHandoffOption: null,
              publicHandoffOption: null,
            },
            onHoldMusic: null,
          });
        yield "Good";
        yield "bye";
      };
      await call(
        (session) => {
          const slow = new Relay("slow", async (event, relay) => {
            await new Promise((resolve) => setImmediate(resolve));
            shouting(event, relay);
          });
          chain(session, new Relay("front"), new ScriptedAgent(parting), slow);
        },
        async (client) => {
          client.say("bye");
          await client.next(type);
          assert.deepEqual(shortTypes(client.frames), [
            "ready",
            "start",
            "chunk",
            "chunk",
            "end",
            type.replace("agent.", ""),
          ]);
        },
      );
    });
  }

  test("carries a log event of a node above in its place, and an error even past a filter that swallows it", async () => {
    await call(
      (session) => {
        const front = new Relay("front", (event, relay) => {
          if (event.type === "system.user.joined") throw new Error("broke");
          if (event.type === "system.llm.request") {
            relay.sendEvent({ type: "agent.log", name: "before", payload: {} });
          }
          relay.sendEvent(event);
        });
        const filter = new Relay("filter", (event, relay) => {
          if (event.type !== "agent.error") relay.sendEvent(event);
        });
        chain(session, front, new ScriptedAgent(says("ok")), filter);
      },
      async (client) => {
        client.join();
        await client.turn("hi");
        assert.deepEqual(shortTypes(client.frames), ["ready", "error", "log", "start", "chunk", "end"]);
      },
    );
  });
});

describe("an interrupt in a chain", () => {
  test("overtakes the chunks that wait for a filter, and the chunk the filter is busy with", async () => {
    const busy = deferred();
    const goOn = deferred();
    await call(
      (session) => {
        const filter = new Relay("filter", async (event, relay) => {
          if (event.type === "agent.llm.response.chunk" && event.text === "b") {
            busy.resolve();
            await goOn.promise;
          }
          relay.sendEvent(event);
        });
        const agent = new ScriptedAgent((signal, turn, self) =>
          (turn.number === 1 ? unfinished("a", "b", "c", "d") : says("fresh"))(signal, turn, self),
        );
        chain(session, new Relay("front"), agent, filter);
      },
      async (client) => {
        client.say("hi");
        await busy.promise;
        client.interrupt();
        client.say("and now?");
        await roundTrip(client);
        goOn.resolve();
        await client.next("agent.llm.response.end");
        assert.equal((await client.response()).text, "fresh");
        assert.deepEqual(shortTypes(client.frames), [
          "ready",
          "start",
          "chunk",
          "end",
          "start",
          "chunk",
          "end",
        ]);
      },
    );
  });

  test("lets nothing of the old answer out that a filter says late, or held back until the end", async () => {
    const busy = deferred();
    const goOn = deferred();
    await call(
      (session) => {
        let held = "";
        const filter = new Relay("filter", async (event, relay) => {
          if (event.type === "agent.llm.response.chunk") {
            if (event.text === "stale") {
              busy.resolve();
              await goOn.promise;
            }
            held += event.text;
            return;
          }
          if (event.type === "agent.llm.response.end") {
            relay.sendEvent({ type: "agent.llm.response.chunk", text: held });
            held = "";
          }
          relay.sendEvent(event);
        });
        const agent = new ScriptedAgent((signal, turn, self) =>
          (turn.number === 1 ? unfinished("stale") : says("fresh"))(signal, turn, self),
        );
        chain(session, agent, filter);
      },
      async (client) => {
        client.say("hi");
        await busy.promise;
        client.interrupt();
        client.send({ type: "system.user.joined" });
        client.say("and now?");
        await roundTrip(client);
        goOn.resolve();
        await client.next("agent.llm.response.end");
        assert.equal((await client.response()).text, "fresh");
        assert.ok(!client.frames.some(({ text }) => text === "stale"));
      },
    );
  });

  test("keeps transcripts and the end of the response that wait for a filter", async () => {
    const busy = deferred();
    const goOn = deferred();
    await call(
      (session) => {
        const filter = new Relay("filter", async (event, relay) => {
          if (event.type === "agent.llm.response.start") {
            busy.resolve();
            await goOn.promise;
          }
          relay.sendEvent(event);
        });
        chain(session, new ScriptedAgent(unfinished("a", "b")), filter);
        return filter;
      },
      async (client, filter) => {
        client.say("hi");
        await busy.promise;
        client.send({ type: "agent.transcript.update", role: "user", content: "wait" });
        client.interrupt();
        await roundTrip(client);
        goOn.resolve();
        await client.next("agent.llm.response.end");
        assert.deepEqual(transcripts(filter.seen), ["hi", "wait"]);
        assert.deepEqual(shortTypes(client.frames), ["ready", "start", "end"]);
      },
    );
  });

  test("does not reach those below an agent that must not be interrupted", async () => {
    const goOn = deferred();
    const notice: Script = async function* (_signal, turn) {
      turn.interruptible = false;
      yield "This call ";
      await goOn.promise;
      yield "is recorded.";
    };
    await call(
      (session) =>
        chain(session, new Relay("front"), new ScriptedAgent(notice), new Relay("filter", shouting)),
      async (client) => {
        client.say("hi");
        await client.next("agent.llm.response.chunk");
        client.interrupt();
        await roundTrip(client);
        goOn.resolve();
        await client.next("agent.llm.response.end");
        assert.deepEqual(
          client.frames.flatMap(({ text }) => text ?? []),
          ["THIS CALL ", "IS RECORDED."],
        );
      },
    );
  });

  for (const front of ["no node", "a quick node", "a slow node"] as const) {
    test(`stops the answer to a request it overtakes, with ${front} before the agent`, async () => {
      const mayStart = deferred();
      const server = await startRuntime(async (session) => {
        const first = new Relay("front", async (event, relay) => {
          if (front === "a slow node") await new Promise((resolve) => setImmediate(resolve));
          relay.sendEvent(event);
        });
        const agent = new ScriptedAgent(says("into the caller's words"));
        if (front === "no node") chain(session, agent);
        else chain(session, first, agent);
        if (session.id !== "start-up-check") await mayStart.promise;
        await session.start();
      });
      try {
        const client = await VoiceClient.connect(server.wsUrl, { autoInit: false });
        client.init();
        client.say("I want to cancel");
        client.interrupt();
        // What comes before the start is handed over in one piece, so the request still waits when the interrupt comes.
        await roundTrip(client);
        mayStart.resolve();
        assert.equal((await client.response()).text, "");
        assert.equal((await client.turn("my order")).text, "into the caller's words");
        await client.close();
      } finally {
        await server.close();
      }
    });
  }
});
