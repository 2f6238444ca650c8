import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import test, { type TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { main } from "../../rehearse/main.ts";
import { loadScenarios } from "../../rehearse/scenario/load.ts";
import { getCalls } from "../support/get-json.ts";
import { argsOf } from "../support/programs.ts";
import { until } from "../support/recorded-calls.ts";
import { scenarioFile } from "../support/rehearsal.ts";
import { serverFor } from "../support/server-process.ts";
import { VoiceClient } from "../support/voice-client.ts";

const scenarios = fileURLToPath(new URL("../../scenarios", import.meta.url));
const root = fileURLToPath(new URL("../..", import.meta.url));
/** As long as a machine that does ten things at once may take. */
const PATIENT = ["--timeout", "30000"];

async function rehearse(...args: string[]): Promise<{ code: number; text: string }> {
  const printed: string[] = [];
  const say = (text: string) => printed.push(text);
  const code = await main([...args, ...PATIENT], {}, say, say);
  return { code, text: printed.join("\n") };
}

// .ci/run rehearses them all.
test("the starter set has 40 scenarios and more", () => {
  assert.ok(loadScenarios([scenarios]).length >= 40);
});

test("a prompt that forbids to hand over is caught by the starter set", async (t) => {
  const prompt = await scenarioFile(
    t,
    "You are a support agent. Never hand a caller over to anybody.\n",
    "prompt.txt",
  );
  const { code, text } = await rehearse(
    join(scenarios, "person.yaml"),
    "--only",
    "asks_",
    "--mock",
    "--prompt",
    prompt,
  );
  assert.equal(code, 1, text);
  assert.match(text, /✓ {2}person\/asks_politely +own prompt +1\/1/);
  assert.match(text, /✗ {2}person\/asks_politely .*prompt\.txt +0\/1/);
  assert.match(text, /only own prompt passed 7, only .*prompt\.txt passed 0; McNemar p = 0\.0156: own/);
});

test("a threshold of 2 instead of 3 shows as a difference", async () => {
  const { code, text } = await rehearse(join(scenarios, "count.yaml"), "--vary", "ESCALATION_THRESHOLD=3,2");
  assert.equal(code, 1, text);
  assert.match(text, /McNemar p = 0\.0\d+: ESCALATION_THRESHOLD=3 is better/);
});

/** The folder of a store, which goes with the test. */
async function storeFor(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "store-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return `file:${join(folder, "calls.db")}`;
}

test("from a call to a test: what the report and the route write is rehearsed as it is", async (t) => {
  const DATABASE_URL = await storeFor(t);
  const server = await serverFor(t, { env: { DATABASE_URL, HOST: "127.0.0.1" } });
  const client = await VoiceClient.connect(server.wsUrl);
  client.join();
  await client.next("agent.speak");
  await client.turn("Where is my order?");
  await client.close();
  await until(async () => typeof (await getCalls(`${server.url}/calls`))[0]?.ended_at === "string");
  const [call] = await getCalls(`${server.url}/calls`);
  const route = await fetch(`${server.url}/calls/${call?.session_id}/scenario`);
  assert.match(route.headers.get("content-type") ?? "", /yaml/);
  const text = await route.text();
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [...argsOf("lib/calls/report-cli.ts"), "--last", "--scenario"],
    { cwd: root, env: { ...process.env, DATABASE_URL } },
  );
  assert.equal(stdout, text);
  const file = await scenarioFile(t, text);
  const result = await rehearse(file, "--target", server.wsUrl);
  assert.equal(result.code, 0, result.text);

  // And the caller of that call again, as docs/rehearse.md has it, priced by the table there.
  const page = await readFile(join(root, "docs/rehearse.md"), "utf8");
  const [, recorded = ""] = /^```\n(recorded: .*?)^```$/ms.exec(page) ?? assert.fail("no recorded example");
  const [, table = ""] = /^```\n(gpt-4o-mini: .*?)^```$/ms.exec(page) ?? assert.fail("no prices");
  const again = await scenarioFile(t, `name: again\n${recorded}`);
  const record = await fetch(`${server.url}/calls/${call?.session_id}`);
  await writeFile(join(dirname(again), "call.json"), await record.text());
  const prices = await scenarioFile(t, table, "prices.yaml");
  const repeated = await rehearse(again, "--target", server.wsUrl, "--prices", prices);
  assert.equal(repeated.code, 0, repeated.text);
  assert.match(repeated.text, /Tokens +\d+ in, \d+ out, cost 0\.\d+/);
});
