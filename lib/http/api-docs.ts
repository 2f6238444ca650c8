import swagger from "@fastify/swagger";
import type { FastifyInstance, FastifySchema, RouteOptions } from "fastify";
import { problemWire, toJson } from "../route-schema.ts";
import type { Access } from "./roles.ts";

/** The names of the ways to show a token. */
const HEADER = "token";
const QUERY = "tokenInAddress";

/**
 * Describes every route registered after it, as OpenAPI at `/docs/json`: what it says of itself, and what the door asks
 * of whoever wants in.
 * @param hasTokens whether there are any; without them a token is no must.
 */
export async function serveApiDocs(app: FastifyInstance, hasTokens: boolean): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: "3.1.0",
      info: {
        title: "voice-agent-server",
        version: "1",
        description: "The record of calls, the calls that are running, and how the server is.",
      },
      components: {
        securitySchemes: {
          [HEADER]: { type: "http", scheme: "bearer" },
          [QUERY]: { type: "apiKey", in: "query", name: "token" },
        },
      },
    },
    transform: ({ schema, url, route }) => ({ schema: atTheDoor(schema, route, hasTokens), url }),
  });
  app.get("/docs/json", { schema: { hide: true }, config: { access: "any" } }, async () => app.swagger());
}

/** A route's schema with what `auth.ts` makes of its access; a socket, and what has no schema, is not described. */
function atTheDoor(
  schema: FastifySchema | undefined,
  route: RouteOptions,
  hasTokens: boolean,
): FastifySchema {
  if (!schema || ("websocket" in route && route.websocket)) return { hide: true };
  const { access = "manage", tokenInQuery = false } = route.config ?? {};
  const answers = [
    403,
    ...(access === "public" ? [] : [401, 429]),
    ...(schema.body ? [400, 413, 415] : []),
    500,
  ];
  const own = typeof schema.response === "object" ? schema.response : {};
  const described = {
    ...schema,
    description: WHO[access],
    security: securityOf(access, tokenInQuery, hasTokens),
    response: { ...Object.fromEntries(answers.map((status) => [status, problemWire])), ...own },
  };
  return Object.fromEntries(Object.entries(described).map(([key, value]) => [key, toJson(value)]));
}

function securityOf(access: Access, tokenInQuery: boolean, hasTokens: boolean): Record<string, string[]>[] {
  if (access === "public") return [];
  const ways: Record<string, string[]>[] = [{ [HEADER]: [] }];
  if (tokenInQuery) ways.push({ [QUERY]: [] });
  if (!hasTokens) ways.push({});
  return ways;
}

const WHO: Readonly<Record<Access, string>> = {
  public: "Takes no token.",
  any: "Takes any token.",
  call: "Takes a token that may call.",
  read: "Takes a token that may read.",
  speak: "Takes a token that may speak with callers in the agent's place.",
  steer: "Takes a token that may steer running calls.",
  review: "Takes a token that may review recorded calls.",
  manage: "Takes an admin's token.",
  metrics: "Takes a token that may read /metrics.",
};
