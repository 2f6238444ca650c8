import { createHash, timingSafeEqual } from "node:crypto";
import type { FastifyReply, FastifyRequest } from "fastify";

declare module "fastify" {
  interface FastifyContextConfig {
    /** Whether the route needs no token. A route that does not say so is closed. */
    public?: boolean;
  }
}

/**
 * An onRequest hook that answers 401 unless the request carries `AUTH_TOKEN`, as `Authorization: Bearer` or, where
 * a header cannot be set, as `?token=`. Without a token in the configuration everybody may enter.
 * @param refused called for each request that is turned away.
 */
export function authHook(token: string | undefined, refused: (request: FastifyRequest) => void) {
  const expected = token === undefined ? null : digest(token);
  return (request: FastifyRequest, reply: FastifyReply, done: () => void): void => {
    const given = tokenOf(request);
    const open = expected === null || request.routeOptions.config.public === true;
    // Digests have one length, and comparing them takes the same time wherever the tokens differ.
    if (open || (given !== null && timingSafeEqual(digest(given), expected))) {
      done();
      return;
    }
    refused(request);
    reply.code(401).header("www-authenticate", "Bearer").send({
      statusCode: 401,
      error: "Unauthorized",
      message: "Send the token as `Authorization: Bearer …` or as `?token=…`",
    });
  };
}

function tokenOf(request: FastifyRequest): string | null {
  const header = /^Bearer +(.+)$/i.exec(request.headers.authorization ?? "")?.[1];
  if (header !== undefined) return header;
  // Not by `URL`: what a stranger asks for need not be one, such as `//`.
  const query = request.url.split("?").slice(1).join("?");
  return new URLSearchParams(query).get("token");
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
