import assert from "node:assert/strict";
import { once } from "node:events";
import test, { after, before, describe } from "node:test";
import { CLI_4_PORT, type CliVersion, skipWithoutCli, startCli } from "../support/cli.ts";
import { createStepGate, type MockLlm, type Reply, startMockLlm } from "../support/mock-llm.ts";
import { type ServerProcess, startServerProcess } from "../support/server-process.ts";
import { VoiceClient } from "../support/voice-client.ts";

const script = "example:interrupt-control";

const setInterruptible = (enabled: boolean, text = ""): Reply => ({
  kind: "toolCalls",
  text,
  calls: [{ name: "set_interruptible", arguments: JSON.stringify({ enabled }) }],
});

/** The frames after `agent.ready`, without log and error events, shortened. */
const course = (client: VoiceClient) =>
  client.frames
    .map(({ type }) => type.replace(/^agent\.(llm\.response\.|control\.)?/, ""))
    .filter((type) => !["ready", "log", "error"].includes(type));

/** Resolves when the server has read all that was sent. */
async function roundTrip(client: VoiceClient): Promise<void> {
  client.socket.ping();
  await once(client.socket, "pong");
}

describe("the interrupt-control example", () => {
  let llm: MockLlm;
  let server: ServerProcess;

  before(async () => {
    llm = await startMockLlm();
    server = await startServerProcess({ script, env: { OPENAI_BASE_URL: llm.baseUrl } });
  });
  after(async () => {
    assert.equal(await server.stop(), 0, server.output);
    await llm.close();
  });

  /** The model mutes the caller, and then says this. */
  function muteAndSay(reply: Reply): void {
    llm.onChat(({ body }) => (body.messages.at(-1)?.role === "tool" ? reply : setInterruptible(false)));
  }

  test("is not interrupted while the model has muted the caller, and is again in the next answer", async () => {
    const steps = createStepGate();
    muteAndSay({ kind: "text", text: ["The price ", "is 90 euros."], gate: steps.gate });
    const client = await VoiceClient.connect(server.wsUrl);
    client.say("What does it cost?");
    await client.next("agent.control.mute_user");
    steps.release();
    await client.next("agent.llm.response.chunk");
    client.interrupt();
    await roundTrip(client);
    steps.release();
    await client.next("agent.llm.response.end");
    assert.deepEqual(course(client), ["start", "mute_user", "chunk", "chunk", "unmute_user", "end"]);

    llm.onChat(() => ({ kind: "text", text: ["Well, ", "never said"], gate: steps.gate }));
    client.say("And for two?");
    steps.release();
    await client.next("agent.llm.response.chunk");
    client.interrupt();
    await client.next("agent.llm.response.end");
    assert.deepEqual(course(client).slice(6), ["start", "chunk", "end"]);
    await client.close();
  });

  test("can be interrupted as soon as the model has unmuted the caller", async () => {
    const steps = createStepGate();
    const replies: Reply[] = [
      setInterruptible(false),
      setInterruptible(true, "It is final."),
      { kind: "text", text: ["Anything ", "else?"], gate: steps.gate },
    ];
    llm.onChat(() => replies.shift() ?? "?");
    const client = await VoiceClient.connect(server.wsUrl);
    client.say("May I cancel?");
    await client.next("agent.control.unmute_user");
    steps.release();
    await client.next("agent.llm.response.chunk", ({ text }) => text === "Anything ");
    client.interrupt();
    await client.next("agent.llm.response.end");
    const unmuted = course(client).indexOf("unmute_user");
    assert.deepEqual(course(client).slice(unmuted), ["unmute_user", "chunk", "chunk", "end"]);
    await client.close();
  });

  test("unmutes when the muted answer fails", async () => {
    muteAndSay({ kind: "cut", chunks: 1, text: "The price is" });
    const client = await VoiceClient.connect(server.wsUrl);
    assert.match((await client.turn("What does it cost?")).text, /sorry/);
    assert.deepEqual(course(client), ["start", "mute_user", "chunk", "chunk", "unmute_user", "end"]);
    await client.close();
  });

  test("unmutes when another request replaces the muted answer", async () => {
    muteAndSay({ kind: "hangAfter", chunks: 1, text: "The price is" });
    const client = await VoiceClient.connect(server.wsUrl);
    client.say("What does it cost?");
    await client.next("agent.llm.response.chunk");
    llm.onChat(() => "Hello.");
    client.say("Hello?");
    await client.next("agent.llm.response.end");
    assert.equal((await client.response()).text, "Hello.");
    assert.deepEqual(course(client), [
      "start",
      "mute_user",
      "chunk",
      "unmute_user",
      "end",
      "start",
      "chunk",
      "end",
    ]);
    await client.close();
  });

  test("unmutes before the call ends", async () => {
    const calls = [
      { name: "set_interruptible", arguments: '{"enabled":false}' },
      { name: "end_call", arguments: "{}" },
    ];
    llm.onChat(() => ({ kind: "toolCalls", calls }));
    const client = await VoiceClient.connect(server.wsUrl);
    client.say("Goodbye");
    await client.next("agent.end_call");
    assert.deepEqual(course(client), ["start", "mute_user", "chunk", "unmute_user", "end", "end_call"]);
    await client.close();
  });

  test("has nothing to say when the caller hangs up on a muted answer", async () => {
    muteAndSay({ kind: "hangAfter", chunks: 1, text: "The price is" });
    const client = await VoiceClient.connect(server.wsUrl);
    client.say("What does it cost?");
    await client.next("agent.llm.response.chunk");
    const from = server.lines.length;
    await client.close();
    await server.nextLine(({ msg, reason }) => msg === "Session ended" && reason === "client_closed");
    assert.deepEqual(
      server.lines.slice(from).filter(({ level }) => Number(level) >= 40),
      [],
    );
  });

  test("lets the platform decide, in mid-answer or between two", async () => {
    const steps = createStepGate();
    llm.onChat(() => ({ kind: "text", text: ["one ", "two ", "three "], gate: steps.gate }));
    const client = await VoiceClient.connect(server.wsUrl);
    const interruptible = (value: boolean) =>
      client.send({ type: "system.output_agent.update_settings", settings: { interruptible: value } });
    client.say("Count.");
    steps.release();
    await client.next("agent.llm.response.chunk");
    interruptible(false);
    await client.next("agent.control.mute_user");
    client.interrupt();
    steps.release();
    await client.next("agent.llm.response.chunk");
    interruptible(true);
    await client.next("agent.control.unmute_user");
    client.interrupt();
    await client.next("agent.llm.response.end");
    assert.deepEqual(course(client), ["start", "chunk", "mute_user", "chunk", "unmute_user", "end"]);

    interruptible(false);
    client.say("Count again.");
    steps.release(Number.POSITIVE_INFINITY);
    await client.next("agent.llm.response.end");
    assert.deepEqual(course(client).slice(6), [
      "start",
      "mute_user",
      "chunk",
      "chunk",
      "chunk",
      "unmute_user",
      "end",
    ]);
    await client.close();
  });

  test("mutes every answer of a call that the platform opened as not interruptible", async () => {
    llm.onChat(() => ({ kind: "text", text: ["one ", "two"] }));
    const client = await VoiceClient.connect(server.wsUrl, { autoInit: false });
    client.send({
      type: "system.init",
      version: "1.0.0",
      session_context: { initial_variables: {}, conversation_type: "telephonyInbound" },
      output_agent_settings: { interruptible: false },
    });
    await client.turn("Count.");
    await client.turn("Again.");
    const muted = ["start", "mute_user", "chunk", "chunk", "unmute_user", "end"];
    assert.deepEqual(course(client), [...muted, ...muted]);
    await client.close();
  });

  test("says the legal notice whole, without asking a model", async () => {
    const asked = llm.requests.length;
    const client = await VoiceClient.connect(server.wsUrl);
    const { text } = await client.turn("Could you read me the legal notice?");
    assert.match(text, /^This call is recorded\. .* tells you how\.$/);
    assert.deepEqual(course(client), ["start", "mute_user", "chunk", "chunk", "chunk", "unmute_user", "end"]);
    assert.equal(llm.requests.length, asked);
    await client.close();
  });

  for (const version of ["4", "5"] as const satisfies CliVersion[]) {
    test(`serves smallestai ${version}.x, which is not disturbed by the mute frames`, {
      skip: skipWithoutCli(version),
    }, async (t) => {
      muteAndSay({ kind: "text", text: "The price is 90 euros." });
      const env = { OPENAI_BASE_URL: llm.baseUrl };
      const own = version === "4" ? await startServerProcess({ script, env, port: CLI_4_PORT }) : null;
      t.after(() => own?.stop());
      const cli = await startCli(version === "4" ? { version } : { version, url: server.wsUrl });
      t.after(() => cli.kill());
      assert.match(cli.greeting, /Where would you like to travel/);
      assert.match((await cli.ask("Read me the terms, please")).text, /^This call is recorded/);
      assert.equal((await cli.ask("What does it cost?")).text, "The price is 90 euros.");
      llm.onChat(() => "Gladly.");
      assert.equal((await cli.ask("I will take it")).text, "Gladly.");
      assert.equal(await cli.exit(), 0);
    });
  }
});
