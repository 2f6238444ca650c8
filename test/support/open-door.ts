import type { FastifyInstance } from "fastify";

/** For routes on a bare server: everybody may do everything, and nobody has a name. */
export function openDoor(app: FastifyInstance): void {
  app.decorateRequest("actor", null);
  app.decorateRequest("person", null);
  app.decorateRequest("may", () => true);
}
