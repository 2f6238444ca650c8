import { type Config, loadConfig } from "./lib/config.ts";
import { ConfigError, describeError } from "./lib/errors.ts";
import { createLlm } from "./lib/llm/client.ts";
import { createLogger } from "./lib/logger.ts";
import { Metrics } from "./lib/metrics/metrics.ts";
import { MetricsNode } from "./lib/metrics/metrics-node.ts";
import { createAgentServer } from "./lib/server.ts";
import type { AgentSession } from "./lib/session.ts";
import { closeOnSignal } from "./lib/shutdown.ts";
import { startWorkers } from "./lib/workers.ts";
import { SentimentAnalyzer } from "./sentiment-analyzer.ts";
import { SupportAgent, type Transfer } from "./support-agent.ts";

const config = readConfig();
const log = createLogger(config);
await startWorkers(config, log);
const llm = createLlm(config);
const metrics = new Metrics();

/** Runs once for every call: a node that listens, a node that talks, and the start. */
async function setupSession(session: AgentSession): Promise<void> {
  const sentiment = new SentimentAnalyzer({
    llm,
    model: config.SENTIMENT_MODEL,
    timeoutMs: config.SENTIMENT_TIMEOUT_MS,
    threshold: config.ESCALATION_THRESHOLD,
  });
  session.addNode(sentiment);
  session.addNode(
    new SupportAgent({
      llm,
      model: config.AGENT_MODEL,
      sentiment,
      transfer: transferTarget(config),
      escalationWaitMs: config.ESCALATION_WAIT_MS,
      maxContextMessages: config.MAX_CONTEXT_MESSAGES,
    }),
  );
  session.addNode(new MetricsNode(metrics));
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
closeOnSignal(app, log);
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

function transferTarget({ TRANSFER_NUMBER, TRANSFER_TYPE, TRANSFER_HOLD_MUSIC }: Config): Transfer | null {
  if (TRANSFER_NUMBER === undefined) return null;
  return { number: TRANSFER_NUMBER, type: TRANSFER_TYPE, holdMusic: TRANSFER_HOLD_MUSIC ?? null };
}

function readConfig(): Config {
  try {
    return loadConfig();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    giveUp(error.message);
  }
}

function cannotListen(error: unknown): never {
  giveUp(`Cannot listen: ${describeError(error).reason}. Set PORT and HOST to an address that is free.`);
}

/** A stack trace would hide the one line that matters. */
function giveUp(why: string): never {
  console.error(why);
  process.exit(1);
}
