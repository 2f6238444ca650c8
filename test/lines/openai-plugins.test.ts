import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import test from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { z } from "zod";
import { startLineServer, TRANSFER_NUMBER } from "../support/line-server.ts";
import { CALL_TOKEN } from "../support/phones.ts";

const PYTHON = fileURLToPath(new URL("../../.venv-openai-plugins/bin/python", import.meta.url));
const SCRIPT = fileURLToPath(new URL("../support/openai-plugins.py", import.meta.url));
const has = existsSync(PYTHON);
if (!has && process.env.CI)
  throw new Error("CI needs LiveKit's and Pipecat's plug-ins, run .ci/python openai-plugins");
const skip =
  !has && "skipped without LiveKit's and Pipecat's plug-ins: .ci/python openai-plugins installs them";

const heard = z.array(
  z.object({ text: z.string(), calls: z.array(z.tuple([z.string(), z.looseObject({})])) }),
);
const output = z.object({ livekit: heard, pipecat: heard });

test("the OpenAI plug-ins of LiveKit and Pipecat get answers, and the hand-off in the same turn by their own tool", {
  skip,
}, async (t) => {
  const server = await startLineServer();
  t.after(() => server.close());
  const { stdout } = await promisify(execFile)(PYTHON, [SCRIPT, `${server.url}/v1`, CALL_TOKEN]);
  const by = output.parse(JSON.parse(stdout.trim().split("\n").at(-1) ?? ""));
  for (const platform of ["livekit", "pipecat"] as const) {
    const [first, second, last] = by[platform];
    assert.deepEqual(first, { text: "Answer to: where is my order", calls: [] }, platform);
    assert.deepEqual(second, { text: "Answer to: I am frustrated", calls: [] }, platform);
    assert.match(last?.text ?? "", /Let me connect you with a supervisor/, platform);
    const [name, { destination, reason }] = last?.calls[0] ?? ["", {}];
    assert.deepEqual([name, destination], ["transfer_call", TRANSFER_NUMBER], platform);
    assert.match(String(reason), /supervisor/, platform);
    const { turns } = await server.record(`${platform}-call`, (call) => call.escalation !== null);
    assert.equal(turns.filter(({ role }) => role === "user").length, 3, platform);
  }
});
