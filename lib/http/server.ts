import fastifyHelmet from "@fastify/helmet";
import fastifyWebsocket from "@fastify/websocket";
import Fastify, {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  LogController,
} from "fastify";
import type { Logger } from "pino";
import type { Config } from "../config.ts";
import { AgentServerError, describeError } from "../errors.ts";
import { atomsLine } from "../lines/atoms.ts";
import { Metrics, type RefusalReason } from "../metrics/metrics.ts";
import { toProblem } from "../route-schema.ts";
import { AgentSession, DryRunComplete, type SetupSession } from "../session/session.ts";
import { Connections } from "../socket/connections.ts";
import { closeSocket } from "../socket/outbox.ts";
import { serveApiDocs } from "./api-docs.ts";
import { guardRoutes } from "./auth.ts";
import { compressAnswers } from "./encodings.ts";
import { securityHeaders } from "./headers.ts";
import { isLoopback } from "./hosts.ts";
import { type SocketRoute, serveLines } from "./lines.ts";
import { refuseUnrouted } from "./methods.ts";
import { statusRoutes } from "./status-routes.ts";
import { readTokens, Tokens, watchTokens } from "./tokens.ts";

/** How often every peer is asked for a sign of life, ms. */
const PING_INTERVAL_MS = 20_000;
/** Most pieces of one frame; a platform sends it whole. */
const MAX_FRAGMENTS = 1_024;
/** Longest id in an address, characters. */
const MAX_ID = 300;
/** How long answers that are being sent when the server closes may take to their end, ms. */
const CLOSE_GRACE_MS = 2_000;
/** When a caller who found no place may try again, s. */
const RETRY_AFTER_S = 5;

declare module "fastify" {
  interface FastifyInstance {
    /** Takes no more calls, lets those that run go on for `DRAIN_TIMEOUT_MS` or until `hurry`, then ends them. */
    drain(hurry: AbortSignal): Promise<void>;
  }
}

export type AgentServerOptions = {
  /** What puts the nodes of one call together, by the path that is dialled; each ends with `await session.start()`. */
  routes: Readonly<Record<string, SetupSession>>;
  /**
   * Why calls are worse off at the moment, or null. /ready then says `degraded` and stays 200: what ails the
   * model ails every instance, and a caller is better served by an apology than by a refused call.
   */
  health?: () => string | null;
  /** Where the figures for /metrics are kept; by default its own, which no node adds to. */
  metrics?: Metrics;
  config: Config;
  log: Logger;
  /** The language models that are asked, and what is known of them, for /ready. */
  models?: () => readonly object[];
  /** What gives the answers, for /ready to say: a caller of the offline demo should be able to find out. */
  answersFrom?: string;
  /** How the record of calls stands, for /ready to say; a record that is behind makes no call worse. */
  record?: () => string | undefined;
};

/**
 * Makes the server: `routes` for calls, and those of `status-routes.ts`. Every route,
 * those added later included, asks for what its config says under `access` (`auth.ts`). Not listening yet.
 * @throws {ConfigError} when `TOKENS_FILE` cannot be used.
 */
export async function createAgentServer(options: AgentServerOptions): Promise<FastifyInstance> {
  const {
    routes,
    config,
    log,
    metrics = new Metrics(),
    health = () => null,
    models,
    answersFrom,
    record,
  } = options;
  const loggerInstance: FastifyBaseLogger = log;
  const app = Fastify({
    loggerInstance,
    logController: new LogController({ disableRequestLogging: true }),
    clientErrorHandler,
    // A call may be asked for by the platform's id of it.
    routerOptions: { maxParamLength: MAX_ID },
    // Whoever takes longer to say what it wants holds a connection for nothing. Sockets and streams have said it.
    requestTimeout: config.HTTP_TIMEOUT_MS,
    http: {
      headersTimeout: config.HTTP_TIMEOUT_MS,
      connectionsCheckingInterval: Math.ceil(config.HTTP_TIMEOUT_MS / 4),
    },
  });
  const connections = new Connections({ config, log, metrics });
  metrics.watch(connections);
  const tokens = new Tokens(readTokens(config));
  let notReady: string | null = "the start-up check has not run yet";

  const check = async () => {
    notReady = await dryRunAll(routes, log);
    if (notReady) log.error({ reason: notReady }, "Not ready: calls are refused until this is fixed");
  };
  const refused = (reason: RefusalReason) => (request: FastifyRequest) => {
    if (request.ws) metrics.refused.inc({ reason });
    log.debug({ reason, path: request.routeOptions.url }, "Refused a request");
  };

  const refuse = refuseUnrouted(app);
  app.setErrorHandler((error, request, reply) => {
    // Its body is of no interest where nobody would read it; what the door says is.
    if (request.is404 && !(error instanceof AgentServerError)) refuse(request, reply);
    else answerError(error, request, reply);
  });
  await app.register(fastifyHelmet, securityHeaders);
  compressAnswers(app);
  await app.register(fastifyWebsocket, {
    options: {
      maxPayload: config.MAX_FRAME_BYTES,
      maxFragments: MAX_FRAGMENTS,
      skipUTF8Validation: true,
      perMessageDeflate: false,
      // The connection answers pings, within its rates; the library would cut it without a word at a heap of them.
      autoPong: false,
    },
    errorHandler: (error, socket) => {
      log.debug({ err: describeError(error) }, "Socket error");
      closeSocket(socket, 1011, "internal error");
    },
    preClose: () => connections.close(),
  });
  refuseStraySockets(app);
  guardRoutes(app, { tokens, config, metrics, log });
  await serveApiDocs(app, tokens.size > 0);
  app.addHook("preClose", async () => {
    // A peer that is connected and says nothing would hold the close for as long as it likes.
    setTimeout(() => app.server.closeAllConnections(), CLOSE_GRACE_MS).unref();
  });
  app.decorate("drain", (hurry: AbortSignal) => connections.drain(config.DRAIN_TIMEOUT_MS, hurry));

  await app.register(statusRoutes, {
    path: Object.keys(routes)[0],
    connections,
    metrics,
    notReady: () => notReady,
    check,
    health,
    answersFrom,
    models,
    record,
  });

  /** Answers with 503 before the handshake when there is no place for one more call. */
  const admit = (request: FastifyRequest, reply: FastifyReply, done: () => void) => {
    const why = connections.refusal();
    if (why === null) {
      done();
      return;
    }
    refused(why)(request);
    reply
      .code(503)
      .header("retry-after", RETRY_AFTER_S)
      .send({
        statusCode: 503,
        error: "Service Unavailable",
        message:
          why === "full" ? "All lines are busy: MAX_SESSIONS calls are open" : "The server is going away",
      });
  };
  const takeCalls = ({ path, line, setupSession, guard }: SocketRoute) => {
    const options = guard
      ? { onRequest: [guard, admit], config: { access: "public" as const } }
      : { onRequest: admit, config: { access: "call" as const } };
    app.get(path, { websocket: true, ...options }, (socket, request) => {
      // Asked again, for between the hook and the handshake other requests may have come.
      const why = notReady ? "not_ready" : connections.refusal();
      if (why === null) {
        connections.add(socket, request.raw.socket, { setupSession, line });
        return;
      }
      refused(why)(request);
      const reason = notReady ? "the server is not ready, see /ready" : "no place, try again later";
      closeSocket(socket, 1013, reason);
    });
  };
  const atoms = atomsLine(config);
  for (const [path, setupSession] of Object.entries(routes)) takeCalls({ path, line: atoms, setupSession });
  const [setupSession] = Object.values(routes);
  if (setupSession) {
    await serveLines(app, {
      config,
      log,
      setupSession,
      calls: connections.calls,
      takeCalls,
      refusal: () => (notReady ? "not_ready" : connections.refusal()),
    });
  }

  const pinging = setInterval(() => connections.ping(), PING_INTERVAL_MS);
  const unwatch = watchTokens(tokens, config, log);
  app.addHook("onClose", async () => {
    clearInterval(pinging);
    unwatch();
  });
  app.addHook("onReady", check);
  app.addHook("onListen", async () => {
    const warning = warningAbout(tokens, config);
    if (warning !== null) log.warn(warning);
  });
  return app;
}

/** What whoever starts the server should know about who may do what, or null. */
function warningAbout(tokens: Tokens, { HOST, AUTH_TOKEN }: Config): string | null {
  if (tokens.size === 0 && !isLoopback(HOST)) {
    return `Listening on ${HOST} without a token: whoever reaches this port may call; reading, deleting and /metrics are for this machine alone, and nobody can steer. Set AUTH_TOKEN to change that`;
  }
  if (tokens.size === 1 && AUTH_TOKEN !== undefined) {
    return "AUTH_TOKEN opens everything: calls, and reading, steering and deleting those of others. Give whoever only dials a CALL_TOKEN";
  }
  if (tokens.size > 0 && !tokens.grants("call")) {
    return "No token opens calls: set CALL_TOKEN for whoever dials";
  }
  return null;
}

/** Answers an upgrade of an address that takes no calls like any other request, instead of opening a socket for it. */
function refuseStraySockets(app: FastifyInstance): void {
  const taking = new Set<string>();
  app.addHook("onRoute", ({ url, websocket }) => {
    if (websocket) taking.add(url);
  });
  app.addHook("onRequest", (request, reply, done) => {
    if (!request.ws || request.is404 || taking.has(request.routeOptions.url ?? "")) {
      done();
      return;
    }
    const message = "This address does not accept WebSockets: / shows the one that does";
    reply.code(400).send({ statusCode: 400, code: "no_socket", error: "Bad Request", message });
  });
}

/** A route's error: in full in the log, to the client only if it is the client's. */
function answerError(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const status = error instanceof Error && "statusCode" in error ? Number(error.statusCode) : 500;
  // One of ours says what it means to say, such as that there is no place or no answer.
  if (error instanceof Error && status >= 400 && (status < 500 || error instanceof AgentServerError)) {
    reply.code(status).send(toProblem(error));
    return;
  }
  const stack = error instanceof Error ? error.stack : undefined;
  request.log.error({ err: describeError(error), stack, path: request.routeOptions.url }, "Request failed");
  reply.code(500).send({ statusCode: 500, error: "Internal Server Error", message: "The server failed" });
}

const CLIENT_ERRORS = new Map([
  ["ERR_HTTP_REQUEST_TIMEOUT", "408 Request Timeout"],
  ["HPE_HEADER_OVERFLOW", "431 Request Header Fields Too Large"],
]);

/** What is not even HTTP. The framework's own handler would log the raw bytes, headers and all. */
function clientErrorHandler(
  this: FastifyInstance,
  error: NodeJS.ErrnoException,
  socket: { writable: boolean; end(text: string): unknown; destroy(): unknown },
): void {
  this.log.debug({ code: error.code }, "Not an HTTP request");
  const status = CLIENT_ERRORS.get(error.code ?? "") ?? "400 Bad Request";
  if (socket.writable && error.code !== "ECONNRESET") {
    socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
  } else {
    socket.destroy();
  }
}

/** What is wrong with the first route that could take no call, or null. */
async function dryRunAll(routes: AgentServerOptions["routes"], log: Logger): Promise<string | null> {
  const several = Object.keys(routes).length > 1;
  for (const [path, setupSession] of Object.entries(routes)) {
    const problem = await dryRun(setupSession, log);
    if (problem !== null) return several ? `${path}: ${problem}` : problem;
  }
  return null;
}

/** Runs `setupSession` without a caller, up to `start()`. Returns what is wrong, or null. */
async function dryRun(setupSession: SetupSession, log: Logger): Promise<string | null> {
  const session = new AgentSession({
    id: "start-up-check",
    context: { initialVariables: {}, conversationType: "chat", caller: null },
    outputAgentSettings: null,
    log: log.child({ sessionId: "start-up-check" }),
    outlet: null,
  });
  try {
    await setupSession(session);
    return "setupSession returned without session.start()";
  } catch (error) {
    if (error instanceof DryRunComplete) return null;
    return describeError(error).reason ?? "setupSession failed";
  }
}
