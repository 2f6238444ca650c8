import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Logger } from "pino";
import type { Config } from "../config.ts";
import { AgentServerError } from "../errors.ts";
import type { Metrics, RefusalReason } from "../metrics/metrics.ts";
import { Guesses } from "./guesses.ts";
import { isLocal, isOwnHost } from "./hosts.ts";
import { type Access, hasRight, type Right, rolesWith } from "./roles.ts";
import type { Actor, Tokens } from "./tokens.ts";

declare module "fastify" {
  interface FastifyContextConfig {
    /** What a request needs to be let in. A route that does not say so is for admins. */
    access?: Access;
    /** Whether the token may also come as `?token=`, as on sockets: for what a browser opens without headers. */
    tokenInQuery?: boolean;
  }
  interface FastifyRequest {
    /** Whose token it carries; null without one. */
    actor: Actor | null;
    /** Whose own token it is; null without one, and for the one that everybody shares. */
    readonly person: string | null;
    /** Whether this request may do something beyond what its route asks for. */
    may(right: Right): boolean;
  }
}

/** What the holder of AUTH_TOKEN is called, which may be a whole team. */
const SHARED_NAME = "admin";

/** The HTTP status of a refusal, and what the figures call it. */
const REFUSALS = {
  unknown_origin: [403, "bad_origin"],
  unknown_host: [403, "bad_host"],
  no_token: [401, "unauthorized"],
  wrong_token: [401, "unauthorized"],
  too_many_guesses: [429, "unauthorized"],
  wrong_role: [403, "forbidden"],
  local_only: [403, "forbidden"],
  supervision_off: [403, "forbidden"],
} as const satisfies Record<string, readonly [status: number, figure: RefusalReason]>;

/** A request that is turned away at the door. */
class AccessError extends AgentServerError {
  readonly code: keyof typeof REFUSALS;
  readonly statusCode: number;

  constructor(code: keyof typeof REFUSALS, message: string) {
    super(message);
    this.code = code;
    [this.statusCode] = REFUSALS[code];
  }
}

export type DoorOptions = {
  tokens: Tokens;
  config: Pick<Config, "ALLOWED_ORIGINS" | "ALLOWED_HOSTS">;
  metrics: Metrics;
  log: Logger;
};

/**
 * Guards every route, those added later included, by what it says in its config of who may enter:
 *
 * - A page of another site (`Origin`) may not, unless `ALLOWED_ORIGINS` names it.
 * - With tokens, a request needs one whose role has the right that the route asks for.
 * - Without any, all may call, and only this machine may read and delete; nobody steers.
 */
export function guardRoutes(app: FastifyInstance, options: DoorOptions): void {
  const door = new Door(options);
  app.decorateRequest("actor", null);
  app.decorateRequest("person", {
    getter(this: FastifyRequest) {
      return this.actor === null || this.actor.name === SHARED_NAME ? null : this.actor.name;
    },
  });
  app.decorateRequest("may", function (this: FastifyRequest, right: Right) {
    return door.mayDo(this, right);
  });
  app.addHook("onRequest", (request, reply, done) => {
    try {
      door.pass(request, reply);
      done();
    } catch (error) {
      if (error instanceof AccessError) door.noteRefusal(request, error);
      done(error instanceof Error ? error : new Error("Checking who may enter failed", { cause: error }));
    }
  });
}

class Door {
  readonly #options: DoorOptions;
  readonly #guesses = new Guesses();

  constructor(options: DoorOptions) {
    this.#options = options;
  }

  /** Lets a request in, or throws {@link AccessError}. */
  pass(request: FastifyRequest, reply: FastifyReply): void {
    // What does not exist is no secret.
    const access = request.is404 ? "public" : (request.routeOptions.config.access ?? "manage");
    this.#checkOrigin(request);
    if (access === "public") return;
    if (this.#options.tokens.size === 0) {
      this.#passWithoutTokens(request, access);
      return;
    }
    request.actor = this.#actorOf(request, reply);
    if (access === "any" || hasRight(request.actor.role, access)) return;
    const { name, role } = request.actor;
    throw new AccessError(
      "wrong_role",
      `This takes the token of ${withArticle(rolesWith(access))}; ${name}'s is ${withArticle(role)}'s`,
    );
  }

  mayDo(request: FastifyRequest, right: Right): boolean {
    if (request.actor) return hasRight(request.actor.role, right);
    return (
      this.#options.tokens.size === 0 &&
      right !== "steer" &&
      right !== "speak" &&
      isLocal(request.ip, request.headers)
    );
  }

  noteRefusal(request: FastifyRequest, { code }: AccessError): void {
    const { metrics, log } = this.#options;
    if (request.ws) metrics.refused.inc({ reason: REFUSALS[code][1] });
    log.debug({ reason: code, path: request.routeOptions.url }, "Refused a request");
  }

  #checkOrigin(request: FastifyRequest): void {
    const { origin, host } = request.headers;
    const allowed = this.#options.config.ALLOWED_ORIGINS;
    if (origin === undefined || (allowed ? allowed.includes(origin) : hostOf(origin) === host)) return;
    const how = "add it to ALLOWED_ORIGINS";
    throw new AccessError("unknown_origin", `Pages of this origin may not use the server: ${how}`);
  }

  #passWithoutTokens(request: FastifyRequest, access: Exclude<Access, "public">): void {
    const open = access === "call" || access === "any";
    if (access === "steer" || access === "speak") {
      throw new AccessError("supervision_off", "Set AUTH_TOKEN: without it anybody could steer calls");
    }
    if (!open && !isLocal(request.ip, request.headers)) {
      const how = "set AUTH_TOKEN on the server, and send it";
      throw new AccessError(
        "local_only",
        `Without a token only the server's own machine may do this: ${how}`,
      );
    }
    // A program that calls may use any name: nothing but a browser can be led here by a stranger's page.
    const byProgram = open && request.headers.origin === undefined;
    const { ALLOWED_HOSTS = [], ALLOWED_ORIGINS } = this.#options.config;
    const byFriend = request.headers.origin !== undefined && ALLOWED_ORIGINS !== undefined;
    if (byProgram || byFriend || isOwnHost(request.headers.host, ALLOWED_HOSTS)) return;
    const how = "add it to ALLOWED_HOSTS, or set AUTH_TOKEN";
    throw new AccessError("unknown_host", `This server is not known by that name: ${how}`);
  }

  #actorOf(request: FastifyRequest, reply: FastifyReply): Actor {
    const token = tokenOf(request);
    if (token === null) {
      reply.header("www-authenticate", "Bearer");
      const how = inQuery(request) ? " or as `?token=…`" : "";
      throw new AccessError("no_token", `Send the token as \`Authorization: Bearer …\`${how}`);
    }
    const actor = this.#options.tokens.find(token);
    const wait = this.#guesses.wait(request.ip, actor);
    if (actor === null) this.#noteWrong(request);
    if (wait > 0) {
      reply.header("retry-after", wait);
      throw new AccessError("too_many_guesses", `Too many wrong tokens from this address: wait ${wait} s`);
    }
    if (actor === null) {
      reply.header("www-authenticate", "Bearer");
      throw new AccessError("wrong_token", "This server does not know this token");
    }
    this.#guesses.noteRight(request.ip, actor);
    return actor;
  }

  #noteWrong(request: FastifyRequest): void {
    const { metrics, log } = this.#options;
    metrics.wrongTokens.inc();
    const wrongTokens = this.#guesses.noteWrong(request.ip);
    // Of many the first, the second, the fourth…: whoever guesses shall not fill the log.
    if (Number.isInteger(Math.log2(wrongTokens))) {
      log.warn({ address: request.ip, wrongTokens, path: request.routeOptions.url }, "A wrong token");
    }
  }
}

function tokenOf(request: FastifyRequest): string | null {
  const header = /^Bearer +(.+)$/i.exec(request.headers.authorization ?? "")?.[1];
  if (header !== undefined || !inQuery(request)) return header ?? null;
  // Not by `URL`: what a stranger asks for need not be one, such as `//`.
  const query = request.url.split("?").slice(1).join("?");
  return new URLSearchParams(query).get("token");
}

function inQuery(request: FastifyRequest): boolean {
  return request.ws || request.routeOptions.config.tokenInQuery === true;
}

function hostOf(origin: string): string | null {
  // "null" is what a sandboxed page or a file sends: it is no host of ours.
  return URL.canParse(origin) ? new URL(origin).host : null;
}

/** A role, or several, as in a sentence: "an admin". */
function withArticle(roles: string): string {
  return `${/^[aeiou]/.test(roles) ? "an" : "a"} ${roles}`;
}
