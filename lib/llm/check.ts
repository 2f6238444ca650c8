import type { Config } from "../config.ts";
import type { LlmError } from "../errors.ts";
import { agentTarget, ChatStream, type Target } from "./chat.ts";
import type { Llm, Use } from "./client.ts";
import { complaintOf, isUnknownModel } from "./complaint.ts";
import { toLlmError } from "./errors.ts";
import type { Model } from "./model.ts";
import { secondTarget } from "./turn-models.ts";

/** Names that are offered for one that the server does not know. */
const NAMES_OFFERED = 4;
const WORD_TOKENS = 5;

/** A model that calls need, and what for. */
type Configured = { variable: string; use: Use; model: Model; talksAs: Target | null };

/** A model as /ready shows it, in the words of the wire. */
type ModelState = { variable: string; model: string; asked_differently: string[]; problem: string | null };

/** The models that this configuration asks; none where the embedded one answers. */
export function configuredModels(llm: Llm, config: Config): Configured[] {
  if (llm.embedded) return [];
  const { agent, sentiment, summary, second } = llm;
  const talks = (variable: string, use: Use, talksAs: Target) => ({
    variable,
    use,
    model: talksAs.model,
    talksAs,
  });
  const judges = (variable: string, use: Use) => {
    return { variable, use, model: llm.models.get(use.model), talksAs: null };
  };
  return [
    talks("AGENT_MODEL", agent, agentTarget(llm, agent.model)),
    ...(second ? [talks("FALLBACK_MODEL", second.use, secondTarget(second, llm.timeoutMs))] : []),
    judges("SENTIMENT_MODEL", sentiment),
    ...(config.POST_CALL_SUMMARY ? [judges("SUMMARY_MODEL", summary)] : []),
  ];
}

/** What is known of each configured model. */
export function describeModels(llm: Llm, config: Config): ModelState[] {
  return configuredModels(llm, config).map(({ variable, model }) => {
    const { name, adaptations, problem } = model;
    return { variable, model: name, asked_differently: adaptations, problem };
  });
}

/** Nobody hears it: a call as short as can be, with all in it that a real one may have. */
const INSTRUCTIONS = "You are a support agent on the telephone. Answer in one short sentence.";
const GREETING = "Hello! What can I do for you?";
const WORDS = "Just say hello.";
const MOOD = "Answer with one word, positive or neutral: what is the mood of the caller?";

/**
 * Asks each model that calls will need something tiny, all at the same time, so that no caller has to wait for what is
 * learnt of it, and what is wrong is known before the first call. Logs one line for each; never fails.
 */
export async function checkModels(llm: Llm, configured: readonly Configured[]): Promise<void> {
  await Promise.all(configured.map((each) => checkModel(llm, each)));
}

async function checkModel(llm: Llm, { variable, use, model, talksAs }: Configured): Promise<void> {
  const { log, host } = model.server;
  const ask = () => (talksAs ? say(llm, use, talksAs) : judge(llm, model, use));
  const startedAt = performance.now();
  try {
    const before = model.adaptations.length;
    await ask();
    // What an answer has taught, a second one tries out.
    if (model.adaptations.length > before) await ask();
    model.problem = null;
    const ms = Math.round(performance.now() - startedAt);
    const adapted = model.adaptations;
    const how = adapted.length === 0 ? "" : `, asked differently: ${adapted.join(", ")}`;
    log.info({ model: model.name, server: host, ms }, `${variable} ${model.name} at ${host} answers${how}`);
  } catch (error) {
    const failure = toLlmError(error);
    model.problem = `${variable} ${model.name} at ${host}: ${await explain(failure, model, llm.timeoutMs, variable)}`;
    log.error({ model: model.name, server: host, kind: failure.kind }, model.problem);
  }
}

/** A greeting, the caller's words and a tool: what most templates stumble over. */
async function say(llm: Llm, use: Use, target: Target): Promise<void> {
  const messages = [
    { role: "system", content: INSTRUCTIONS },
    { role: "assistant", content: GREETING },
    { role: "user", content: WORDS },
  ] as const;
  const parameters = { type: "object", properties: {}, required: [], additionalProperties: false };
  const description = "Ends the call, after your goodbye.";
  const tool = { name: "end_call", description, parameters, strict: true };
  const answer = new ChatStream(
    llm,
    {
      model: use.model,
      messages: [...messages],
      tools: [{ type: "function", function: tool }],
      toolChoice: "auto",
      temperature: use.temperature,
    },
    new AbortController().signal,
    () => {},
    target,
  );
  for await (const _ of answer);
}

async function judge(llm: Llm, model: Model, use: Use): Promise<void> {
  await model.complete(
    {
      ...use,
      messages: [
        { role: "system", content: MOOD },
        { role: "user", content: WORDS },
      ],
      maxTokens: WORD_TOKENS,
      topLogprobs: 4,
    },
    { signal: AbortSignal.timeout(llm.timeoutMs), maxRetries: 0 },
  );
}

/** What to do about it, in a sentence. */
async function explain(
  failure: LlmError,
  model: Model,
  timeoutMs: number,
  variable: string,
): Promise<string> {
  const from = variable === "FALLBACK_MODEL" ? "FALLBACK" : "OPENAI";
  const complaint = complaintOf(failure.cause);
  switch (failure.kind) {
    case "auth":
      return `the server refuses the key: check ${from}_API_KEY`;
    case "quota":
      return "the account has no quota or credit left";
    case "refused":
      return `nobody answers there: check ${from}_BASE_URL and the network`;
    case "timeout":
      return `no answer within ${timeoutMs} ms: raise LLM_TIMEOUT_MS or look at the server`;
    default: {
      const names =
        complaint?.status === 404 || (complaint && isUnknownModel(complaint)) ? await namesOf(model) : null;
      if (names === null) return failure.message;
      if (names.length === 0) return `the server knows no such model, or ${from}_BASE_URL lacks its /v1`;
      return `the server knows no model of that name; it has ${near(model.name, names).join(", ")}`;
    }
  }
}

/** The models that the server says it has. */
async function namesOf({ server }: Model): Promise<string[]> {
  try {
    const page = await server.client.models.list({ signal: AbortSignal.timeout(5_000), maxRetries: 0 });
    return page.data.map(({ id }) => id);
  } catch {
    // It has no such list; the refusal itself is reported.
    return [];
  }
}

/** The names that are most like this one, by the pairs of letters they share. */
export function near(name: string, names: readonly string[]): string[] {
  const wanted = pairs(name);
  const likeness = (other: string) => {
    const has = pairs(other);
    const shared = [...wanted].filter((pair) => has.has(pair)).length;
    return (2 * shared) / (wanted.size + has.size || 1);
  };
  return [...names].sort((a, b) => likeness(b) - likeness(a)).slice(0, NAMES_OFFERED);
}

function pairs(text: string): Set<string> {
  const lower = text.toLowerCase();
  return new Set([...lower].slice(1).map((_, index) => lower.slice(index, index + 2)));
}
