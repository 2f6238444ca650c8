import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { z } from "zod";
import { until } from "../test/support/recorded-calls.ts";
import { type ServerProcess, startServerProcess } from "../test/support/server-process.ts";
import { VoiceClient } from "../test/support/voice-client.ts";

/*
 * Holds the OpenAPI document against the server, with schemathesis: with no tokens set, and with an admin's, and
 * with none where one is asked for. There are stored calls and one that runs.
 */

const [program = "schemathesis"] = process.argv.slice(2);
const TOKEN = "the-token-of-an-admin";
/** What the caller says in the calls that are on record, the last of which escalates, and in the one that runs. */
const STORED = [["hello"], ["This is ridiculous", "You are useless", "I am furious"]];
const LIVE = ["hello", "this is ridiculous"];
/** Routes that refuse more than their schema can say. */
const STRICT = [
  ...["/calls", "/calls.csv", "/calls.jsonl", "/quality", "/quality/compare"],
  "/quality/reviews",
  ...["verdicts/{turn}", "scorecard", "remarks", "remarks/{remark}"].map(
    (path) => `/calls/{id}/review/${path}`,
  ),
];
const MAX_EXAMPLES = 10;
const SEED = 7;
/** Gives up on a run that hangs, ms. */
const GUARD_MS = 300_000;

const ids = z.object({
  calls: z.array(z.object({ session_id: z.string(), call_id: z.string().nullable() })),
});

/** A call in which somebody says these words, still open. */
async function call(server: ServerProcess, words: readonly string[], callId: string): Promise<VoiceClient> {
  const client = await VoiceClient.connect(server.wsUrl, {
    init: { caller: { call_id: callId } },
    headers: { authorization: `Bearer ${TOKEN}` },
  });
  client.join();
  for (const each of words) {
    client.say(each);
    await client.next("agent.llm.response.end");
  }
  return client;
}

async function get(server: ServerProcess, path: string): Promise<unknown> {
  const headers = { authorization: `Bearer ${TOKEN}` };
  return (await fetch(`${server.url}${path}`, { headers })).json();
}

/** What schemathesis asks with: ids that exist now and then, so that more than 404 is seen. */
async function writeConfig(folder: string, sessions: readonly string[]): Promise<string> {
  const file = join(folder, "schemathesis.toml");
  const lines = [
    `seed = ${SEED}`,
    "continue-on-failure = true",
    "warnings = false",
    "[generation]",
    `max-examples = ${MAX_EXAMPLES}`,
    `database = "none"`,
    "[dictionaries.known]",
    `values = ${JSON.stringify(sessions)}`,
    "[parameters]",
    ...["id", "session"].map((name) => `"path.${name}" = { dictionary = "known", probability = 0.7 }`),
    // What no schema can say: a cursor is one that was given out, `q` has a word, a picture has so many columns at most.
    ...STRICT.flatMap((path) => [
      "[[operations]]",
      `include-path = "${path}"`,
      `checks.positive_data_acceptance.expected-statuses = ["2xx", 400, 401, 403, 404, 409, 429]`,
    ]),
  ];
  await writeFile(file, `${lines.join("\n")}\n`);
  return file;
}

/** @returns whether it has found nothing. */
async function hold(
  server: ServerProcess,
  document: string,
  config: string,
  token: string | null,
): Promise<boolean> {
  const args = [
    ...["--config-file", config, "run", document, "--url", server.url],
    // The stream never ends; test/live/stream.test.ts reads it.
    ...["--exclude-path", "/live", "--checks", "all"],
    // It tries wrong tokens until it is told to wait, and takes that for a fault; test/http/api-docs.test.ts tries every route.
    ...["--exclude-checks", "ignored_auth"],
    ...(token === null ? [] : ["--header", `Authorization: Bearer ${token}`]),
  ];
  const child = spawn(resolve(program), args, { cwd: dirname(config), stdio: "inherit", timeout: GUARD_MS });
  const [code] = await once(child, "exit");
  return code === 0;
}

/** With a server of its own: wrong tokens that it asks with are slowed down. @returns whether it has found nothing. */
async function holdTo(name: string, env: Record<string, string>, token: string | null): Promise<boolean> {
  console.log(`\n== ${name}`);
  const folder = await mkdtemp(join(tmpdir(), "api-docs-"));
  const server = await startServerProcess({
    env: { HOST: "127.0.0.1", DATABASE_URL: `file:${join(folder, "calls.db")}`, LOG_LEVEL: "warn", ...env },
  });
  try {
    for (const [index, words] of STORED.entries())
      await (await call(server, words, `stored-${index}`)).close();
    const live = await call(server, LIVE, "live");
    await until(async () => ids.parse(await get(server, "/calls")).calls.length > STORED.length);
    const { calls } = ids.parse(await get(server, "/calls"));
    const known = calls.map(({ session_id }) => session_id);
    const config = await writeConfig(folder, known);
    const document = join(folder, "openapi.json");
    await writeFile(document, JSON.stringify(await get(server, "/docs/json")));
    const isFine = await hold(server, document, config, token);
    await live.close();
    const failed = server.output.includes("Request failed");
    if (failed) console.log(server.output);
    return isFine && !failed;
  } finally {
    await server.stop("SIGTERM");
    await rm(folder, { recursive: true, force: true });
  }
}

const tokens = { AUTH_TOKEN: TOKEN };
const results = [
  await holdTo("an admin's token", tokens, TOKEN),
  await holdTo("no token where one is asked for", tokens, null),
  await holdTo("no tokens are set", {}, null),
];
process.exitCode = results.every((isFine) => isFine) ? 0 : 1;
