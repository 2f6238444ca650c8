import type { Logger } from "pino";
import type { Llm } from "./client.ts";

/**
 * Notes in the log when the agent's model goes down and comes back, and when the sentiment model is not understood; what
 * it returns says why calls are worse off, or null.
 */
export function watchHealth(llm: Llm, log: Logger): () => string | null {
  llm.agentCircuit.onChange((isOpen) => {
    if (isOpen)
      log.error("The agent's model keeps failing: callers hear an apology at once until it answers again");
    else log.info("The agent's model answers again");
  });
  llm.sentimentClarity.onTooUnclear((share) => {
    log.warn(
      `The sentiment model gave no verdict in ${percent(share)} of its latest answers, the embedded rules judged instead: set SENTIMENT_MODEL to one that answers in a word`,
    );
  });
  const problemOf = (model: string) => llm.models.get(model).problem;
  return () => {
    const problem = problemOf(llm.agent.model) ?? problemOf(llm.sentiment.model);
    if (llm.agentCircuit.isOpen) return "the agent's model keeps failing, callers hear an apology";
    if (problem !== null) return problem;
    if (!llm.sentimentClarity.tooUnclear) return null;
    return `the sentiment model gave no verdict in ${percent(llm.sentimentClarity.unclearShare)} of its latest answers`;
  };
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}
