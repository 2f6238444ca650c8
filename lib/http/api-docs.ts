import swagger from "@fastify/swagger";
import type { FastifyInstance } from "fastify";

/** Describes every route registered after it, as OpenAPI at `/docs/json`. */
export async function serveApiDocs(app: FastifyInstance): Promise<void> {
  await app.register(swagger, {
    openapi: { info: { title: "voice-agent-server", version: "1", description: "The record of calls." } },
  });
  app.get("/docs/json", { schema: { hide: true }, config: { access: "any" } }, async () => app.swagger());
}
