import assert from "node:assert/strict";
import { access, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type TestContext } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import { getCalls } from "./support/get-json.ts";
import { listen } from "./support/http-server.ts";
import { startMockLlm } from "./support/mock-llm.ts";
import { until } from "./support/recorded-calls.ts";
import { startRuntime } from "./support/runtime-server.ts";
import { startServerProcess } from "./support/server-process.ts";
import { VoiceClient } from "./support/voice-client.ts";

const root = fileURLToPath(new URL("..", import.meta.url));

/** Writes a program of a page to a file of its own that stands beside `lib`, as a reader would. */
async function writeProgram(t: TestContext, page: string, heading: string, begins: RegExp): Promise<string> {
  const text = await readFile(join(root, page), "utf8");
  const section = text.slice(text.indexOf(`## ${heading}`));
  const [, code] =
    [...section.matchAll(/^```ts\n(.*?)^```$/gms)].find(([, text = ""]) => begins.test(text)) ?? [];
  assert.ok(code, `no such program under ${heading}`);
  const folder = await mkdtemp(join(tmpdir(), "readme-"));
  t.after(() => rm(folder, { recursive: true }));
  for (const each of ["lib", "node_modules", "public"]) await symlink(join(root, each), join(folder, each));
  await writeFile(join(folder, "package.json"), '{ "type": "module" }');
  const file = join(folder, "program.ts");
  await writeFile(file, code);
  return file;
}

test("README's agent greets, answers, uses its tool and has the console, in at most 20 lines", async (t) => {
  const program = await writeProgram(t, "README.md", "Write your own agent", /createVoiceServer/);
  const code = await readFile(program, "utf8");
  assert.ok(code.trimEnd().split("\n").length <= 20, "more than 20 lines");
  const llm = await startMockLlm();
  t.after(() => llm.close());
  const server = await startServerProcess({
    program,
    env: { OPENAI_BASE_URL: llm.baseUrl, HOST: "127.0.0.1" },
  });
  t.after(() => server.stop());

  const client = await VoiceClient.connect(server.wsUrl);
  client.join();
  assert.equal(
    (await client.next("agent.speak")).text,
    "Hello, this is the bookshop. What can I do for you?",
  );
  llm.onChat(() => "Which order is it?");
  assert.equal((await client.turn("Where are my books?")).text, "Which order is it?");
  const results: unknown[] = [];
  llm.onChat(({ body }) => {
    const result = body.messages.find(({ role }) => role === "tool")?.content;
    if (result === undefined) {
      return { kind: "toolCalls", calls: [{ name: "order_status", arguments: '{"order":"B7"}' }] };
    }
    results.push(result);
    return "It leaves tomorrow.";
  });
  assert.equal((await client.turn("B7")).text, "It leaves tomorrow.");
  assert.deepEqual(results, ["Order B7 leaves the warehouse tomorrow."]);

  const live = await getCalls(`${server.url}/live/calls`);
  assert.deepEqual(
    live.map(({ agent }) => agent),
    ["bookshop"],
  );
  assert.equal((await fetch(`${server.url}/console`)).status, 200);
  await client.close();
  await until(async () => {
    const [call] = await getCalls(`${server.url}/calls`);
    return call?.agent === "bookshop" && call.assistant_turns === 3;
  });
});

test("the listener of docs/examples.md posts when a caller is handed over", async (t) => {
  const program = await writeProgram(t, "docs/examples.md", "A node that watches calls", /TellTeam/);
  const posted: string[] = [];
  const chat = await listen(t, async (request, response) => {
    for await (const piece of request) posted.push(String(piece));
    response.end();
  });
  const code = await readFile(program, "utf8");
  await writeFile(program, code.replace("https://chat.example/hook", chat));
  const { TellTeam } = await import(pathToFileURL(program).href);
  const { ScriptedAgent, says } = await import("./support/nodes.ts");
  const { logDraft } = await import("../lib/wire/log-events.ts");
  const server = await startRuntime(async (session) => {
    const agent = new ScriptedAgent(says("fine"));
    session.addNode(new TellTeam("tell-team"));
    session.addNode(agent);
    await session.start();
    agent.sendEvent(
      logDraft("escalation.triggered", {
        reason: "human_request",
        frustrationCount: 0,
        threshold: 3,
        sameTurn: true,
        action: "none",
        outcome: "no_number",
      }),
    );
  });
  t.after(() => server.close());
  const client = await VoiceClient.connect(server.wsUrl);
  await client.turn("hello");
  await until(async () => posted.length === 1);
  assert.match(posted[0] ?? "", /Call .*: human_request/);
  await client.close();
});

test("README can be read in a few minutes, and every page it leads to is there", async () => {
  const readme = await readFile(join(root, "README.md"), "utf8");
  assert.ok(
    readme.split(/\s+/).length <= 1_075,
    "longer than half of what it once was: move detail into docs/",
  );
  for (const page of [
    "README.md",
    "docs/configuration.md",
    "docs/examples.md",
    "docs/calls.md",
    "docs/design.md",
  ]) {
    const text = await readFile(join(root, page), "utf8");
    for (const [, target = ""] of text.matchAll(/\]\((?!https?:)([^)#]+)(?:#[^)]*)?\)/g)) {
      await access(new URL(target, pathToFileURL(join(root, page))));
    }
  }
});
