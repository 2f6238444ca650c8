import { fileURLToPath } from "node:url";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { type Asset, Assets, encode, encodingFor } from "./assets.ts";
import { Bundles } from "./bundles.ts";
import { chooseEncoding, varyBy } from "./encodings.ts";

const PUBLIC = fileURLToPath(new URL("../../public", import.meta.url));

/** The files of other people's that the pages load, by the name they are served under. */
const VENDOR = {
  "htm-core.js": import.meta.resolve("htm"),
  "preact.js": import.meta.resolve("htm/preact/standalone"),
  "uplot.js": import.meta.resolve("uplot/dist/uPlot.esm.js"),
  "uplot.css": import.meta.resolve("uplot/dist/uPlot.min.css"),
};

const FOR_EVER = "public, max-age=31536000, immutable";
/** Kept, and asked about each time. */
const ASK_AGAIN = "no-cache";

/** By where a page is, its folder. */
const PAGES = { "/": "home", "/console": "console", "/talk": "talk" } as const;

/**
 * The pages for people, `/`, `/console` and `/talk`, and what they load from `/assets/`. They hold no data, so they are
 * public; what they show comes from the routes beside them, which ask for a token.
 */
export async function pages(app: FastifyInstance): Promise<void> {
  app.addHook("onRoute", (route) => {
    route.config = { ...route.config, access: "public" };
  });
  const vendor = Object.fromEntries(Object.entries(VENDOR).map(([name, url]) => [name, fileURLToPath(url)]));
  const assets = new Assets(PUBLIC, vendor);
  const bundles = new Bundles(assets, Object.values(PAGES));

  app.get<{ Params: { "*": string } }>(`${assets.prefix}*`, async (request, reply) => {
    const name = request.params["*"];
    return send(request, reply, assets.find(name) ?? (await bundles.find(name)), FOR_EVER);
  });
  app.get<{ Params: { "*": string } }>("/assets/*", (request, reply) =>
    send(request, reply, assets.find(request.params["*"]), ASK_AGAIN),
  );

  // Programs that ask for `/` get JSON.
  app.addConstraintStrategy({
    name: "accepts",
    storage: () => {
      const handlers = new Map();
      return { get: (key) => handlers.get(key) ?? null, set: (key, handler) => handlers.set(key, handler) };
    },
    deriveConstraint: ({ headers }) => (headers.accept?.includes("text/html") ? "html" : "other"),
  });
  for (const [path, name] of Object.entries(PAGES)) {
    if (path === "/") {
      app.get(path, { constraints: { accepts: "html" } }, async (request, reply) =>
        send(request, reply.header("vary", "accept"), await bundles.page(name), ASK_AGAIN),
      );
    } else {
      app.get(path, async (request, reply) => send(request, reply, await bundles.page(name), ASK_AGAIN));
      app.get(`${path}/`, (_request, reply) => reply.redirect(path, 308));
    }
  }
}

async function send(request: FastifyRequest, reply: FastifyReply, asset: Asset | null, kept: string) {
  if (asset === null) return reply.callNotFound();
  const encoding = encodingFor(asset, chooseEncoding(request.headers["accept-encoding"]));
  varyBy(reply, "accept-encoding");
  reply.header("cache-control", kept).header("etag", asset.etag);
  if (request.headers["if-none-match"]?.includes(asset.etag)) return reply.code(304).send();
  if (encoding !== "identity") reply.header("content-encoding", encoding);
  return reply.type(asset.type).send(await encode(asset, encoding));
}
