import cluster from "node:cluster";
import type { FastifyInstance } from "fastify";
import type { Logger } from "pino";
import { type CallStore, openCallStore } from "./calls/call-store.ts";
import { News } from "./calls/news/news.ts";
import { CallRecorder } from "./calls/recorder.ts";
import { reviewRoutes } from "./calls/review/routes.ts";
import { callRoutes } from "./calls/routes.ts";
import { Coach } from "./coach/coach.ts";
import { loadCoachConfig } from "./coach/config.ts";
import { compileRules, type Rule } from "./coach/rules.ts";
import { type Config, loadConfig } from "./config.ts";
import { addressOf } from "./http/address.ts";
import { pages } from "./http/pages.ts";
import { createAgentServer } from "./http/server.ts";
import { type Live, openLive } from "./live/live.ts";
import { liveRoutes } from "./live/routes.ts";
import { Suggestions } from "./live/suggestions.ts";
import { checkModels, configuredModels, describeModels } from "./llm/check.ts";
import { createLlm, type Llm, nameModels } from "./llm/client.ts";
import { watchHealth } from "./llm/health.ts";
import { Metrics } from "./metrics/metrics.ts";
import { MetricsNode } from "./metrics/metrics-node.ts";
import { createLogger } from "./process/logger.ts";
import { closeOnSignal } from "./process/shutdown.ts";
import { orExit } from "./process/startup.ts";
import { startWorkers } from "./process/workers.ts";
import type { AgentSession, SetupSession } from "./session/session.ts";
import { type Transfer, transferOf } from "./session/transfer.ts";
import { LogIds } from "./tracing/log-ids.ts";
import { isTraced, openTracing } from "./tracing/tracing.ts";

/** What the server has ready for the nodes of a call. */
export type CallServices = {
  config: Config;
  /** The language model, one client for all calls. */
  llm: Llm;
  /** Where callers are handed to: `TRANSFER_NUMBER` and its kin; null for nowhere. */
  transfer: Transfer | null;
  /** This call's coach, whose findings an agent may ask for. */
  coach: Coach;
};

/** Puts the nodes of one call together; ends with `await session.start()`. */
export type SetupCall = (session: AgentSession, services: CallServices) => void | Promise<void>;

export type VoiceServerOptions = {
  /** By default from `.env` and the environment. */
  config?: Config;
  /** Whether there is a record of calls, and `/calls` to read it. Default true. */
  record?: boolean;
  /** Whether calls can be watched and steered, in `/console` and over `/live`, and `/talk` is served. Default true. */
  console?: boolean;
} & (
  | { setupSession: SetupCall }
  /** Several agents on one server, by the path that is dialled: `{ "/ws": …, "/ws/sales": … }`. */
  | { routes: Readonly<Record<string, SetupCall>> }
);

export type VoiceServer = {
  /** The HTTP server under it, for routes and hooks of one's own. */
  readonly app: FastifyInstance;
  /** Takes calls on `HOST` and `PORT`; resolves with the address. SIGTERM drains it and ends the process. */
  listen(): Promise<string>;
};

/**
 * Makes a server with everything around an agent: the record of its calls, coach, live stream and console, metrics,
 * pages, workers and draining. A start that cannot succeed ends the process with code 1 and one line that says why.
 */
export async function createVoiceServer(options: VoiceServerOptions): Promise<VoiceServer> {
  const config = nameModels(options.config ?? (await orExit(loadConfig)));
  const coachRules = await orExit(() => compileRules(loadCoachConfig(config.COACH_RULES)));
  const logIds = new LogIds();
  const log = createLogger(config, isTraced(config) ? { about: (each) => logIds.of(each) } : {});
  await startWorkers(config, log);

  const llm = createLlm(config, log);
  const metrics = new Metrics();
  const ruleOf = new Map<string, Rule>(coachRules.map((rule) => [rule.id, rule]));
  const news = new News({
    config,
    log,
    isRecorded: options.record !== false && config.RECORD_CALLS,
    notifies: ({ rule, severity }) => ruleOf.get(rule)?.follows.notify ?? severity === "alert",
    linkTo: (sessionId) => `${addressOf(config, portOf(app))}/console#/live/${encodeURIComponent(sessionId)}`,
  });
  metrics.watchNews(news);
  const uses = { options, config, llm, news, log };
  const { store, live } = await orExit(() => openUses(uses), "See DATABASE_URL.");
  if (store) metrics.watchRecord(store.writer);
  const tracing = await orExit(() => openTracing(config, log, logIds));
  if (tracing) metrics.watchTraces(tracing.figures);
  const transfer = transferOf(config);
  const watched = (setup: SetupCall): SetupSession => {
    return async (session) => {
      session.describe({ agentVersion: config.AGENT_VERSION ?? null });
      const coach = new Coach({ rules: coachRules });
      session.addNode(coach);
      if (live) session.addNode(live.watch());
      session.addNode(new MetricsNode(metrics));
      const callNews = news.watch();
      if (callNews) session.addNode(callNews);
      if (tracing) session.addNode(tracing.watch());
      if (store && config.RECORD_CALLS) session.addNode(new CallRecorder({ store, config }));
      await setup(session, { config, llm, transfer, coach });
    };
  };
  const routes = "routes" in options ? options.routes : { "/ws": options.setupSession };
  const server = {
    routes: Object.fromEntries(Object.entries(routes).map(([path, setup]) => [path, watched(setup)])),
    config,
    log,
    metrics,
    health: watchHealth(llm, log),
    answersFrom: llm.provider,
    record: () => store?.state,
    models: () => describeModels(llm, config),
  };
  const app = await orExit(() => createAgentServer(server));
  if (store) {
    await app.register(callRoutes, { store });
    await app.register(reviewRoutes, { store });
  }
  if (live) {
    const suggestions = llm.embedded ? null : new Suggestions(llm);
    await app.register(liveRoutes, { live, transfer, suggestions });
    await app.register(pages);
  }
  app.addHook("onClose", async () => {
    const traced = tracing?.close();
    store?.hurry();
    await news.close();
    // It holds a connection of the store's, which waits for it.
    await live?.close();
    await store?.close();
    await traced;
  });
  return { app, listen: () => listen(app, config, log, llm) };
}

type Uses = { store: CallStore | null; live: Live | null };

type UsesOptions = { options: VoiceServerOptions; config: Config; llm: Llm; news: News; log: Logger };

async function openUses({ options, config, llm, news, log }: UsesOptions): Promise<Uses> {
  const store = options.record === false ? null : await openCallStore({ config, llm, news, log });
  const live = options.console === false ? null : await openLive(store?.database.pool ?? null, config, log);
  return { store, live };
}

/** The port that it listens on. */
function portOf(app: FastifyInstance): number {
  const address = app.server.address();
  return address !== null && typeof address === "object" ? address.port : 0;
}

async function listen(app: FastifyInstance, config: Config, log: Logger, llm: Llm): Promise<string> {
  closeOnSignal(app, log);
  log.info(`Answers come from ${llm.provider}`);
  if (config.MODEL_CHECK) await checkModels(llm, configuredModels(llm, config));
  const address = { host: config.HOST, port: config.PORT };
  const listening = await orExit(() => app.listen(address), "Set PORT and HOST to an address that is free.");
  const open = addressOf(config, portOf(app));
  const isFirst = cluster.worker === undefined || cluster.worker.id === 1;
  if (isFirst && app.hasRoute({ method: "GET", url: "/talk" })) {
    log.info(`Talk to the agent: ${open}/talk`);
    log.info(`Watch calls: ${open}/console`);
  }
  return listening;
}
