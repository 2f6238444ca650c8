import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import Fastify, { type FastifyInstance } from "fastify";
import { pages } from "../../lib/http/pages.ts";

const PUBLIC = fileURLToPath(new URL("../../public/", import.meta.url));

describe("the pages' files", () => {
  /** Whether each request so far was for a route that needs no token. */
  const wasPublic: boolean[] = [];
  let app: FastifyInstance;

  before(async () => {
    app = Fastify();
    app.addHook("onRequest", async ({ routeOptions }) => {
      wasPublic.push(routeOptions.config.access === "public");
    });
    // The server's own, which the page at / names.
    app.get("/ready", { config: { access: "public" } }, async () => ({}));
    await app.register(pages);
    await app.ready();
  });
  after(() => app.close());

  test("both pages and the files of others are served, each as what it is, without a token", async () => {
    for (const [url, type] of [
      ["/console", "text/html"],
      ["/talk", "text/html"],
      ["/assets/style.css", "text/css"],
      ["/assets/vendor/htm.js", "(text|application)/javascript"],
      ["/assets/vendor/htm-core.js", "(text|application)/javascript"],
      ["/assets/vendor/preact.js", "(text|application)/javascript"],
      ["/assets/vendor/uplot.js", "(text|application)/javascript"],
      ["/assets/vendor/uplot.css", "text/css"],
    ] as const) {
      const answer = await app.inject({ url });
      assert.equal(answer.statusCode, 200, url);
      assert.match(String(answer.headers["content-type"]), new RegExp(`^${type}`), url);
    }
    assert.deepEqual(new Set(wasPublic), new Set([true]));
  });

  test("a page is found with a slash at its end, too", async () => {
    for (const page of ["/console", "/talk"]) {
      const answer = await app.inject({ url: `${page}/` });
      assert.deepEqual([answer.statusCode, answer.headers.location], [308, page]);
    }
  });

  test("what a page names may be kept for ever, and is compressed; the page itself is asked for again", async () => {
    for (const page of ["/", "/console", "/talk"]) {
      const answer = await app.inject({ url: page, headers: { accept: "text/html" } });
      assert.equal(answer.headers["cache-control"], "no-cache", page);
      const again = await app.inject({
        url: page,
        headers: { accept: "text/html", "if-none-match": String(answer.headers.etag) },
      });
      assert.deepEqual([again.statusCode, again.body], [304, ""], page);
      const named = [...answer.body.matchAll(/(?:src|href)="(\/assets\/[^"]+)"/g)].map(
        ([, url]) => url ?? "",
      );
      assert.ok(named.length > 2);
      for (const url of named) {
        const plain = await app.inject({ url });
        assert.equal(plain.headers["cache-control"], "public, max-age=31536000, immutable", url);
        for (const [encoding, open] of [
          ["br", brotliDecompressSync],
          ["gzip", gunzipSync],
        ] as const) {
          const packed = await app.inject({ url, headers: { "accept-encoding": `deflate, ${encoding}` } });
          if (packed.headers["content-encoding"] === undefined) {
            assert.ok(plain.rawPayload.length < 600, url);
          } else {
            assert.equal(packed.headers["content-encoding"], encoding);
            assert.ok(packed.rawPayload.length < plain.rawPayload.length, url);
            assert.deepEqual(open(packed.rawPayload), plain.rawPayload, url);
          }
        }
      }
    }
  });

  test("a page has its modules in a file or two and its styles in one, and no code of charts", async () => {
    for (const page of ["/console", "/talk"]) {
      const { body } = await app.inject({ url: page });
      const named = [...body.matchAll(/(?:src|href)="(\/assets\/[^"]+\.(?:js|css))"/g)].map(
        ([, url]) => url ?? "",
      );
      assert.equal(named.filter((url) => url.endsWith(".css")).length, 1, page);
      assert.ok(named.length <= 4, `${page}: ${named}`);
      const code = await Promise.all(named.map(async (url) => (await app.inject({ url })).body));
      assert.ok(
        code.every((text) => !text.includes("uPlot(")),
        `${page} loads the charts at its start`,
      );
      // What its files import is there, too, be it at once or later.
      for (const [index, text] of code.entries()) {
        for (const [, from = ""] of text.matchAll(/(?:from|import)\s*\(?"(\.[^"]+)"/g)) {
          const path = new URL(from, `http://server${named[index]}`).pathname;
          assert.equal((await app.inject({ url: path })).statusCode, 200, path);
        }
      }
    }
  });

  test("a name with the hash of something else is not served", async () => {
    assert.equal((await app.inject({ url: "/assets/0123456789/style.css" })).statusCode, 404);
  });

  test("programs that do not want a page at / get what the server says itself", async () => {
    const server = Fastify();
    server.get("/", async () => ({ name: "a server" }));
    await server.register(pages);
    const as = async (accept: string) =>
      (await server.inject({ url: "/", headers: { accept } })).headers["content-type"];
    assert.match(String(await as("text/html,*/*;q=0.8")), /^text\/html/);
    assert.match(String(await as("*/*")), /^application\/json/);
    await server.close();
  });

  test("nothing else is: no folder, no other file of a package, nothing above", async () => {
    for (const url of [
      "/assets/",
      "/assets/vendor/package.json",
      "/assets/vendor/standalone.mjs",
      "/assets/../package.json",
      "/assets/%2e%2e/package.json",
      "/assets/..%2fapp.ts",
    ]) {
      const { statusCode } = await app.inject({ url });
      assert.ok(statusCode >= 400 && statusCode < 500, `${url}: ${statusCode}`);
    }
  });

  test("every file a page names is there, and none comes from another host", async () => {
    const files = await readdir(PUBLIC, { recursive: true });
    for (const file of files.filter((name) => /\.(html|js|css)$/.test(name))) {
      const text = await readFile(PUBLIC + file, "utf8");
      assert.doesNotMatch(text, /(?:src|href)="(?:https?:)?\/\/|from "https?:|url\(/, file);
      for (const [, url = ""] of text.matchAll(/(?:(?:src|href)="|from "|import\(")([^"$]+)"/g)) {
        // Types are named in comments alone.
        if (url.endsWith(".d.ts")) continue;
        const path = new URL(url, `http://server/assets/${file}`).pathname;
        const { statusCode } = await app.inject({ url: path });
        assert.equal(statusCode, 200, `${file} names ${url}`);
      }
    }
  });
});
