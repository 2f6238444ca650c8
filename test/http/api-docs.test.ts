import assert from "node:assert/strict";
import type { AddressInfo } from "node:net";
import { after, before, describe, test } from "node:test";
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import { parseConfig } from "../../lib/config.ts";
import { createVoiceServer } from "../../lib/voice-server.ts";
import { ScriptedAgent, says } from "../support/nodes.ts";

const TOKEN = "ops-0123456789abcdef";

const operation = z.looseObject({
  security: z.array(z.record(z.string(), z.array(z.string()))),
  responses: z.record(z.string(), z.looseObject({})),
  requestBody: z.looseObject({}).optional(),
});
const documentWire = z.looseObject({ paths: z.record(z.string(), z.record(z.string(), operation)) });

describe("what the server says of its routes", () => {
  let app: FastifyInstance;
  let url: string;
  let paths: z.output<typeof documentWire>["paths"];
  before(async () => {
    const config = parseConfig({ LOG_LEVEL: "silent", DATABASE_URL: "file::memory:", AUTH_TOKEN: TOKEN });
    ({ app } = await createVoiceServer({
      config,
      setupSession: async (session) => {
        session.addNode(new ScriptedAgent(says("fine")));
        await session.start();
      },
    }));
    await app.listen({ host: "127.0.0.1", port: 0 });
    url = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`;
    const headers = { authorization: `Bearer ${TOKEN}` };
    const answer = await fetch(`${url}/docs/json`, { headers });
    ({ paths } = documentWire.parse(await answer.json()));
  });
  after(() => app.close());

  test("names every route that takes requests of programs, and no page, file or socket", () => {
    const acts = ["whisper", "say", "transfer", "end", "mute", "unmute", "take_over", "hand_back", "claim"];
    const rest = ["release", "acknowledge", "feedback", "suggest"];
    const expected = [
      ...["/", "/health", "/ready", "/metrics"],
      ...["/calls", "/calls/{id}", "/calls/{id}/report", "/calls.csv", "/calls.jsonl"],
      ...["/quality", "/quality/compare", "/v1/models", "/v1/chat/completions"],
      ...["/live", "/live/calls", "/live/calls/{session}"],
      ...[...acts, ...rest].map((act) => `/live/{session}/${act}`),
    ];
    for (const path of expected) assert.ok(path in paths, `${path} is missing`);
    for (const path of ["/ws", "/jambonz", "/console", "/talk", "/assets/*"])
      assert.ok(!(path in paths), path);
  });

  test("says which of them want a token, and what is answered without", async () => {
    for (const [path, operations] of Object.entries(paths)) {
      for (const [method, { security, responses }] of Object.entries(operations)) {
        const address = `${url}${path.replace(/\{\w+\}/, "x")}`;
        const answer = await fetch(address, { method });
        await answer.body?.cancel();
        assert.equal(answer.status === 401, security.length > 0, `${method} ${path}: ${answer.status}`);
        assert.ok(String(answer.status) in responses, `${method} ${path}: ${answer.status}`);
        if (security.length === 0) continue;
        // After many of them in a minute it is told to wait.
        const wrong = await fetch(address, {
          method,
          headers: { authorization: "Bearer none-of-this-servers" },
        });
        await wrong.body?.cancel();
        assert.match(String(wrong.status), /401|429/, `${method} ${path}`);
      }
    }
    assert.deepEqual(paths["/live"]?.get?.security, [{ token: [] }, { tokenInAddress: [] }]);
  });

  test("shows the bodies that acts take", () => {
    const body = JSON.stringify(paths["/live/{session}/whisper"]?.post?.requestBody);
    assert.match(body, /"text"/);
    assert.match(body, /"as"/);
  });

  test("answers another method with 405 and those that are taken, and an address that is none with 404", async () => {
    const put = await fetch(`${url}/calls/some`, {
      method: "PUT",
      body: "{",
      headers: { "content-type": "application/json" },
    });
    assert.equal(put.status, 405);
    assert.equal(put.headers.get("allow"), "GET, HEAD, DELETE");
    const { code } = z.looseObject({ code: z.string() }).parse(await put.json());
    assert.equal(code, "wrong_method");
    assert.equal((await fetch(`${url}/assets/no-such-file.js`)).status, 404);
    assert.equal((await fetch(`${url}/nothing`, { method: "POST" })).status, 404);
  });

  test("a call can be asked for by an id of three hundred characters", async () => {
    const headers = { authorization: `Bearer ${TOKEN}` };
    const answer = await fetch(`${url}/calls/${"x".repeat(300)}`, { headers });
    assert.match(await answer.text(), /There is no call x/);
  });
});
