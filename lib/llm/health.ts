import type { Logger } from "pino";
import type { Llm } from "./client.ts";

/** Notes in the log when the agent's model goes down and comes back; what it returns says why calls are worse off, or null. */
export function watchHealth(llm: Llm, log: Logger): () => string | null {
  llm.agentCircuit.onChange((isOpen) => {
    if (isOpen)
      log.error("The agent's model keeps failing: callers hear an apology at once until it answers again");
    else log.info("The agent's model answers again");
  });
  return () => (llm.agentCircuit.isOpen ? "the agent's model keeps failing, callers hear an apology" : null);
}
