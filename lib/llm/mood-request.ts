import type { ChatCompletionMessageParam } from "openai/resources/chat/completions";
import type { Said, UtteranceContext } from "../mood/context.ts";
import { SENTIMENTS, type Sentiment } from "../wire/log-events.ts";
import type { Llm } from "./client.ts";
import type { Completion } from "./model.ts";

const PROMPT = `You judge the mood of a customer in a call with a support agent.
Judge the customer's last message, which stands by itself, as it is meant in its call. The call so far only explains it.
Answer with one word, one of: positive, neutral, negative, frustrated.
positive: pleased or thankful. neutral: a question, a fact, an answer, a refusal, no feeling; also a problem told plainly
("my screen is cracked"), somebody else's anger, and a joke. negative: unhappy with the service, or disappointed by it.
frustrated: angry, sarcastic or coldly resigned, out of patience, or has to say the same thing again and again.`;

/** Probability that the caller is upset where the model tells its class alone. */
export const UPSET_BY_CLASS: Readonly<Record<Sentiment, number>> = {
  positive: 0.02,
  neutral: 0.05,
  negative: 0.7,
  frustrated: 0.9,
};

/** Asks a model how the caller sounds: one word, and where the server tells them, the likelihoods of others. */
export function requestMood(
  llm: Llm,
  model: string,
  context: UtteranceContext,
  signal: AbortSignal,
): Promise<Completion> {
  return llm.models.get(model).complete(
    { ...llm.sentiment, maxTokens: 5, topLogprobs: 5, messages: moodMessages(context) },
    // A retry would come after the answer; the embedded model is at hand at once.
    { signal, maxRetries: 0 },
  );
}

/** The request for a verdict: the prompt with the call so far, and the utterance. */
export function moodMessages(context: UtteranceContext): ChatCompletionMessageParam[] {
  const { before, text } = context;
  const soFar = before.length === 0 ? "" : `\n\nThe call so far:\n${before.map(lineOf).join("\n")}`;
  const signs = signsOf(context);
  const noted = signs.length === 0 ? "" : `\n\nAbout the last message: ${signs.join("; ")}.`;
  return [
    { role: "system", content: `${PROMPT}${soFar}${noted}` },
    { role: "user", content: text },
  ];
}

function lineOf({ role, text, interrupted }: Said): string {
  // As JSON: what somebody says cannot look like a line of the prompt.
  return `${role === "user" ? "customer" : "agent"}: ${JSON.stringify(text)}${interrupted ? " (cut short)" : ""}`;
}

function signsOf({ saidBefore, corrects, interrupts, failure, failures }: UtteranceContext): string[] {
  const failed = {
    tool: "the agent has just failed to do something",
    same_again: "the agent has just said the same thing again",
    not_understood: "the agent has just not understood",
    apology: "the agent has just apologised",
  } as const;
  return [
    saidBefore > 0
      ? `the customer has said nearly the same ${saidBefore === 1 ? "once" : `${saidBefore} times`} before`
      : "",
    corrects ? "the customer corrects the agent" : "",
    interrupts ? "the customer has cut the agent short" : "",
    failure === null ? "" : failed[failure],
    failures > 1 ? `${failures} answers of the agent have failed so far` : "",
  ].filter((sign) => sign !== "");
}

/** The class that an answer names, with one of the four words and nothing else; null for any other answer. */
export function readSentiment(answer: string): Sentiment | null {
  const word = answer
    .trim()
    .toLowerCase()
    .replace(/[.!"'*`]/g, "");
  return SENTIMENTS.find((sentiment) => sentiment === word) ?? null;
}

/**
 * Probability that the caller is upset, 0…1: of the alternatives to the answer's first token if the server tells them,
 * else by the class alone.
 */
export function readUpset(sentiment: Sentiment, logprobs: Completion["logprobs"]): number {
  const alternatives = logprobs?.content?.[0]?.top_logprobs ?? [];
  let [upset, all] = [0, 0];
  for (const { token, logprob } of alternatives) {
    const begin = token.trim().toLowerCase();
    const meant = SENTIMENTS.filter((each) => begin !== "" && each.startsWith(begin));
    // "ne" begins two of the words: then what was answered is what is meant.
    const named = meant.length > 1 && meant.includes(sentiment) ? sentiment : meant[0];
    if (named === undefined) continue;
    const probability = Math.exp(logprob);
    all += probability;
    if (named === "negative" || named === "frustrated") upset += probability;
  }
  // A server that tells one alternative has told nothing but the answer.
  return all > 0 && alternatives.length > 1 ? upset / all : UPSET_BY_CLASS[sentiment];
}
