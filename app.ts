import { createPolicy } from "./lib/mood/policy.ts";
import type { AgentSession } from "./lib/session/session.ts";
import { type CallServices, createVoiceServer } from "./lib/voice-server.ts";
import { SentimentAnalyzer } from "./sentiment-analyzer.ts";
import { SupportAgent } from "./support-agent.ts";

/** Runs once for every call: a node that listens, a node that talks, and the start. */
async function setupSession(session: AgentSession, services: CallServices): Promise<void> {
  const { config, llm, transfer, coach } = services;
  const sentiment = new SentimentAnalyzer({
    llm,
    model: config.SENTIMENT_MODEL,
    timeoutMs: config.SENTIMENT_TIMEOUT_MS,
    policy: createPolicy(config),
    contextTurns: config.SENTIMENT_CONTEXT_TURNS,
  });
  const agent = new SupportAgent({
    llm,
    sentiment,
    transfer,
    prompt: config.AGENT_PROMPT_FILE ?? null,
    coach,
    escalateOnRequest: config.ESCALATE_ON_REQUEST,
    escalationWaitMs: config.ESCALATION_WAIT_MS,
    maxContextMessages: config.MAX_CONTEXT_MESSAGES,
  });
  session.addNode(sentiment);
  session.addNode(agent);
  await session.start();
  await session.waitUntilComplete();
}

const server = await createVoiceServer({ setupSession });
await server.listen();
