import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { asPattern } from "../words.ts";

/**
 * Answers what no route takes: with 405 and `Allow` where the address is one of ours and takes other methods (RFC 9110,
 * 15.5.6), else with 404.
 * @returns the answer, for requests that fail before they come that far.
 */
export function refuseUnrouted(app: FastifyInstance): (request: FastifyRequest, reply: FastifyReply) => void {
  const taken = new Map<string, { pattern: RegExp; methods: Set<string> }>();
  app.addHook("onRoute", ({ url, method }) => {
    const known = taken.get(url) ?? { pattern: patternOf(url), methods: new Set() };
    taken.set(url, known);
    for (const each of [method].flat()) known.methods.add(each);
  });
  const refuse = (request: FastifyRequest, reply: FastifyReply): void => {
    const [path = ""] = request.url.split("?");
    const methods = [...taken.values()].flatMap((known) =>
      known.pattern.test(path) ? [...known.methods] : [],
    );
    // A file that is not there has an address that takes this method, too.
    if (methods.length === 0 || methods.includes(request.method)) {
      const message = `There is nothing at ${path}: see / for what there is`;
      reply.code(404).send({ statusCode: 404, code: "no_such_address", error: "Not Found", message });
      return;
    }
    const allow = [...new Set(methods)].join(", ");
    const message = `This address takes ${allow}`;
    reply
      .code(405)
      .header("allow", allow)
      .send({ statusCode: 405, code: "wrong_method", error: "Method Not Allowed", message });
  };
  app.setNotFoundHandler(refuse);
  return refuse;
}

/** `/calls/:id` and `/assets/*` as what matches a path. */
function patternOf(url: string): RegExp {
  const source = url
    .split("/")
    .map((part) => (part.startsWith(":") ? "[^/]+" : part === "*" ? ".*" : asPattern(part)))
    .join("/");
  return new RegExp(`^${source}$`);
}
