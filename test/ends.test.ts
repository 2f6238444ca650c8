import assert from "node:assert/strict";
import { once } from "node:events";
import test, { describe } from "node:test";
import { WebSocket } from "ws";
import { tracksFaults } from "../lib/process/faults.ts";
import { createStepGate, startMockLlm } from "./support/mock-llm.ts";
import { deferred, Listener, ScriptedAgent, says } from "./support/nodes.ts";
import { startRuntime, withRuntime } from "./support/runtime-server.ts";
import { FAULTY_APP, type ServerProcess, serverFor } from "./support/server-process.ts";
import { VoiceClient } from "./support/voice-client.ts";

async function refusedUpgrade(url: string): Promise<number> {
  const socket = new WebSocket(url);
  const [, response] = await once(socket, "unexpected-response");
  response.destroy();
  return response.statusCode;
}

const stopping = (server: ServerProcess) =>
  server.nextLine(({ msg }) => /new calls are refused/.test(String(msg)));

describe("SIGTERM", () => {
  test("stops an idle server at once, with a keep-alive connection open", async (t) => {
    const server = await serverFor(t, { env: { DRAIN_TIMEOUT_MS: "600000" } });
    await (await fetch(`${server.url}/health`, { headers: { connection: "keep-alive" } })).text();
    assert.equal(await server.stop(), 0);
  });

  test("lets the calls finish, takes no new ones, and says so on /ready at once", async (t) => {
    const mock = await startMockLlm();
    const steps = createStepGate();
    mock.onChat(() => ({ kind: "text", text: "one two three", gate: steps.gate }));
    const server = await serverFor(t, { env: { OPENAI_BASE_URL: mock.baseUrl } });
    const client = await VoiceClient.connect(server.wsUrl);
    client.say("hi");
    steps.release(1);
    await client.next("agent.llm.response.chunk");

    server.signal("SIGTERM");
    await stopping(server);
    const ready = await fetch(`${server.url}/ready`);
    assert.deepEqual([ready.status, await ready.json()], [503, { status: "draining" }]);
    assert.equal((await fetch(`${server.url}/health`)).status, 200);
    assert.equal(await refusedUpgrade(server.wsUrl), 503);

    steps.release(Infinity);
    await client.next("agent.llm.response.end");
    const chunks = client.frames.flatMap(({ type, text }) => (type.endsWith(".chunk") ? [text] : []));
    assert.equal(chunks.join(""), "one two three");
    assert.equal((await client.turn("and one more?")).text, "one two three");
    await client.close();
    assert.equal(await server.exited, 0);
    await mock.close();
  });

  test("ends the calls that outlast DRAIN_TIMEOUT_MS with 1001, a deaf client too, and exits with 0", async (t) => {
    const server = await serverFor(t, { env: { DRAIN_TIMEOUT_MS: "100" } });
    const client = await VoiceClient.connect(server.wsUrl);
    const silent = await VoiceClient.connect(server.wsUrl, { autoInit: false });
    const deaf = await VoiceClient.connect(server.wsUrl);
    deaf.socket.pause();
    server.signal("SIGTERM");
    const expected = { code: 1001, reason: "server is shutting down" };
    assert.deepEqual(await Promise.all([client.closed, silent.closed]), [expected, expected]);
    assert.equal(await server.exited, 0);
    deaf.socket.terminate();
  });

  test("a second time ends the calls now", async (t) => {
    const server = await serverFor(t, { env: { DRAIN_TIMEOUT_MS: "600000" } });
    const client = await VoiceClient.connect(server.wsUrl);
    server.signal("SIGINT");
    await stopping(server);
    server.signal("SIGTERM");
    assert.equal((await client.closed).code, 1001);
    assert.equal(await server.exited, 0);
  });
});

test("closing waits for what the nodes still have to write down", async () => {
  const [mayFinish, stopping] = [deferred(), deferred()];
  const order: string[] = [];
  class Recorder extends Listener {
    override async stop(): Promise<void> {
      stopping.resolve();
      await mayFinish.promise;
      order.push("written");
    }
  }
  const server = await startRuntime(async (session) => {
    session.addNode(new Recorder());
    await session.start();
  });
  const client = await VoiceClient.connect(server.wsUrl);
  const closed = server.close().then(() => order.push("closed"));
  assert.equal((await client.closed).code, 1001);
  await stopping.promise;
  // Still listening, though it takes nothing any more; a server that did not wait would soon refuse the connection.
  for (let asked = 0; asked < 20; asked += 1) assert.equal((await fetch(server.url)).status, 503);
  mayFinish.resolve();
  await closed;
  assert.deepEqual(order, ["written", "closed"]);
});

describe("an error nobody expected ends its session with 1011 and leaves the others", () => {
  class BadStart extends ScriptedAgent {
    override start(): void {
      throw new Error("start broke");
    }
  }
  class BadAccept extends ScriptedAgent {
    override accept(): void {
      throw new Error("accept broke");
    }
  }
  for (const [where, Node] of [
    ["a node's start", BadStart],
    ["a socket's callback", BadAccept],
  ] as const) {
    test(`thrown in ${where}`, async () => {
      await withRuntime(
        async (session) => {
          session.addNode(new (session.caller ? ScriptedAgent : Node)(says("fine")));
          await session.start();
        },
        async ({ wsUrl, lines }) => {
          const bystander = await VoiceClient.connect(wsUrl, { init: { caller: {} } });
          const client = await VoiceClient.connect(wsUrl);
          client.join();
          const { code, reason } = await client.closed;
          assert.deepEqual([code, reason], [1011, "internal error"]);
          assert.equal((await bystander.turn("hi")).text, "fine");
          const line = lines.find(({ msg }) => msg === "Session failed");
          assert.match(String(line?.stack), /broke.*ends\.test/s);
          await bystander.close();
        },
      );
    });
  }

  for (const where of ["timer", "promise"]) {
    const skip = !tracksFaults && "needs Node 24, where it is known whose timer it was";
    test(`thrown in a ${where} of its own`, { skip }, async (t) => {
      const server = await serverFor(t, { program: FAULTY_APP });
      const bystander = await VoiceClient.connect(server.wsUrl);
      const client = await VoiceClient.connect(server.wsUrl, { init: { caller: { call_id: "c1" } } });
      client.say(where);
      assert.equal((await client.closed).code, 1011);
      const line = await server.nextLine(({ msg }) => msg === "Session failed");
      assert.equal(line.call_id, "c1");
      assert.equal((await bystander.turn("hi")).text, "fine");
      assert.equal((await fetch(`${server.url}/ready`)).status, 200);
      await bystander.close();
      assert.equal(await server.stop(), 0);
    });
  }
});

test("an error that belongs to no call drains the server, which exits with 1", async (t) => {
  const server = await serverFor(t, { program: FAULTY_APP });
  const client = await VoiceClient.connect(server.wsUrl);
  server.signal("SIGUSR2");
  const line = await server.nextLine(({ level }) => level === 60);
  assert.match(JSON.stringify(line), /nobody expected the process/);
  assert.equal((await fetch(`${server.url}/ready`)).status, 503);
  assert.equal((await client.turn("hi")).text, "fine");
  await client.close();
  assert.equal(await server.exited, 1);
});
