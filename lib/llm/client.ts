import OpenAI from "openai";
import type { Config } from "../config.ts";
import { Circuit } from "./circuit.ts";
import { Clarity } from "./clarity.ts";
import { embeddedFetch } from "./embedded/fetch.ts";
import { createFetch } from "./fetch.ts";

/** The language model as the nodes use it: one client per process, so that connections are shared. */
export type Llm = {
  readonly client: OpenAI;
  /** What answers, for the log and for people: a host name, or the embedded model. */
  readonly provider: string;
  /** The model that talks, unless an agent names another. */
  readonly agentModel: string;
  /** Longest silence of the model in an answer: before its first piece, and between two, ms. */
  readonly timeoutMs: number;
  /** Longest answer, characters; the rest is not fetched. */
  readonly maxResponseChars: number;
  /** One for each use, for the two may have different models, and the one's failure is none of the other's. */
  readonly agentCircuit: Circuit;
  readonly sentimentCircuit: Circuit;
  /** How often the verdicts asked for are none. */
  readonly sentimentClarity: Clarity;
};

/**
 * OpenAI with `OPENAI_API_KEY`, any compatible server with `OPENAI_BASE_URL`; with neither, the same client on an
 * in-process `fetch` that is answered by the embedded model.
 */
export function createLlm(config: Config): Llm {
  const { OPENAI_API_KEY, OPENAI_BASE_URL, LLM_TIMEOUT_MS: timeoutMs } = config;
  const shared = {
    agentModel: config.AGENT_MODEL,
    timeoutMs,
    maxResponseChars: config.MAX_RESPONSE_CHARS,
    agentCircuit: new Circuit(),
    sentimentCircuit: new Circuit(),
    sentimentClarity: new Clarity(),
  };
  const embedded = OPENAI_API_KEY === undefined && OPENAI_BASE_URL === undefined;
  if (embedded) {
    const client = new OpenAI({
      apiKey: "embedded",
      baseURL: "http://embedded.invalid/v1",
      fetch: embeddedFetch,
      logLevel: "off",
    });
    return { client, provider: "the embedded rule-based model", ...shared };
  }
  const client = new OpenAI({
    // A local server wants no key, but the client insists on one.
    apiKey: OPENAI_API_KEY ?? "none",
    baseURL: OPENAI_BASE_URL ?? null,
    organization: null,
    project: null,
    timeout: timeoutMs,
    fetch: createFetch(),
    // At "debug" the client would print whole conversations.
    logLevel: "off",
  });
  return { client, provider: new URL(client.baseURL).host, ...shared };
}
