import OpenAI from "openai";
import { type Logger, pino } from "pino";
import type { Config } from "../config.ts";
import type { JsonObject } from "../wire/events.ts";
import { Circuit } from "./circuit.ts";
import { Clarity } from "./clarity.ts";
import { EMBEDDED_MODEL } from "./embedded/completion.ts";
import { embeddedFetch } from "./embedded/fetch.ts";
import { createFetch } from "./fetch.ts";
import { Models } from "./model.ts";

/** How a model is asked for one purpose. */
export type Use = {
  readonly model: string;
  /** 0…2 */
  readonly temperature: number;
  /** How much it may think, in its provider's words; null: as little as it can. */
  readonly effort: string | null;
  /** Further parameters of every request. */
  readonly extraBody: JsonObject;
};

/** The model that answers where the first one gives no answer. */
export type SecondModel = {
  /** Its name on the record and in the log: with its server's where the first has the same name. */
  readonly name: string;
  readonly use: Use;
  /** What is known of it; its server may be another one. */
  readonly models: Models;
  readonly circuit: Circuit;
  /** How long the first model may be silent before its first word, ms. */
  readonly afterMs: number;
};

/** The language model as the nodes use it: one client per process, so that connections are shared. */
export type Llm = {
  readonly client: OpenAI;
  /** Whether the embedded model answers, and no server is asked. */
  readonly embedded: boolean;
  /** What is known of the models behind it. */
  readonly models: Models;
  /** What answers, for the log and for people: a host name, or the embedded model. */
  readonly provider: string;
  /** How the model that talks is asked, unless an agent names another model or temperature. */
  readonly agent: Use;
  readonly sentiment: Use;
  readonly summary: Use;
  /** `FALLBACK_MODEL`; null where there is none. */
  readonly second: SecondModel | null;
  /** Longest silence of the model in an answer: before its first piece, and between two, ms. */
  readonly timeoutMs: number;
  /** Longest answer, characters; the rest is not fetched. */
  readonly maxResponseChars: number;
  /** Longest turn, ms: from the request to the last word, whatever tools are used in between. */
  readonly turnTimeoutMs: number;
  /** One for each use, for the two may have different models, and the one's failure is none of the other's. */
  readonly agentCircuit: Circuit;
  readonly sentimentCircuit: Circuit;
  /** How often the verdicts asked for are none. */
  readonly sentimentClarity: Clarity;
};

/** These settings with the names of the models that answer: without a key and an address that is the embedded one. */
export function nameModels(config: Config): Config {
  if (!isEmbedded(config)) return config;
  return {
    ...config,
    AGENT_MODEL: EMBEDDED_MODEL,
    SENTIMENT_MODEL: EMBEDDED_MODEL,
    SUMMARY_MODEL: EMBEDDED_MODEL,
  };
}

/** Whether the model in this process answers. */
export function isEmbedded({ OPENAI_API_KEY, OPENAI_BASE_URL }: Config): boolean {
  return OPENAI_API_KEY === undefined && OPENAI_BASE_URL === undefined;
}

/**
 * OpenAI with `OPENAI_API_KEY`, any compatible server with `OPENAI_BASE_URL`; with neither, the same client on an
 * in-process `fetch` that is answered by the embedded model.
 * @param log told what is learnt of the models, and what their server says when it refuses.
 */
export function createLlm(config: Config, log: Logger = pino({ level: "silent" })): Llm {
  const { OPENAI_API_KEY, OPENAI_BASE_URL, LLM_TIMEOUT_MS: timeoutMs } = config;
  const shared = {
    agent: {
      model: config.AGENT_MODEL,
      temperature: config.AGENT_TEMPERATURE,
      effort: config.AGENT_REASONING_EFFORT ?? null,
      extraBody: config.AGENT_EXTRA_BODY ?? {},
    },
    sentiment: {
      model: config.SENTIMENT_MODEL,
      temperature: 0,
      effort: config.SENTIMENT_REASONING_EFFORT ?? null,
      extraBody: config.SENTIMENT_EXTRA_BODY ?? {},
    },
    summary: {
      model: config.SUMMARY_MODEL,
      temperature: 0,
      effort: null,
      extraBody: config.SUMMARY_EXTRA_BODY ?? {},
    },
    timeoutMs,
    maxResponseChars: config.MAX_RESPONSE_CHARS,
    turnTimeoutMs: config.TURN_TIMEOUT_MS,
    agentCircuit: new Circuit(),
    sentimentCircuit: new Circuit(),
    sentimentClarity: new Clarity(),
    embedded: isEmbedded(config),
  };
  if (shared.embedded) {
    const client = new OpenAI({
      apiKey: "embedded",
      baseURL: "http://embedded.invalid/v1",
      fetch: embeddedFetch,
      logLevel: "off",
    });
    const provider = "the embedded model";
    const models = new Models({ client, host: provider, log });
    return { client, provider, models, second: null, ...shared };
  }
  const models = modelsAt({ key: OPENAI_API_KEY, baseUrl: OPENAI_BASE_URL }, timeoutMs, log);
  const { client, host: provider } = models.server;
  return { client, provider, models, second: secondModel(config, models, log), ...shared };
}

type Address = { key: string | undefined; baseUrl: string | undefined };

/** The models of one server, on connections of their own. */
function modelsAt({ key, baseUrl }: Address, timeoutMs: number, log: Logger): Models {
  const client = new OpenAI({
    // A local server wants no key, but the client insists on one.
    apiKey: key ?? "none",
    baseURL: baseUrl ?? null,
    organization: null,
    project: null,
    timeout: timeoutMs,
    fetch: createFetch(),
    // At "debug" the client would print whole conversations.
    logLevel: "off",
  });
  return new Models({ client, host: new URL(client.baseURL).host, log });
}

function secondModel(config: Config, first: Models, log: Logger): SecondModel | null {
  const { FALLBACK_MODEL, FALLBACK_BASE_URL, FALLBACK_API_KEY, LLM_TIMEOUT_MS } = config;
  if (FALLBACK_MODEL === undefined) return null;
  const isElsewhere = FALLBACK_BASE_URL !== undefined;
  const own = {
    baseUrl: FALLBACK_BASE_URL ?? config.OPENAI_BASE_URL,
    // A key is for the server it was made for, and is shown to no other.
    key: FALLBACK_API_KEY ?? (isElsewhere ? undefined : config.OPENAI_API_KEY),
  };
  const isOwn = isElsewhere || FALLBACK_API_KEY !== undefined;
  const models = isOwn ? modelsAt(own, LLM_TIMEOUT_MS, log) : first;
  const isNamesake = FALLBACK_MODEL === config.AGENT_MODEL;
  return {
    name: isNamesake ? `${FALLBACK_MODEL} at ${models.server.host}` : FALLBACK_MODEL,
    // What the first is asked beyond the usual is in the words of its own maker.
    use: { model: FALLBACK_MODEL, temperature: config.AGENT_TEMPERATURE, effort: null, extraBody: {} },
    models,
    circuit: new Circuit(),
    afterMs: config.FALLBACK_AFTER_MS,
  };
}
