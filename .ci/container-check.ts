import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { z } from "zod";
import { findCli, startCli } from "../test/support/cli.ts";
import { freePort } from "../test/support/server-process.ts";
import { VoiceClient } from "../test/support/voice-client.ts";

/*
 * Runs an unpacked image as an engine would with a read-only root: node container-check.ts ROOT INSPECTED.json
 */

const [root, inspected] = process.argv.slice(2);
assert.ok(root && inspected, "usage: container-check.ts ROOT INSPECTED.json");

const imageSchema = z.object({
  Docker: z.object({
    config: z.object({
      User: z.string(),
      Env: z.array(z.string()),
      Cmd: z.array(z.string()),
      Entrypoint: z.array(z.string()).nullish(),
      WorkingDir: z.string(),
      Volumes: z.record(z.string(), z.unknown()),
      Healthcheck: z.object({ Test: z.tuple([z.literal("CMD")], z.string()) }),
    }),
  }),
});
const { config } = imageSchema.parse(JSON.parse(readFileSync(inspected, "utf8"))).Docker;

assert.deepEqual(config.Entrypoint ?? [], [], "an entry point would be PID 1 in node's place");
assert.equal(config.Cmd[0], "node", "PID 1 has to be node");
assert.match(config.User, /^[1-9]\d*:/, "the user has to be a number other than 0");
assert.deepEqual(Object.keys(config.Volumes), ["/data"]);
const shipped = readdirSync(join(root, config.WorkingDir));
for (const unwanted of [".env", ".git", ".ci", "test", "data"]) {
  assert.ok(!shipped.includes(unwanted), `${unwanted} is in the image`);
}
assert.ok(!readdirSync(join(root, config.WorkingDir, "node_modules")).includes("typescript"));

/** Makes the mounts in a namespace of its own, so that they are gone with the process, and becomes the command. */
const SCRIPT = `
set -e
root=$1; folder=$2; user=$3; shift 3
mount --bind "$root" "$root"
mount -t tmpfs -o mode=755,uid=\${user%%:*} data "$root/data"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount -o remount,bind,ro "$root"
exec setpriv --no-new-privs chroot --userspec="$user" "$root" /usr/bin/env -i -C "$folder" "$@"
`;

function runInImage(env: string[], command: string[]): ChildProcess {
  const { User, WorkingDir, Env } = config;
  return spawn(
    "unshare",
    ["--mount", "sh", "-c", SCRIPT, "sh", root ?? "", WorkingDir, User, ...Env, ...env, ...command],
    { stdio: ["ignore", "inherit", "inherit"] },
  );
}

async function exitOf(child: ChildProcess, guardMs: number, what: string): Promise<number | null> {
  const ended = once(child, "close");
  const late = Symbol("late");
  const result = await Promise.race([ended, delay(guardMs, late, { ref: false })]);
  assert.ok(typeof result !== "symbol", `${what} has not ended in ${guardMs} ms`);
  return z.number().nullable().parse(child.exitCode);
}

async function healthy(port: string): Promise<boolean> {
  const child = runInImage([port], config.Healthcheck.Test.slice(1));
  return (await exitOf(child, 20_000, "the health check")) === 0;
}

console.log(`container: as ${config.User}, ${config.Cmd.join(" ")}`);
const readOnly = runInImage([], ["sh", "-c", "! touch /app/x 2>&- && ! touch /tmp/x 2>&- && touch /data/x"]);
assert.equal(await exitOf(readOnly, 10_000, "touch"), 0, "everything but /data has to be read-only");

const port = await freePort();
const portVariable = `PORT=${port}`;
assert.equal(await healthy(portVariable), false, "the health check passes with no server");
const server = runInImage([portVariable], config.Cmd);
try {
  const url = `http://127.0.0.1:${port}`;
  const ready = async () => (await fetch(`${url}/ready`).catch(() => null))?.ok ?? false;
  for (let tries = 0; tries < 300 && server.exitCode === null && !(await ready()); tries += 1)
    await delay(100);
  assert.equal((await fetch(`${url}/health`)).status, 200);
  assert.ok(await healthy(portVariable), "the image's own health check fails");
  console.log("container: healthy");

  console.log(`container: answered: ${await oneTurn(`ws://127.0.0.1:${port}/ws`)}`);

  const started = performance.now();
  server.kill("SIGTERM");
  assert.equal(await exitOf(server, 2_000, "the idle server"), 0);
  console.log(`container: ended ${Math.round(performance.now() - started)} ms after SIGTERM`);
} finally {
  server.kill("SIGKILL");
}

/** What the agent answers the real command line client, or our own where that is not installed. */
async function oneTurn(url: string): Promise<string> {
  const question = "Where is my order?";
  if (findCli("5") === null) {
    const client = await VoiceClient.connect(url);
    const { text } = await client.turn(question);
    await client.close();
    assert.notEqual(text, "");
    return text;
  }
  const cli = await startCli({ version: "5", url });
  const { text } = await cli.ask(question);
  assert.equal(await cli.exit(), 0);
  assert.notEqual(text, "");
  return text;
}
