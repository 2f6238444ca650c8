import fastifyWebsocket from "@fastify/websocket";
import Fastify, { type FastifyBaseLogger, type FastifyInstance } from "fastify";
import type { Logger } from "pino";
import type { Config } from "./config.ts";
import { Connection } from "./connection.ts";
import { describeError } from "./errors.ts";
import { AgentSession, DryRunComplete, type SetupSession } from "./session.ts";

/** How often every peer is asked for a sign of life, ms. */
const PING_INTERVAL_MS = 20_000;

export type AgentServerOptions = {
  /** Puts the nodes of one call together; ends with `await session.start()`. */
  setupSession: SetupSession;
  /**
   * Why calls are worse off at the moment, or null. /ready then says `degraded` and stays 200: what ails the
   * model ails every instance, and a caller is better served by an apology than by a refused call.
   */
  health?: () => string | null;
  config: Config;
  log: Logger;
  /** What gives the answers, for /ready to say: a caller of the offline demo should be able to find out. */
  answersFrom?: string;
};

/**
 * Makes the server: `/ws` for calls, `/` for people, `/health` and `/ready` for machines. Not listening yet.
 */
export async function createAgentServer(options: AgentServerOptions): Promise<FastifyInstance> {
  const { setupSession, health = () => null, config, log, answersFrom } = options;
  const loggerInstance: FastifyBaseLogger = log;
  const app = Fastify({ loggerInstance, disableRequestLogging: true });
  const connections = new Set<Connection>();
  let notReady: string | null = "the start-up check has not run yet";

  const check = async () => {
    notReady = await dryRun(setupSession, log);
    if (notReady) log.error({ reason: notReady }, "Not ready: calls are refused until this is mended");
  };

  await app.register(fastifyWebsocket, {
    options: { maxPayload: config.MAX_FRAME_BYTES, skipUTF8Validation: true, perMessageDeflate: false },
    preClose: async () => {
      for (const connection of connections) connection.drain();
      await Promise.all([...connections].map(({ closed }) => closed));
    },
  });

  app.get("/", async () => ({
    name: "voice-agent-server",
    status: notReady ? "not ready" : "ok",
    websocket: "/ws",
  }));
  app.get("/health", async () => ({ status: "ok" }));
  app.get("/ready", async (_request, reply) => {
    // What is missing may have come meanwhile; a check that passed stays passed.
    if (notReady) await check();
    if (notReady) return reply.code(503).send({ status: "not ready", reason: notReady });
    const reason = health();
    const status = reason === null ? { status: "ready" } : { status: "degraded", reason };
    return { ...status, answers_from: answersFrom };
  });

  app.get("/ws", { websocket: true }, (socket) => {
    if (notReady) {
      socket.close(1013, "the server is not ready, see /ready");
      return;
    }
    const connection = new Connection(socket, { config, log, setupSession });
    connections.add(connection);
    socket.once("close", () => connections.delete(connection));
  });

  const pinging = setInterval(() => {
    for (const connection of connections) connection.ping();
  }, PING_INTERVAL_MS);
  app.addHook("onClose", async () => clearInterval(pinging));
  app.addHook("onReady", check);
  return app;
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
