import { basename, dirname } from "node:path";
import { fileURLToPath } from "node:url";
import fastifyStatic from "@fastify/static";
import type { FastifyInstance } from "fastify";

const PUBLIC = fileURLToPath(new URL("../../public", import.meta.url));

/** The files of other people's that the pages load, by the name they are served under. */
const VENDOR = {
  "htm-core.js": import.meta.resolve("htm"),
  "preact.js": import.meta.resolve("htm/preact/standalone"),
  "uplot.js": import.meta.resolve("uplot/dist/uPlot.esm.js"),
  "uplot.css": import.meta.resolve("uplot/dist/uPlot.min.css"),
};

/**
 * The pages for people, `/console` and `/talk`, and what they load from `/assets/`. They hold no data, so they are
 * public; what they show comes from the routes beside them, which ask for a token.
 */
export async function pages(app: FastifyInstance): Promise<void> {
  app.addHook("onRoute", (route) => {
    route.config = { ...route.config, access: "public" };
  });
  await app.register(fastifyStatic, { root: PUBLIC, prefix: "/assets/", index: false });
  for (const [name, url] of Object.entries(VENDOR)) {
    const file = fileURLToPath(url);
    app.get(`/assets/vendor/${name}`, (_request, reply) => reply.sendFile(basename(file), dirname(file)));
  }
  for (const page of ["console", "talk"]) {
    app.get(`/${page}`, (_request, reply) => reply.sendFile(`${page}/index.html`));
    app.get(`/${page}/`, (_request, reply) => reply.redirect(`/${page}`, 308));
  }
}
