import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Logger } from "pino";
import type { Config } from "../config.ts";
import { jambonzLine } from "../lines/jambonz.ts";
import type { Line } from "../lines/line.ts";
import { relayLine } from "../lines/relay.ts";
import { relayAttributes } from "../lines/relay-attributes.ts";
import { retellLine } from "../lines/retell.ts";
import type { RefusalReason } from "../metrics/metrics.ts";
import type { SetupSession } from "../session/session.ts";
import type { OpenCalls } from "../socket/open-calls.ts";
import { openAiRoutes } from "./openai-routes.ts";
import { relayRoutes } from "./relay-routes.ts";
import { hasSecret, signedByTwilio } from "./senders.ts";

export type Guard = (request: FastifyRequest, reply: FastifyReply, done: () => void) => void;

/** A path on which calls of a line are taken. */
export type SocketRoute = {
  path: string;
  line: Line;
  setupSession: SetupSession;
  /** Checks the sender in place of the token; without one the token is asked for. */
  guard?: Guard;
};

export type LineServices = {
  config: Config;
  log: Logger;
  /** The agent of the calls on these lines. */
  setupSession: SetupSession;
  calls: OpenCalls;
  takeCalls: (route: SocketRoute) => void;
  /** Why there is no place for one more call, or null. */
  refusal: () => RefusalReason | null;
};

/** Serves the lines beside `/ws`: those that the configuration has the secrets for, and those that take the token. */
export async function serveLines(app: FastifyInstance, services: LineServices): Promise<void> {
  const { config, setupSession, takeCalls } = services;
  const transferTimeoutMs = config.TRANSFER_TIMEOUT_MS;
  const attributes = config.RELAY_ATTRIBUTES ?? relayAttributes.parse({});
  const welcomeGreeting = attributes.welcomeGreeting ?? null;
  takeCalls({ path: "/jambonz", line: jambonzLine({ transferTimeoutMs }), setupSession });
  // The requests of one call must come to one process.
  if (config.WORKERS === 1) await app.register(openAiRoutes, services);
  if (config.TWILIO_AUTH_TOKEN !== undefined && config.PUBLIC_URL !== undefined) {
    const { TWILIO_AUTH_TOKEN: token, PUBLIC_URL: publicUrl } = config;
    const line = relayLine({ name: "twilio", welcomeGreeting, handoffData: true, transferTimeoutMs });
    const guard = signedByTwilio(token, publicUrl);
    takeCalls({ path: "/twilio", line, setupSession, guard: guard.onUpgrade });
    await app.register(relayRoutes, {
      ...services,
      line,
      base: "/twilio",
      publicUrl,
      attributes,
      guard: guard.onForm,
    });
  }
  if (config.TELNYX_SECRET !== undefined && config.PUBLIC_URL !== undefined) {
    const { TELNYX_SECRET: secret, PUBLIC_URL: publicUrl } = config;
    const line = relayLine({ name: "telnyx", welcomeGreeting, handoffData: false, transferTimeoutMs });
    const guard = hasSecret(secret);
    takeCalls({ path: "/telnyx/:secret", line, setupSession, guard });
    const base = `/telnyx/${encodeURIComponent(secret)}`;
    await app.register(relayRoutes, { ...services, line, base, publicUrl, attributes, guard });
  }
  if (config.RETELL_SECRET !== undefined) {
    const guard = hasSecret(config.RETELL_SECRET);
    takeCalls({ path: "/retell/:secret/:call_id", line: retellLine(), setupSession, guard });
  }
}
