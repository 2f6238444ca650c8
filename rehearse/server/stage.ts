import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ModelServer, startModelServer } from "../model/model-server.ts";
import type { Upstream } from "../model/upstream.ts";
import type { LlmScript } from "../scenario/schema.ts";
import { Address } from "./address.ts";
import { LiveWatch } from "./live-watch.ts";
import { ServerProcess } from "./server-process.ts";

/** Where calls are rehearsed: a server, its live stream, and what was started for it. */
export type Stage = {
  readonly address: Address;
  /** Null where no scenario needs it. */
  readonly live: LiveWatch | null;
  /** @throws {RehearsalError} when the stage has broken down. */
  check(): void;
  close(): Promise<void>;
};

/** Settings that a rehearsal needs, and those that would reach outside. */
const SETTINGS = {
  HOST: "127.0.0.1",
  PORT: "0",
  LOG_LEVEL: "info",
  AGENT_LOG: "always",
  WORKERS: "1",
  WEBHOOK_URL: "",
  WEBHOOK_SECRET: "",
  ALERT_WEBHOOK_URL: "",
  ALLOWED_ORIGINS: "",
  MAX_EVENTS_PER_SECOND: "10000",
} as const;

/** What is scripted must not be answered by anybody else. */
const NO_SECOND_MODEL = { FALLBACK_MODEL: "", FALLBACK_BASE_URL: "", FALLBACK_API_KEY: "" } as const;

export type StageOptions = {
  app: string;
  env: Readonly<Record<string, string>>;
  llm: LlmScript | null;
  upstream: Upstream;
  /** Whether any scenario cannot do without the live stream. */
  wantsLive: boolean;
};

/** Starts a server with a record and a token of its own. @throws {RehearsalError} */
export async function startStage({ app, env, llm, upstream, wantsLive }: StageOptions): Promise<Stage> {
  const folder = await mkdtemp(join(tmpdir(), "rehearsal-"));
  const token = randomUUID();
  const model = llm ? await startModelServer(llm, upstream) : null;
  try {
    const server = await ServerProcess.start(app, {
      ...SETTINGS,
      DATABASE_URL: `file:${join(folder, "calls.db")}`,
      AUTH_TOKEN: token,
      ...(model ? { OPENAI_BASE_URL: model.baseUrl, OPENAI_API_KEY: "", ...NO_SECOND_MODEL } : {}),
      ...env,
    });
    const address = new Address(server.wsUrl, token);
    const live = wantsLive ? await LiveWatch.open(address) : null;
    return {
      address,
      live,
      check() {
        server.check();
        live?.check();
      },
      async close() {
        await live?.close();
        await server.stop();
        await clean(model, folder);
      },
    };
  } catch (error) {
    await clean(model, folder);
    throw error;
  }
}

/** A server that runs already. */
export async function visitStage(url: string, token: string | null, wantsLive: boolean): Promise<Stage> {
  const address = new Address(url, token);
  const live = wantsLive ? await LiveWatch.open(address) : null;
  return {
    address,
    live,
    check: () => live?.check(),
    close: async () => live?.close(),
  };
}

async function clean(model: ModelServer | null, folder: string): Promise<void> {
  await model?.close();
  await rm(folder, { recursive: true, force: true });
}
