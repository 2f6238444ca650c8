import { serveApiDocs } from "./lib/api-docs.ts";
import { openCallStore } from "./lib/calls/call-store.ts";
import { CallRecorder } from "./lib/calls/recorder.ts";
import { callRoutes } from "./lib/calls/routes.ts";
import { Coach } from "./lib/coach/coach.ts";
import { loadCoachConfig } from "./lib/coach/config.ts";
import { compileRules } from "./lib/coach/rules.ts";
import { type Config, loadConfig } from "./lib/config.ts";
import { ConfigError, describeError } from "./lib/errors.ts";
import { Live } from "./lib/live/live.ts";
import { InProcessFeed, type LiveFeed } from "./lib/live/live-feed.ts";
import { openPostgresFeed } from "./lib/live/postgres-feed.ts";
import { liveRoutes } from "./lib/live/routes.ts";
import { createLlm } from "./lib/llm/client.ts";
import { createLogger } from "./lib/logger.ts";
import { Metrics } from "./lib/metrics/metrics.ts";
import { MetricsNode } from "./lib/metrics/metrics-node.ts";
import { pages } from "./lib/pages.ts";
import { createAgentServer } from "./lib/server.ts";
import type { AgentSession } from "./lib/session.ts";
import { closeOnSignal } from "./lib/shutdown.ts";
import { startWorkers } from "./lib/workers.ts";
import { SentimentAnalyzer } from "./sentiment-analyzer.ts";
import { SupportAgent, type Transfer } from "./support-agent.ts";

const config = orExit(loadConfig);
const coachRules = orExit(() => compileRules(loadCoachConfig(config.COACH_RULES)));
const log = createLogger(config);
await startWorkers(config, log);
const llm = createLlm(config);
const metrics = new Metrics();
const calls = await openCallStore({ config, llm, log }).catch(cannotStore);
const live = new Live(await openLiveFeed().catch(cannotStore));

/** Runs once for every call: a node that listens, a node that talks, and the start. */
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
    transfer: transferTarget(config),
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
  health,
  answersFrom: llm.provider,
});
await serveApiDocs(app);
await app.register(callRoutes, { store: calls });
await app.register(liveRoutes, { live, canSupervise: config.AUTH_TOKEN !== undefined });
app.addHook("onClose", async () => {
  // It holds a connection of the store's, which waits for it.
  await live.close();
  await calls.close();
});
closeOnSignal(app, log);
await app.register(pages);
await app.listen({ host: config.HOST, port: config.PORT }).catch(cannotListen);
log.info(`Answers come from ${llm.provider}`);
llm.agentCircuit.onChange((isOpen) => {
  if (isOpen)
    log.error("The agent's model keeps failing: callers hear an apology at once until it answers again");
  else log.info("The agent's model answers again");
});

/** Why calls are worse off at the moment, or null. */
function health(): string | null {
  return llm.agentCircuit.isOpen ? "the agent's model keeps failing, callers hear an apology" : null;
}

/** Servers that share a PostgreSQL database share what is live, too. */
async function openLiveFeed(): Promise<LiveFeed> {
  const { pool } = calls.database;
  return pool ? openPostgresFeed(pool, log) : new InProcessFeed();
}

function transferTarget({ TRANSFER_NUMBER, TRANSFER_TYPE, TRANSFER_HOLD_MUSIC }: Config): Transfer | null {
  if (TRANSFER_NUMBER === undefined) return null;
  return { number: TRANSFER_NUMBER, type: TRANSFER_TYPE, holdMusic: TRANSFER_HOLD_MUSIC ?? null };
}

/** What `read` gives; a setting that cannot be used ends the process. */
function orExit<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    giveUp(error.message);
  }
}

function cannotListen(error: unknown): never {
  giveUp(`Cannot listen: ${describeError(error).reason}. Set PORT and HOST to an address that is free.`);
}

function cannotStore(error: unknown): never {
  giveUp(describeError(error).reason ?? "Cannot open the store of calls, see DATABASE_URL");
}

/** A stack trace would hide the one line that matters. */
function giveUp(why: string): never {
  console.error(why);
  process.exit(1);
}
