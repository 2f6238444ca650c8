import assert from "node:assert/strict";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer } from "node:net";
import test, { describe } from "node:test";
import { z } from "zod";
import {
  freePort,
  type ServerProcess,
  type ServerProcessOptions,
  spawnServerProcess,
  startServerProcess,
} from "../support/server-process.ts";
import { VoiceClient } from "../support/voice-client.ts";

async function started(
  options: ServerProcessOptions,
  look: (server: ServerProcess) => Promise<void>,
): Promise<void> {
  const server = await startServerProcess(options);
  try {
    await look(server);
  } finally {
    await server.stop("SIGKILL");
  }
}

/** What the server has to say before it gives up. */
async function refusal(port: number, options: ServerProcessOptions): Promise<string> {
  const server = await spawnServerProcess(port, options);
  assert.equal(await server.exited, 1);
  assert.doesNotMatch(server.output, /^\s+at /m, "no stack trace");
  const said = server.output
    .split("\n")
    .filter((line) => line !== "" && !/FSTDEP|--trace-warnings/.test(line));
  assert.equal(said.length, 1, server.output);
  return said.join();
}

const readySchema = z.object({ status: z.string(), answers_from: z.string() });

describe("npm start", () => {
  test("is what these tests start", async () => {
    const packageJson = await readFile(new URL("../../package.json", import.meta.url), "utf8");
    assert.match(packageJson, /"start": "node --import tsx app\.ts"/);
  });

  test("with no key serves calls from the embedded model, log and /ready say so, and SIGTERM ends it with 0", async () => {
    await started({}, async (server) => {
      await server.nextLine(({ msg }) => msg === "Answers come from the embedded model");
      const ready = readySchema.parse(await (await fetch(`${server.url}/ready`)).json());
      assert.deepEqual(ready, { status: "ready", answers_from: "the embedded model" });
      const client = await VoiceClient.connect(server.wsUrl);
      assert.match((await client.turn("Where is my order?")).text, /order number/);
      await client.close();
      assert.equal(await server.stop("SIGTERM"), 0);
    });
  });

  test("reads .env in the working folder, the environment wins over it, and SIGINT ends it with 0", async () => {
    const dotenv = "OPENAI_BASE_URL=http://127.0.0.1:9/v1\nOPENAI_API_KEY=\nLOG_LEVEL=silent\nPORT=1\n";
    await started({ dotenv, env: { LOG_LEVEL: "info" } }, async (server) => {
      await server.nextLine(({ msg }) => msg === "Answers come from 127.0.0.1:9");
      const ready = readySchema.parse(await (await fetch(`${server.url}/ready`)).json());
      assert.equal(ready.answers_from, "127.0.0.1:9");
      assert.equal(await server.stop("SIGINT"), 0);
    });
  });
});

describe("npm start gives up with one line and exit code 1", () => {
  test("for a setting it cannot use, naming it", async () => {
    const said = await refusal(await freePort(), { env: { PORT: "eighty" } });
    assert.match(said, /^Cannot start with these settings: PORT: .*number/);
  });

  test("when the port is in use", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    const address = other.address();
    assert.ok(typeof address === "object" && address);
    try {
      const said = await refusal(address.port, { env: { HOST: "127.0.0.1", LOG_LEVEL: "error" } });
      assert.match(said, new RegExp(`in use.*127.0.0.1:${address.port}.*Set PORT`));
    } finally {
      other.close();
    }
  });
});
