import assert from "node:assert/strict";
import test, { describe } from "node:test";
import { BackgroundAgentNode } from "../../lib/nodes/background-agent-node.ts";
import { TimelineNode } from "../../lib/nodes/timeline-node.ts";
import type { Moment } from "../../lib/session/moments.ts";
import type { SetupSession } from "../../lib/session/session.ts";
import type { AnyEvent } from "../../lib/wire/events.ts";
import { deferred, ScriptedAgent, says } from "../support/nodes.ts";
import { type RuntimeServer, startRuntime } from "../support/runtime-server.ts";
import { VoiceClient } from "../support/voice-client.ts";

async function withNode(
  node: () => BackgroundAgentNode | readonly BackgroundAgentNode[],
  run: (client: VoiceClient, server: RuntimeServer) => Promise<void>,
): Promise<void> {
  const setup: SetupSession = async (session) => {
    for (const each of [node()].flat()) session.addNode(each);
    session.addNode(new ScriptedAgent(says("fine")));
    await session.start();
  };
  const server = await startRuntime(setup, {
    MAX_EVENTS_PER_SECOND: "100000",
    MAX_BYTES_PER_SECOND: "100000000",
    MAX_REQUESTS_PER_SECOND: "100000",
  });
  try {
    const client = await VoiceClient.connect(server.wsUrl);
    await run(client, server);
    await client.close();
  } finally {
    await server.close();
  }
}

describe("a background node", () => {
  test("that hangs delays nothing, drops its oldest events, and says so now and then", async () => {
    const stuck = deferred();
    const seen: string[] = [];
    class Slow extends BackgroundAgentNode {
      protected override async processEvent(event: AnyEvent): Promise<void> {
        if (event.type === "agent.transcript.update") seen.push(event.content);
        await stuck.promise;
      }
    }
    const nodes: Slow[] = [];
    await withNode(
      () => {
        const node = new Slow({ name: "slow" });
        nodes.push(node);
        return node;
      },
      async (client, { lines }) => {
        const sent = Array.from({ length: 1_500 }, (_, index) => String(index));
        for (const content of sent) client.send({ type: "agent.transcript.update", role: "user", content });
        client.send({ type: "system.llm.request" });
        assert.equal((await client.response()).text, "fine");
        const dropped = nodes.at(-1)?.droppedEvents ?? 0;
        assert.ok(dropped > 400);
        const warnings = lines.filter(({ msg }) => /slow does not keep up/.test(msg ?? ""));
        assert.equal(warnings.length, Math.ceil(dropped / 100));
        stuck.resolve();
        await client.close();
      },
    );
    assert.equal(seen[0], "0");
    assert.equal(seen.at(-1), "1499");
    assert.deepEqual(
      seen.slice(1),
      seen.slice(1).sort((a, b) => Number(a) - Number(b)),
    );
  });

  test("that fails is a warning, and the call goes on", async () => {
    class Broken extends BackgroundAgentNode {
      protected override processEvent(): void {
        throw new Error("lost its notebook");
      }
    }
    await withNode(
      () => new Broken({ name: "broken" }),
      async (client, { lines }) => {
        assert.equal((await client.turn("hi")).text, "fine");
        assert.ok(lines.some(({ level, reason }) => level === 40 && reason === "lost its notebook"));
        const errors = client.frames.filter(({ type }) => type === "agent.error");
        assert.ok(errors.length > 0 && errors.every(({ severity }) => severity === "warning"));
      },
    );
  });

  class Failing extends BackgroundAgentNode {
    protected override processEvent(): void {
      throw new Error("lost its notebook");
    }
  }
  class FailingListener extends TimelineNode {
    protected override hear(): void {
      throw new Error("lost its notebook");
    }
  }
  for (const [kind, make, what] of [
    ["by mailbox", (name: string) => new Failing({ name }), "handling"],
    ["by timeline", (name: string) => new FailingListener(name), "hearing error"],
  ] as const) {
    test(`that fails over the error of another does not go on for ever: ${kind}`, async () => {
      await withNode(
        () => [make("left"), make("right")],
        async (client, { lines }) => {
          assert.equal((await client.turn("hi")).text, "fine");
          assert.ok(lines.some(({ msg }) => msg === `right failed while ${what} agent.error`));
        },
      );
    });
  }

  test("that sends while it hears is heard by all after what it heard", async () => {
    const heard: string[] = [];
    class Answering extends TimelineNode {
      protected override hear({ type }: Moment): void {
        if (type === "speaking") this.sendEvent({ type: "agent.log", name: "hello", payload: {} });
      }
    }
    class Listening extends TimelineNode {
      protected override hear({ type }: Moment): void {
        heard.push(type);
      }
    }
    await withNode(
      () => [new Answering("answering"), new Listening("listening")],
      async (client) => {
        client.send({ type: "system.user.started_speaking" });
        await client.next("agent.log");
        assert.deepEqual(heard, ["speaking", "log"]);
      },
    );
  });

  test("that has not started keeps so many events, and what it loses is counted", async () => {
    let heard = 0;
    class Chatty extends BackgroundAgentNode {
      override start(): void {
        for (let n = 0; n < 1_030; n += 1) this.sendEvent({ type: "agent.log", name: "early", payload: {} });
      }
    }
    class Counting extends TimelineNode {
      protected override hear(moment: Moment): void {
        if (moment.type === "log" && moment.log.name === "early") heard += 1;
      }
    }
    await withNode(
      () => [new Chatty({ name: "chatty" }), new Counting("counting")],
      async (client, { url }) => {
        await client.turn("hi");
        assert.equal(heard, 1_024);
        assert.match(await (await fetch(`${url}/metrics`)).text(), /^voice_agent_dropped_events_total 6$/m);
      },
    );
  });

  test("hears an interrupt in its turn, like any other event", async () => {
    const heard: string[] = [];
    class Listening extends BackgroundAgentNode {
      protected override processEvent({ type }: AnyEvent): void {
        heard.push(type);
      }
    }
    await withNode(
      () => new Listening({ name: "listening", hears: ["client"] }),
      async (client) => {
        client.join();
        client.interrupt();
        await client.turn("hi");
        assert.deepEqual(heard, [
          "system.user.joined",
          "system.control.interrupt",
          "agent.transcript.update",
          "system.llm.request",
        ]);
      },
    );
  });
});
