import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import { z } from "zod";
import { near } from "../../lib/llm/check.ts";
import { logsIn, nextLog } from "../support/example.ts";
import { type MockLlm, type Reply, startMockLlm } from "../support/mock-llm.ts";
import { freePort, type ServerProcess, startServerProcess } from "../support/server-process.ts";
import { VoiceClient } from "../support/voice-client.ts";

const KEY = "sk-very-secret";

const readySchema = z.object({
  status: z.string(),
  reason: z.string().optional(),
  models: z.array(
    z.object({
      variable: z.string(),
      model: z.string(),
      asked_differently: z.array(z.string()),
      problem: z.string().nullable(),
    }),
  ),
});

async function start(
  t: TestContext,
  baseUrl: string,
  env: Record<string, string> = {},
): Promise<ServerProcess> {
  const server = await startServerProcess({
    env: { HOST: "127.0.0.1", OPENAI_BASE_URL: baseUrl, OPENAI_API_KEY: KEY, MODEL_CHECK: "true", ...env },
  });
  t.after(async () => {
    await server.stop();
    assert.ok(!server.output.includes(KEY), "the log quotes the key");
  });
  return server;
}

async function mockOf(t: TestContext): Promise<MockLlm> {
  const mock = await startMockLlm();
  t.after(() => mock.close());
  return mock;
}

const ready = async ({ url }: ServerProcess) => readySchema.parse(await (await fetch(`${url}/ready`)).json());
const refusal = (status: number, error: object): Reply => ({ kind: "error", status, body: { error } });

describe("the check of the models at the start", () => {
  test("learns what a model takes before the first call, says it in a line and on /ready", async (t) => {
    const mock = await mockOf(t);
    const fussy = ({ body }: { body: { temperature?: number | null | undefined } }): Reply | null =>
      body.temperature === undefined
        ? null
        : refusal(400, { message: "Unsupported value: 'temperature'", param: "temperature" });
    mock.onChat((request) => fussy(request) ?? "Here I am.");
    mock.onSentiment((request) => fussy(request) ?? "neutral");
    const server = await start(t, mock.baseUrl, { AGENT_MODEL: "fussy", SENTIMENT_MODEL: "fussy" });
    await server.nextLine(({ msg }) =>
      /AGENT_MODEL fussy at .* answers.*without temperature/.test(String(msg)),
    );
    const lessons = server.lines.filter(({ msg }) => String(msg).includes("asked differently from now on"));
    assert.equal(lessons.length, 1);
    const { status, models } = await ready(server);
    assert.equal(status, "ready");
    assert.deepEqual(
      models.map(({ variable, asked_differently }) => [variable, asked_differently]),
      [
        ["AGENT_MODEL", ["without temperature"]],
        ["SENTIMENT_MODEL", ["without temperature"]],
      ],
    );
    const asked = mock.requests.length;
    const client = await VoiceClient.connect(server.wsUrl);
    assert.equal((await client.turn("Where is my order?")).text, "Here I am.");
    if (logsIn(client.frames, "sentiment").length === 0) await nextLog(client, "sentiment");
    assert.equal(mock.requests.length, asked + 2, "a caller has waited for a lesson");
    await client.close();
  });

  for (const { what, reply, says } of [
    {
      what: "the key",
      reply: refusal(401, { message: `Incorrect API key provided: ${KEY}` }),
      says: /the server refuses the key: check OPENAI_API_KEY/,
    },
    {
      what: "the quota",
      reply: refusal(429, { message: "You exceeded your current quota", code: "insufficient_quota" }),
      says: /no quota or credit left/,
    },
    {
      what: "the model's name, and names like it",
      reply: refusal(404, { message: "The model `mok-model` does not exist", code: "model_not_found" }),
      says: /knows no model of that name; it has mock-model$/,
    },
  ] satisfies { what: string; reply: Reply; says: RegExp }[]) {
    test(`says what is wrong: ${what}`, async (t) => {
      const mock = await mockOf(t);
      mock.onChat(() => reply);
      const server = await start(t, mock.baseUrl, { AGENT_MODEL: "mok-model" });
      const { msg } = await server.nextLine(
        ({ level, msg: line }) => level === 50 && says.test(String(line)),
      );
      assert.match(String(msg), /^AGENT_MODEL mok-model at 127\.0\.0\.1:\d+: /);
      const { status, reason } = await ready(server);
      assert.equal(status, "degraded");
      assert.match(reason ?? "", says);
      // It has passed when the model answers.
      mock.onChat(() => "Here I am.");
      const client = await VoiceClient.connect(server.wsUrl);
      await client.turn("Hello?");
      assert.equal((await ready(server)).status, "ready");
      await client.close();
    });
  }

  test("says what is wrong: the address", async (t) => {
    const server = await start(t, `http://127.0.0.1:${await freePort()}/v1`, { LLM_TIMEOUT_MS: "3000" });
    await server.nextLine(({ msg }) => /nobody answers there: check OPENAI_BASE_URL/.test(String(msg)));
  });

  test("is not made with MODEL_CHECK=false, nor of the embedded model", async (t) => {
    const mock = await mockOf(t);
    await start(t, mock.baseUrl, { MODEL_CHECK: "false" });
    const embedded = await startServerProcess({ env: { MODEL_CHECK: "true" } });
    t.after(() => embedded.stop());
    assert.equal(mock.requests.length, 0);
    assert.deepEqual((await ready(embedded)).models, []);
  });
});

test("the names nearest to a wrong one come first", () => {
  const names = [
    "text-embedding-3-small",
    "gpt-5.4",
    "gpt-5.4-mini",
    "gpt-5.4-nano",
    "gpt-6-sol",
    "gpt-6-luna",
  ];
  assert.equal(near("gpt-6-lunar", names)[0], "gpt-6-luna");
  assert.deepEqual(near("gpt5.4mini", names).length, 4);
  assert.equal(near("gpt5.4mini", names)[0], "gpt-5.4-mini");
});
