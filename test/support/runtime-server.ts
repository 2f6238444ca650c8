import type { AddressInfo } from "node:net";
import { Writable } from "node:stream";
import type { FastifyInstance } from "fastify";
import { parseConfig } from "../../lib/config.ts";
import { createAgentServer } from "../../lib/http/server.ts";
import { Metrics } from "../../lib/metrics/metrics.ts";
import { createLogger } from "../../lib/process/logger.ts";
import type { SetupSession } from "../../lib/session/session.ts";

export type LogLine = { level: number; msg?: string; [key: string]: unknown };

export type RuntimeServer = {
  /** `ws://127.0.0.1:PORT/ws` */
  wsUrl: string;
  /** `http://127.0.0.1:PORT` */
  url: string;
  /** Every line logged so far. */
  lines: LogLine[];
  close(): Promise<void>;
};

export type RuntimeOptions = {
  health?: () => string | null;
  /** For a test whose nodes count into it, too. */
  metrics?: Metrics;
  /** Routes registered after the server's own. */
  plugins?: (app: FastifyInstance) => Promise<void>;
};

/** The real server in this process, on a port of the system's choice, with nodes of the test's own. */
export async function startRuntime(
  setupSession: SetupSession,
  env: Record<string, string> = {},
  { health = () => null, metrics = new Metrics(), plugins = async () => {} }: RuntimeOptions = {},
): Promise<RuntimeServer> {
  const lines: LogLine[] = [];
  const sink = new Writable({
    write(chunk: Buffer, _encoding, done) {
      lines.push(JSON.parse(chunk.toString()));
      done();
    },
  });
  // Tests ask faster than people do; those about the rates set their own.
  const fast = { MAX_REQUESTS_PER_SECOND: "100000" };
  const config = parseConfig({ HOST: "127.0.0.1", PORT: "0", LOG_LEVEL: "debug", ...fast, ...env });
  const log = createLogger(config, { destination: sink });
  const app = await createAgentServer({ routes: { "/ws": setupSession }, health, metrics, config, log });
  await plugins(app);
  await app.listen({ host: config.HOST, port: 0 });
  const { port } = app.server.address() as AddressInfo;
  return {
    wsUrl: `ws://127.0.0.1:${port}/ws`,
    url: `http://127.0.0.1:${port}`,
    lines,
    close: () => app.close(),
  };
}

/** Starts a server, runs the test against it and closes it, whatever happens. */
export async function withRuntime(
  setupSession: SetupSession,
  run: (server: RuntimeServer) => Promise<void>,
  env: Record<string, string> = {},
  options: RuntimeOptions = {},
): Promise<void> {
  const server = await startRuntime(setupSession, env, options);
  try {
    await run(server);
  } finally {
    await server.close();
  }
}
