import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { type RuntimeServer, startRuntime } from "../support/runtime-server.ts";

const LONG = {
  calls: Array.from({ length: 200 }, (_, n) => ({ session_id: `call ${n}`, words: "für Sie" })),
};
const TEXT = JSON.stringify(LONG);

describe("what a route answers", () => {
  let server: RuntimeServer;

  before(async () => {
    server = await startRuntime(
      async (session) => session.start(),
      {},
      {
        plugins: async (app) => {
          const open = { config: { access: "public" } } as const;
          app.get("/long", open, async (_request, reply) => reply.header("vary", "accept").send(LONG));
          app.get("/short", open, async () => ({ status: "ok" }));
          app.get("/bytes", open, async () => Buffer.from(TEXT));
        },
      },
    );
  });
  after(() => server?.close());

  const ask = (path: string, accepted: string, method = "GET") =>
    fetch(server.url + path, { method, headers: { "accept-encoding": accepted } });

  test("is compressed the way the client takes best, and is the same", async () => {
    for (const [accepted, encoding] of [
      ["gzip, deflate, br", "br"],
      ["gzip", "gzip"],
      ["br;q=0, gzip;q=0.5", "gzip"],
      ["identity", null],
    ] as const) {
      const response = await ask("/long", accepted);
      assert.equal(response.headers.get("content-encoding"), encoding, accepted);
      assert.equal(response.headers.get("vary"), "accept, accept-encoding");
      const bytes = Number(response.headers.get("content-length"));
      assert.ok(encoding === null ? bytes === Buffer.byteLength(TEXT) : bytes < TEXT.length / 4, `${bytes}`);
      assert.equal(await response.text(), TEXT);
    }
  });

  test("has the same headers when only they are asked for", async () => {
    const response = await ask("/long", "br", "HEAD");
    assert.equal(response.headers.get("content-encoding"), "br");
    assert.equal(await response.text(), "");
  });

  test("stays as it is when it is short, or bytes of the route's own", async () => {
    for (const path of ["/short", "/bytes"]) {
      const response = await ask(path, "br");
      assert.equal(response.headers.get("content-encoding"), null, path);
      assert.equal(response.status, 200);
      await response.arrayBuffer();
    }
  });
});
