import { openCallStore } from "./lib/calls/call-store.ts";
import { CallRecorder } from "./lib/calls/recorder.ts";
import { callRoutes } from "./lib/calls/routes.ts";
import { Coach } from "./lib/coach/coach.ts";
import { loadCoachConfig } from "./lib/coach/config.ts";
import { compileRules } from "./lib/coach/rules.ts";
import { loadConfig } from "./lib/config.ts";
import { serveApiDocs } from "./lib/http/api-docs.ts";
import { pages } from "./lib/http/pages.ts";
import { createAgentServer } from "./lib/http/server.ts";
import { openLive } from "./lib/live/live.ts";
import { liveRoutes } from "./lib/live/routes.ts";
import { createLlm } from "./lib/llm/client.ts";
import { watchHealth } from "./lib/llm/health.ts";
import { Metrics } from "./lib/metrics/metrics.ts";
import { MetricsNode } from "./lib/metrics/metrics-node.ts";
import { createLogger } from "./lib/process/logger.ts";
import { closeOnSignal } from "./lib/process/shutdown.ts";
import { orExit } from "./lib/process/startup.ts";
import { startWorkers } from "./lib/process/workers.ts";
import type { AgentSession } from "./lib/session/session.ts";
import { transferOf } from "./lib/session/transfer.ts";
import { SentimentAnalyzer } from "./sentiment-analyzer.ts";
import { SupportAgent } from "./support-agent.ts";

const config = await orExit(loadConfig);
const coachRules = await orExit(() => compileRules(loadCoachConfig(config.COACH_RULES)));
const log = createLogger(config);
await startWorkers(config, log);

const llm = createLlm(config);
const metrics = new Metrics();
const calls = await orExit(() => openCallStore({ config, llm, log }), "See DATABASE_URL.");
metrics.watchRecord(calls.writer);
const live = await orExit(() => openLive(calls.database.pool, log), "See DATABASE_URL.");

/** Runs once for every call: the nodes that listen, the one that talks, and the start. */
async function setupSession(session: AgentSession): Promise<void> {
  const sentiment = new SentimentAnalyzer({
    llm,
    model: config.SENTIMENT_MODEL,
    timeoutMs: config.SENTIMENT_TIMEOUT_MS,
    threshold: config.ESCALATION_THRESHOLD,
  });
  session.addNode(sentiment);
  const coach = new Coach({ rules: coachRules });
  session.addNode(coach);
  const agent = new SupportAgent({
    llm,
    model: config.AGENT_MODEL,
    sentiment,
    coach: config.ESCALATE_ON_REQUEST ? coach : null,
    transfer: transferOf(config),
    escalationWaitMs: config.ESCALATION_WAIT_MS,
    maxContextMessages: config.MAX_CONTEXT_MESSAGES,
  });
  session.addNode(live.watch(agent));
  session.addNode(agent);
  session.addNode(new MetricsNode(metrics));
  if (config.RECORD_CALLS) session.addNode(new CallRecorder({ store: calls, config }));
  await session.start();
  await session.waitUntilComplete();
}

const app = await createAgentServer({
  setupSession,
  config,
  log,
  metrics,
  health: watchHealth(llm, log),
  answersFrom: llm.provider,
});
await serveApiDocs(app);
await app.register(callRoutes, { store: calls });
await app.register(liveRoutes, { live, canSupervise: config.AUTH_TOKEN !== undefined });
await app.register(pages);
app.addHook("onClose", async () => {
  // It holds a connection of the store's, which waits for it.
  await live.close();
  await calls.close();
});
closeOnSignal(app, log);
log.info(`Answers come from ${llm.provider}`);
const address = { host: config.HOST, port: config.PORT };
await orExit(() => app.listen(address), "Set PORT and HOST to an address that is free.");
