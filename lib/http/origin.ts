import type { FastifyReply, FastifyRequest } from "fastify";

/**
 * An onRequest hook that answers 403 to pages of other sites: a browser says in `Origin` whose page it acts for.
 * Programs send no such header and pass; what they may do is the token's affair.
 * @param allowed exact origins (`https://example.com`); null for pages of this host alone.
 * @param refused called for each request that is turned away.
 */
export function originHook(allowed: readonly string[] | null, refused: (request: FastifyRequest) => void) {
  return (request: FastifyRequest, reply: FastifyReply, done: () => void): void => {
    const { origin, host } = request.headers;
    if (origin === undefined || (allowed ? allowed.includes(origin) : hostOf(origin) === host)) {
      done();
      return;
    }
    refused(request);
    reply.code(403).send({
      statusCode: 403,
      error: "Forbidden",
      message: "Pages of this origin may not use the server: add it to ALLOWED_ORIGINS",
    });
  };
}

function hostOf(origin: string): string | null {
  // "null" is what a sandboxed page or a file sends: it is no host of ours.
  return URL.canParse(origin) ? new URL(origin).host : null;
}
