import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import type { FastifyInstance } from "fastify";
import { parseConfig } from "../../lib/config.ts";
import { ConfigError } from "../../lib/errors.ts";
import { isRole } from "../../lib/http/roles.ts";
import { parseTokens } from "../../lib/http/token-list.ts";
import type { SetupSession } from "../../lib/session/session.ts";
import { createVoiceServer } from "../../lib/voice-server.ts";
import { EventReader } from "../support/event-reader.ts";
import { getJson } from "../support/get-json.ts";
import { ScriptedAgent, says } from "../support/nodes.ts";
import { fc } from "../support/property.ts";
import { until } from "../support/recorded-calls.ts";
import { withRuntime } from "../support/runtime-server.ts";
import { serverFor } from "../support/server-process.ts";
import { VoiceClient } from "../support/voice-client.ts";

const agent: SetupSession = async (session) => {
  session.addNode(new ScriptedAgent(says("fine")));
  await session.start();
};

const TOKENS = {
  caller: "platform-0123456789",
  viewer: "wall-0123456789abcd",
  agent: "desk-0123456789abcd",
  supervisor: "anna-0123456789abcd",
  admin: "ops-0123456789abcdef",
  scraper: "prometheus-01234567",
} as const;
type Role = keyof typeof TOKENS;
const ROLES = Object.keys(TOKENS).filter((role): role is Role => role in TOKENS);
const LIST = ROLES.map((role) => `${role} the-${role} ${TOKENS[role]}`).join(", ");
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

const voiceServer = async (env: Record<string, string>) => {
  const config = parseConfig({ LOG_LEVEL: "silent", DATABASE_URL: "file::memory:", ...env });
  const { app } = await createVoiceServer({ config, setupSession: agent });
  return app;
};

describe("a role", () => {
  let app: FastifyInstance;
  let host: string;
  before(async () => {
    app = await voiceServer({ TOKENS: LIST });
    await app.listen({ host: "127.0.0.1", port: 0 });
    host = `127.0.0.1:${(app.server.address() as AddressInfo).port}`;
  });
  after(() => app.close());

  /** Which roles a request is not turned away from, and that nobody is let in without a token. */
  const rolesLetIn = async (method: string, path: string): Promise<Role[]> => {
    const status = async (headers: Record<string, string>) => {
      const answer = await fetch(`http://${host}${path}`, { method, headers });
      await answer.body?.cancel();
      return answer.status;
    };
    assert.equal(await status({}), 401, `${method} ${path} without a token`);
    const statuses = await Promise.all(ROLES.map((role) => status(bearer(TOKENS[role]))));
    for (const one of statuses) assert.ok([200, 400, 403, 404].includes(one), `${method} ${path}: ${one}`);
    return ROLES.filter((_, index) => statuses[index] !== 403);
  };

  for (const [roles, requests] of [
    [
      ["viewer", "agent", "supervisor", "admin"],
      ["GET /calls", "GET /calls/x", "GET /calls/x/report", "GET /calls/x/review", "GET /quality"],
    ],
    [
      ["viewer", "agent", "supervisor", "admin"],
      ["GET /live", "GET /live/calls", "GET /live/calls/x"],
    ],
    [["supervisor", "admin"], ["whisper", "transfer", "end", "mute"].map((act) => `POST /live/x/${act}`)],
    [
      ["agent", "supervisor", "admin"],
      ["say", "take_over", "hand_back", "claim", "release", "acknowledge", "feedback", "suggest"].map(
        (act) => `POST /live/x/${act}`,
      ),
    ],
    [
      ["supervisor", "admin"],
      [
        "PUT /calls/x/review/verdicts/1",
        "PUT /calls/x/review/scorecard",
        "POST /calls/x/review/remarks",
        "DELETE /calls/x/review/remarks/y",
      ],
    ],
    [["admin"], ["DELETE /calls/x", "GET /calls.csv", "GET /calls.jsonl", "HEAD /calls.csv"]],
    [["admin", "scraper"], ["GET /metrics"]],
    [ROLES, ["GET /", "GET /docs/json"]],
  ] as const) {
    test(`${roles.join(", ")}: ${requests.join(", ")}`, async () => {
      for (const request of requests) {
        const [method = "", path = ""] = request.split(" ");
        assert.deepEqual(await rolesLetIn(method, path), roles, request);
      }
    });
  }

  test("caller, admin: calls; the others learn at the upgrade whose they would be", async () => {
    for (const role of ROLES) {
      const client = VoiceClient.connect(`ws://${host}/ws?token=${TOKENS[role]}`);
      if (role === "caller" || role === "admin") await (await client).close();
      else await assert.rejects(client, /403/, role);
    }
    const refusal = await getJson(`http://${host}/calls`, bearer(TOKENS.caller));
    assert.deepEqual(refusal, {
      statusCode: 403,
      code: "wrong_role",
      error: "Forbidden",
      message: "This takes the token of a viewer, agent, supervisor, or admin; the-caller's is a caller's",
    });
    assert.deepEqual(await getJson(`http://${host}/calls.csv`, bearer(TOKENS.agent)), {
      ...{ statusCode: 403, code: "wrong_role", error: "Forbidden" },
      message: "This takes the token of an admin; the-agent's is an agent's",
    });
  });

  test("is told by /live/calls whether it may steer", async () => {
    for (const role of ["viewer", "agent", "supervisor", "admin"] as const) {
      const picture = await getJson(`http://${host}/live/calls`, bearer(TOKENS[role]));
      const { can_supervise, can_speak, you } = JSON.parse(JSON.stringify(picture));
      const steers = role === "supervisor" || role === "admin";
      assert.deepEqual([can_supervise, can_speak, you], [steers, role !== "viewer", `the-${role}`], role);
    }
  });

  test("may come in the address where a browser can set no header, and only there", async () => {
    const stream = await EventReader.connect(`http://${host}/live?token=${TOKENS.viewer}`);
    await stream.close();
    for (const [method, path] of [
      ["GET", "/calls"],
      ["DELETE", "/calls/x"],
      ["GET", "/live/calls"],
      ["POST", "/live/x/end"],
      ["GET", "/metrics"],
    ] as const) {
      const answer = await fetch(`http://${host}${path}?token=${TOKENS.admin}`, { method });
      assert.equal(answer.status, 401, `${method} ${path}`);
    }
  });
});

test("the name behind a token is with every act: on the stream, in the record, and in the log when the record is gone", async (t) => {
  const server = await serverFor(t, { env: { TOKENS: LIST, DRAIN_TIMEOUT_MS: "0" } });
  const viewer = await EventReader.connect(`${server.url}/live`, bearer(TOKENS.viewer));
  const client = await VoiceClient.connect(server.wsUrl, { headers: bearer(TOKENS.caller) });
  client.join();
  const id = (await viewer.next("call.started")).data.session_id;
  const act = (path: string, method: string, token: string) =>
    fetch(`${server.url}${path}`, { method, headers: bearer(token) });
  assert.equal((await act(`/live/${id}/mute`, "POST", TOKENS.supervisor)).status, 200);
  assert.equal((await viewer.next("supervisor")).data.by, "the-supervisor");
  await client.close();
  const call = `${server.url}/calls/${id}`;
  await until(async () =>
    JSON.stringify(await getJson(call, bearer(TOKENS.viewer))).includes("client_closed"),
  );
  const record = await getJson(call, bearer(TOKENS.viewer));
  assert.match(JSON.stringify(record), /"action":"mute","text":null,"by":"the-supervisor"/);
  await (await act("/calls.jsonl", "GET", TOKENS.admin)).text();
  assert.equal((await server.nextLine(({ msg }) => msg === "Exports calls in full")).by, "the-admin");
  assert.equal((await act(`/calls/${id}`, "DELETE", TOKENS.admin)).status, 204);
  assert.equal((await server.nextLine(({ msg }) => msg === `Deleted the call ${id}`)).by, "the-admin");
  await viewer.close();
  for (const token of Object.values(TOKENS)) assert.ok(!server.output.includes(token));
});

describe("TOKENS_FILE", () => {
  const NEW = "bert-0123456789abcdef";

  for (const [how, env] of [
    ["SIGHUP", {}],
    ["SIGHUP, in every worker", { WORKERS: "2" }],
    ["a change of the file", {}],
  ] as const) {
    test(`is read again on ${how}: what it no longer names is shut out, calls go on`, async (t) => {
      const folder = await mkdtemp(join(tmpdir(), "tokens-"));
      t.after(() => rm(folder, { recursive: true }));
      const file = join(folder, "tokens");
      await writeFile(
        file,
        `caller platform ${TOKENS.caller} # of the platform\nviewer wall ${TOKENS.viewer}\n`,
      );
      const server = await serverFor(t, { env: { TOKENS_FILE: file, DRAIN_TIMEOUT_MS: "0", ...env } });
      const status = async (token: string) =>
        (await fetch(`${server.url}/calls`, { headers: bearer(token) })).status;
      const viewer = await EventReader.connect(`${server.url}/live`, bearer(TOKENS.viewer));
      const client = await VoiceClient.connect(server.wsUrl, { headers: bearer(TOKENS.caller) });
      assert.deepEqual([await status(TOKENS.viewer), await status(NEW)], [200, 401]);

      await writeFile(file, `caller platform ${NEW}-2\nviewer wall ${NEW}\n`);
      if (how !== "a change of the file") server.signal("SIGHUP");
      await server.nextLine(({ msg }) => msg === "Reloaded the tokens");
      if ("WORKERS" in env) await server.nextLine(({ msg }) => msg === "Reloaded the tokens");
      await viewer.closed;
      assert.deepEqual([await status(TOKENS.viewer), await status(NEW)], [401, 200]);
      assert.notEqual((await client.turn("Where is my order?")).text, "");

      await writeFile(file, "viewer wall\n");
      server.signal("SIGHUP");
      const refused = await server.nextLine(
        ({ msg }) => msg === "The new tokens cannot be used: the old ones stay valid",
      );
      assert.match(JSON.stringify(refused), /TOKENS_FILE, entry 1: expected `role name token`/);
      assert.equal(await status(NEW), 200);
      await client.close();
      assert.ok(!server.output.includes(NEW) && !server.output.includes(TOKENS.viewer));
    });
  }
});

describe("a list of tokens", () => {
  test("that cannot be used is refused with the place and the reason, and without the token", () => {
    for (const [list, reason] of [
      [
        "owner anna 0123456789abcdef",
        /TOKENS, entry 1 \(anna\): the role must be one of caller, viewer, agent/,
      ],
      ["viewer anna tooshort", /TOKENS, entry 1 \(anna\): use at least 16 characters/],
      ["# nobody\nviewer a 0123456789abcdef\nviewer 0123456789abcdef", /TOKENS, entry 2: expected/],
    ] as const) {
      assert.throws(
        () => parseConfig({ TOKENS: list }),
        (error: unknown) => {
          assert.ok(error instanceof ConfigError);
          assert.match(error.message, reason);
          return !/0123456789abcdef|tooshort/.test(error.message);
        },
      );
    }
  });

  test("is read back as it was written, whatever blanks and remarks stand between", () => {
    const word = fc.stringMatching(/^[\w.@-]{1,64}$/);
    const token = fc.stringMatching(/^[!-+\--~]{16,80}$/).filter((text) => !text.includes("#"));
    const role = fc.constantFrom(...ROLES);
    const entry = fc.record({ role, name: word, token }, { noNullPrototype: true });
    const gap = fc.constantFrom(" ", "\t", "   ");
    const separator = fc.constantFrom("\n", ",", " , ", "\r\n", " # a remark, with a comma\n", "\n\n");
    fc.assert(
      fc.property(fc.array(fc.tuple(entry, gap, separator)), (entries) => {
        const text = entries.map(
          ([{ role, name, token }, blank, end]) => [role, name, token].join(blank) + end,
        );
        assert.deepEqual(
          parseTokens(text.join(""), "here"),
          entries.map(([one]) => one),
        );
      }),
    );
    assert.ok(!isRole("toString"));
  });

  test("with one token twice is refused at the start", async () => {
    const env = { TOKENS: `viewer a ${TOKENS.viewer}`, CALL_TOKEN: TOKENS.viewer };
    await withRuntime(agent, async () => assert.fail("it started"), env).then(
      () => assert.fail("it started"),
      (error: unknown) => assert.match(String(error), /a and caller have the same token/),
    );
  });
});

describe("without any token", () => {
  const STRANGER = "203.0.113.7";
  let app: FastifyInstance;
  before(async () => {
    app = await voiceServer({ ALLOWED_HOSTS: "voice.example.com" });
    await app.ready();
  });
  after(() => app.close());

  const ask = async (
    method: "GET" | "DELETE" | "POST",
    url: string,
    remoteAddress: string,
    headers: Record<string, string> = {},
  ) => {
    const answer = await app.inject({
      method,
      url,
      remoteAddress,
      headers: { host: "127.0.0.1:8080", ...headers },
    });
    const code: unknown = answer.statusCode === 403 ? answer.json().code : undefined;
    return [answer.statusCode, ...(code === undefined ? [] : [code])];
  };

  test("only this machine reads, exports and deletes", async () => {
    for (const [method, url] of [
      ["GET", "/calls"],
      ["GET", "/calls/x"],
      ["GET", "/calls.csv"],
      ["GET", "/quality"],
      ["GET", "/live/calls"],
      ["GET", "/metrics"],
      ["DELETE", "/calls/x"],
    ] as const) {
      assert.deepEqual(await ask(method, url, STRANGER), [403, "local_only"], url);
      for (const local of ["127.0.0.1", "::1", "::ffff:127.0.0.1"]) {
        assert.ok([200, 404].includes(Number((await ask(method, url, local))[0])), url);
      }
      // The address is the proxy's: it says nothing about who asks.
      assert.deepEqual(await ask(method, url, "127.0.0.1", { "x-forwarded-for": STRANGER }), [
        403,
        "local_only",
      ]);
    }
    for (const url of ["/", "/health", "/ready", "/console"]) {
      assert.deepEqual(await ask("GET", url, STRANGER), [200], url);
    }
    assert.deepEqual(await ask("POST", "/live/x/end", "127.0.0.1"), [403, "supervision_off"]);
  });

  test("a name that a stranger has made point here (DNS rebinding) opens nothing", async () => {
    for (const host of [
      "evil.example",
      "evil.example:8080",
      "127.0.0.1.evil.example",
      "localhost.evil.example",
      "a b",
    ]) {
      assert.deepEqual(await ask("GET", "/calls", "127.0.0.1", { host }), [403, "unknown_host"], host);
      const page = { host, origin: `http://${host}` };
      if (host !== "a b")
        assert.equal((await ask("DELETE", "/calls/x", "127.0.0.1", page))[1], "unknown_host");
    }
    for (const host of [
      "localhost",
      "localhost:8080",
      "dev.localhost",
      "[::1]:80",
      "192.168.1.5",
      "Voice.Example.com",
    ]) {
      assert.deepEqual(await ask("GET", "/calls", "127.0.0.1", { host }), [200], host);
    }
  });
});

test("without a token a page of a strange name may not call; a program may, by any name", async () => {
  await withRuntime(agent, async ({ wsUrl }) => {
    const { port } = new URL(wsUrl);
    const host = `evil.example:${port}`;
    const page = VoiceClient.connect(wsUrl, { headers: { host, origin: `http://${host}` } });
    await assert.rejects(page, /403/);
    for (const headers of [{ host }, { host: `192.168.1.5:${port}` }, { host: "agent" }]) {
      const client = await VoiceClient.connect(wsUrl, { headers });
      assert.equal((await client.turn("hi")).text, "fine");
      await client.close();
    }
  });
});

test("AUTH_TOKEN alone opens everything, and the start says so; with another beside it, it does not", async () => {
  const warnings = async (env: Record<string, string>) => {
    let found: string[] = [];
    await withRuntime(
      agent,
      async ({ lines }) => {
        found = lines.filter(({ level }) => level >= 40).map(({ msg }) => msg ?? "");
      },
      env,
    );
    return found;
  };
  const [alone, ...more] = await warnings({ AUTH_TOKEN: TOKENS.admin });
  assert.match(alone ?? "", /AUTH_TOKEN opens everything: calls, and reading, steering and deleting/);
  assert.deepEqual(more, []);
  assert.deepEqual(await warnings({ AUTH_TOKEN: TOKENS.admin, CALL_TOKEN: TOKENS.caller }), []);
  assert.match((await warnings({ TOKENS: `viewer a ${TOKENS.viewer}` }))[0] ?? "", /No token opens calls/);
});

test("wrong tokens are counted, logged without the token, and slowed down, but not for who has been right before", async () => {
  await withRuntime(
    agent,
    async ({ url, lines }) => {
      const ask = (token: string) => fetch(url, { headers: bearer(token) });
      assert.equal((await ask(TOKENS.viewer)).status, 200);
      const statuses: number[] = [];
      for (let n = 1; n <= 25; n += 1) statuses.push((await ask(`guess-number-${n}`)).status);
      assert.deepEqual(statuses, [...Array(20).fill(401), ...Array(5).fill(429)]);
      const late = await ask(TOKENS.supervisor);
      assert.equal(late.status, 429, "not looked at: it has not been right from here");
      assert.ok(Number(late.headers.get("retry-after")) > 0);
      assert.equal((await ask(TOKENS.viewer)).status, 200);
      const logged = lines.filter(({ msg }) => msg === "A wrong token");
      assert.deepEqual(
        logged.map(({ wrongTokens, address }) => [wrongTokens, address]),
        [1, 2, 4, 8, 16].map((count) => [count, "127.0.0.1"]),
      );
      assert.ok(!JSON.stringify(lines).includes("guess-number"));
    },
    { TOKENS: LIST },
  );
});

test("wrong tokens are among the figures", async () => {
  await withRuntime(
    agent,
    async ({ url }) => {
      for (const token of ["wrong-1", "wrong-2"]) await fetch(url, { headers: bearer(token) });
      const figures = await fetch(`${url}/metrics`, { headers: bearer(TOKENS.scraper) });
      assert.match(await figures.text(), /^voice_agent_wrong_tokens_total 2$/m);
    },
    { TOKENS: LIST },
  );
});
