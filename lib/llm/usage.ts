import type { CompletionUsage } from "openai/resources/completions";
import type { LogPayloads } from "../wire/log-events.ts";

/** What a model request that has ended cost. */
export type LlmUsage = LogPayloads["llm.usage"];

/** The same request for whoever looks into a call. */
export type RequestLog = LogPayloads["llm.request"];

/** Told of a request that has ended. */
export type OnRequestEnd = (usage: LlmUsage, request: RequestLog) => void;

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
