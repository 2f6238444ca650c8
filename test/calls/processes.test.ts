import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { afterEach, beforeEach, describe } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { z } from "zod";
import { callListWire, callWire } from "../../lib/calls/wire.ts";
import { skipWithoutCli, startCli } from "../support/cli.ts";
import { startMockLlm } from "../support/mock-llm.ts";
import { argsOf } from "../support/programs.ts";
import { until } from "../support/recorded-calls.ts";
import { type ServerProcess, serverFor } from "../support/server-process.ts";
import { VoiceClient } from "../support/voice-client.ts";

const project = fileURLToPath(new URL("../..", import.meta.url));
const CLI = "lib/calls/report-cli.ts";

type Call = z.infer<typeof callWire>;
const hasEnded = ({ ended_at }: Call) => ended_at !== null;

describe("calls outlive their process", () => {
  let folder: string;
  let env: Record<string, string>;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "calls-"));
    env = { DATABASE_URL: `file:${join(folder, "data", "calls.db")}` };
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  async function listed(server: ServerProcess) {
    return callListWire.parse(await (await fetch(`${server.url}/calls`)).json()).calls;
  }

  async function only(server: ServerProcess) {
    const calls = await listed(server);
    assert.equal(calls.length, 1);
    return callWire.parse(await (await fetch(`${server.url}/calls/${calls[0]?.session_id}`)).json());
  }

  /** The only call, as soon as it is on record and `isSo` of it: writes wait for each other for some milliseconds. */
  async function onlyWhen(server: ServerProcess, isSo: (call: Call) => boolean): Promise<Call> {
    await until(async () => (await listed(server)).length > 0 && isSo(await only(server)));
    return only(server);
  }

  /** What `npm run report -- …` prints. */
  async function report(...args: string[]): Promise<string> {
    const { stdout } = await promisify(execFile)(process.execPath, [...argsOf(CLI), ...args], {
      cwd: project,
      env: { PATH: process.env.PATH, HOME: process.env.HOME, ...env },
    });
    return stdout;
  }

  test("a call whose server is killed is on record, up to its running turn", async (t) => {
    const llm = await startMockLlm();
    t.after(() => llm.close());
    llm.onSentiment(() => "negative");
    llm.onChat(({ utterance }) =>
      utterance === "second" ? { kind: "hangAfter", chunks: 1 } : "Here it is.",
    );
    env.OPENAI_BASE_URL = llm.baseUrl;
    const server = await serverFor(t, { env });
    const client = await VoiceClient.connect(server.wsUrl);
    client.join();
    await client.next("agent.speak");
    await client.turn("first");
    client.say("second");
    await client.next("agent.llm.response.chunk");
    await onlyWhen(server, ({ turns }) => turns.filter(({ verdict }) => verdict !== null).length === 2);
    await server.stop("SIGKILL");

    const again = await serverFor(t, { env });
    const call = await only(again);
    assert.equal(call.end_reason, "crashed");
    assert.ok(call.ended_at !== null && call.ended_at >= call.started_at);
    assert.deepEqual(
      call.turns.map(({ text, verdict }) => [text, verdict]),
      [
        ["Hello! I'm here to help. What can I assist you with today?", null],
        ["first", "negative"],
        ["Here it is.", null],
        ["second", "negative"],
      ],
    );
    assert.equal(call.score, -2.5);
    await again.stop();
  });

  test("a server that is told to stop ends its calls, and stores it", async (t) => {
    const server = await serverFor(t, { env: { ...env, DRAIN_TIMEOUT_MS: "0" } });
    const client = await VoiceClient.connect(server.wsUrl);
    client.join();
    await client.turn("hello");
    assert.equal(await server.stop("SIGTERM"), 0);
    const again = await serverFor(t, { env });
    const call = await only(again);
    assert.equal(call.end_reason, "drain");
    assert.equal(call.user_turns, 1);
    await again.stop();
  });

  test("nothing is recorded when it is switched off", async (t) => {
    const server = await serverFor(t, { env: { ...env, RECORD_CALLS: "false" } });
    const client = await VoiceClient.connect(server.wsUrl);
    await client.turn("hello");
    await client.close();
    assert.deepEqual(await (await fetch(`${server.url}/calls`)).json(), { calls: [], next_cursor: null });
    await server.stop();
  });

  test("the report on the command line shows the last call, one by its id, and many", async (t) => {
    const server = await serverFor(t, { env });
    assert.match(await report("--since", "1h"), /^No calls since [-\d]{10} [:\d]{8} UTC\.\n$/);
    const client = await VoiceClient.connect(server.wsUrl);
    client.join();
    await client.turn("Thank you so much, that was wonderful!");
    await client.close();
    const { session_id: id } = await onlyWhen(server, hasEnded);
    // The server still runs: both read the same file.
    const last = await report("--last");
    assert.match(last, new RegExp(`^Call +${id}`));
    assert.match(last, /^Course +█/m);
    assert.match(last, /caller +positive +\d+ % +\+5 +Thank you so much, that was wonderful!/);
    assert.equal(JSON.parse(await report(id, "--json")).sentiment.score, 5);
    assert.match(await report("--since", "1h"), new RegExp(`^1 ended call since [^]*${id}`));
    await assert.rejects(report("nobody"), /There is no call nobody/);
    await server.stop();
  });

  test("after a chat with the command line client, the report shows that chat", {
    skip: skipWithoutCli("5"),
  }, async (t) => {
    const server = await serverFor(t, { env });
    const cli = await startCli({ version: "5", url: server.wsUrl });
    const { text } = await cli.ask("My parcel is lost and I am really disappointed");
    await cli.exit();
    await onlyWhen(server, hasEnded);
    const shown = await report("--last");
    assert.match(shown, /, chat$/m);
    assert.match(shown, /caller +frustrated +70 % +−5 +My parcel is lost and I am really disappointed/);
    assert.ok(shown.includes(text.slice(0, 40)), shown);
    assert.ok(shown.includes(cli.greeting.slice(0, 40)), shown);
    await server.stop();
  });
});
