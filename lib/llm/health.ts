import type { Logger } from "pino";
import type { Llm } from "./client.ts";

/**
 * Notes in the log when the agent's model goes down and comes back, and when the sentiment model is not understood; what
 * it returns says why calls are worse off, or null.
 */
export function watchHealth(llm: Llm, log: Logger): () => string | null {
  const { second } = llm;
  llm.agentCircuit.onChange((isOpen) => {
    const instead = second === null ? "callers hear an apology at once" : `${second.name} answers`;
    if (isOpen) log.error(`The agent's model keeps failing: ${instead} until it answers again`);
    else log.info("The agent's model answers again");
  });
  second?.circuit.onChange((isOpen) => {
    if (isOpen) log.error(`The second model, ${second.name}, keeps failing: it is left alone for a while`);
    else log.info(`The second model, ${second.name}, answers again`);
  });
  llm.sentimentClarity.onTooUnclear((share) => {
    log.warn(
      `The sentiment model gave no verdict in ${percent(share)} of its latest answers, the embedded rules judged instead: set SENTIMENT_MODEL to one that answers in a word`,
    );
  });
  const problemOf = (model: string) => llm.models.get(model).problem;
  return () => {
    const secondFails = second?.circuit.isOpen ?? true;
    if (llm.agentCircuit.isOpen) {
      const instead = secondFails ? "callers hear an apology" : `${second?.name} answers`;
      return `the agent's model keeps failing, ${instead}`;
    }
    if (second && secondFails) return `the second model, ${second.name}, keeps failing`;
    const ofSecond = second?.models.get(second.use.model).problem ?? null;
    const problem = problemOf(llm.agent.model) ?? problemOf(llm.sentiment.model) ?? ofSecond;
    if (problem !== null) return problem;
    if (!llm.sentimentClarity.tooUnclear) return null;
    return `the sentiment model gave no verdict in ${percent(llm.sentimentClarity.unclearShare)} of its latest answers`;
  };
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}
