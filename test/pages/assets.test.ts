import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
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
        const path = new URL(url, `http://server/assets/${file}`).pathname;
        const { statusCode } = await app.inject({ url: path });
        assert.equal(statusCode, 200, `${file} names ${url}`);
      }
    }
  });
});
