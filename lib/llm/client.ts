import OpenAI from "openai";
import type { Config } from "../config.ts";
import { embeddedFetch } from "./embedded/fetch.ts";

/** The language model as the nodes use it: one client per process, so that connections are shared. */
export type Llm = {
  readonly client: OpenAI;
  /** What answers, for the log and for people: a host name, or the embedded model. */
  readonly provider: string;
  /** Longest wait for the first byte of an answer, and longest gap between two, ms. */
  readonly timeoutMs: number;
};

/**
 * OpenAI with `OPENAI_API_KEY`, any compatible server with `OPENAI_BASE_URL`; with neither, the same client on an
 * in-process `fetch` that is answered by the embedded model.
 */
export function createLlm(config: Config): Llm {
  const { OPENAI_API_KEY, OPENAI_BASE_URL, LLM_TIMEOUT_MS: timeoutMs } = config;
  const embedded = OPENAI_API_KEY === undefined && OPENAI_BASE_URL === undefined;
  if (embedded) {
    const client = new OpenAI({
      apiKey: "embedded",
      baseURL: "http://embedded.invalid/v1",
      fetch: embeddedFetch,
      logLevel: "off",
    });
    return { client, provider: "the embedded rule-based model", timeoutMs };
  }
  const client = new OpenAI({
    // A local server wants no key, but the client insists on one.
    apiKey: OPENAI_API_KEY ?? "none",
    baseURL: OPENAI_BASE_URL ?? null,
    organization: null,
    project: null,
    timeout: timeoutMs,
    // At "debug" the client would print whole conversations.
    logLevel: "off",
  });
  return { client, provider: new URL(client.baseURL).host, timeoutMs };
}
