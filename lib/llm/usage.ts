import type { CompletionUsage } from "openai/resources/completions";
import type { LogPayloads } from "../wire/log-events.ts";

/** What a model request that has ended cost. */
export type LlmUsage = LogPayloads["llm.usage"];

export function usageOf(
  model: string,
  outcome: LlmUsage["outcome"],
  usage: CompletionUsage | null | undefined,
): LlmUsage {
  return {
    model,
    outcome,
    inputTokens: usage?.prompt_tokens ?? null,
    outputTokens: usage?.completion_tokens ?? null,
    thinkingMs: null,
  };
}
