import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type TestContext } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { SetupSession } from "../lib/session/session.ts";
import { deferred } from "./support/nodes.ts";
import { startRuntime } from "./support/runtime-server.ts";
import { VoiceClient } from "./support/voice-client.ts";

const page = fileURLToPath(new URL("../docs/nodes.md", import.meta.url));
const lib = fileURLToPath(new URL("../lib", import.meta.url));

/** Writes the page's snippets to files that stand beside `lib`, as they would beside app.ts, and goes there. */
async function writeSnippets(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "docs-nodes-"));
  const before = process.cwd();
  process.chdir(folder);
  t.after(async () => {
    process.chdir(before);
    await rm(folder, { recursive: true });
  });
  await symlink(lib, join(folder, "lib"));
  await writeFile(join(folder, "package.json"), '{ "type": "module" }');
  const classes: string[] = [];
  for (const [, code = ""] of (await readFile(page, "utf8")).matchAll(/^```ts\n(.*?)^```$/gms)) {
    const [, kind, name] = /export (class|async function) (\w+)/.exec(code) ?? [];
    assert.ok(name, `a snippet that exports nothing:\n${code}`);
    if (kind === "class") classes.push(name);
    await writeFile(join(folder, `${name}.ts`), code);
  }
  const all = classes.map((name) => `export { ${name} } from "./${name}.ts";\n`).join("");
  await writeFile(join(folder, "my-nodes.ts"), all);
  return folder;
}

/** One call on a server with this set-up, from its first frame until its nodes have stopped. */
async function call(setupSession: SetupSession, talk: (client: VoiceClient) => Promise<void>): Promise<void> {
  const ended = deferred<string>();
  const server = await startRuntime(async (session) => {
    await setupSession(session);
    ended.resolve(await session.waitUntilComplete());
  });
  try {
    const client = await VoiceClient.connect(server.wsUrl);
    await talk(client);
    await client.close();
    assert.equal(await ended.promise, "client_closed");
  } finally {
    await server.close();
  }
}

test("the guide's nodes and their chain work as they stand on the page", async (t) => {
  const folder = await writeSnippets(t);
  const { setupSession } = await import(pathToFileURL(join(folder, "setupSession.ts")).href);
  await call(setupSession, async (client) => {
    client.join();
    assert.equal((await client.next("agent.speak")).text, "Hello!");
    assert.equal((await client.turn("good morning")).text, "YOU SAID: GOOD MORNING");
  });

  const audit = await readFile(join(folder, "audit.jsonl"), "utf8");
  const lines: { type: string; session: string }[] = audit
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  assert.deepEqual(
    // Log events are the framework's own notes.
    lines.map(({ type }) => type).filter((type) => type !== "agent.log"),
    [
      "system.user.joined",
      "agent.speak",
      "agent.transcript.update",
      "system.llm.request",
      "agent.llm.response.start",
      "agent.llm.response.chunk",
      "agent.llm.response.chunk",
      "agent.llm.response.end",
    ],
  );
  assert.equal(new Set(lines.map(({ session }) => session)).size, 1);
  assert.doesNotMatch(audit, /good morning/i);
});

test("the guide's smallest node passes everything on", async (t) => {
  const folder = await writeSnippets(t);
  const { Echo, Nothing } = await import(pathToFileURL(join(folder, "my-nodes.ts")).href);
  await call(
    async (session) => {
      const [above, echo] = [new Nothing(), new Echo()];
      session.addNode(above);
      session.addNode(echo);
      session.addEdge(above, echo);
      await session.start();
    },
    async (client) => assert.equal((await client.turn("hi")).text, "You said: hi"),
  );
});
