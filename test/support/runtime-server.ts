import type { AddressInfo } from "node:net";
import { Writable } from "node:stream";
import { pino } from "pino";
import { parseConfig } from "../../lib/config.ts";
import { createAgentServer } from "../../lib/server.ts";
import type { SetupSession } from "../../lib/session.ts";

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

/** The real server in this process, on a port of the system's choice, with nodes of the test's own. */
export async function startRuntime(
  setupSession: SetupSession,
  env: Record<string, string> = {},
  health: () => string | null = () => null,
): Promise<RuntimeServer> {
  const lines: LogLine[] = [];
  const sink = new Writable({
    write(chunk: Buffer, _encoding, done) {
      lines.push(JSON.parse(chunk.toString()));
      done();
    },
  });
  const config = parseConfig({ HOST: "127.0.0.1", PORT: "0", LOG_LEVEL: "debug", ...env });
  const log = pino({ level: config.LOG_LEVEL }, sink);
  const app = await createAgentServer({ setupSession, health, config, log });
  await app.listen({ host: config.HOST, port: 0 });
  const { port } = app.server.address() as AddressInfo;
  return {
    wsUrl: `ws://127.0.0.1:${port}/ws`,
    url: `http://127.0.0.1:${port}`,
    lines,
    close: () => app.close(),
  };
}
