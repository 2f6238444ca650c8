import { EVERYTHING, type Lesson, learn, type Taken } from "./lessons.ts";

type Family = { name: RegExp; not?: RegExp; takes: readonly Lesson[] };

/**
 * What is known of models by their names alone, so that the first request is right already. Where it is wrong, or the
 * name says nothing, the server's first refusal tells. Source: the providers' documentation and LiteLLM's checks
 * (GPT and o-series), the chat templates in llama.cpp (the others).
 */
const FAMILIES: readonly Family[] = [
  // No temperature while it reasons, which it always does.
  { name: /^o\d/, takes: ["max_completion_tokens", "without temperature", "thinks", "effort low"] },
  {
    name: /^gpt-5(?![.\d])/,
    not: /chat/,
    takes: ["max_completion_tokens", "without temperature", "thinks", "effort minimal"],
  },
  // From 5.1 on reasoning can be switched off, and then they take a temperature and tools.
  { name: /^gpt-(5\.\d|[6-9])/, not: /chat/, takes: ["max_completion_tokens", "effort none"] },
  { name: /^gpt-oss/, takes: ["thinks", "effort low"] },
  {
    name: /^(open-)?(gemma-?2|gemma:|mistral|mixtral|ministral|magistral|devstral|codestral)/,
    takes: ["turn by turn"],
  },
  // Mistral Nemo's template drops the instructions, without a word, while a tool's result is the last message.
  { name: /^(gemma-?[12]\b|gemma:|(open-)?mistral-nemo)/, takes: ["no system role"] },
  {
    name: /^(qwen-?3|qwq|glm-?[4-9]|deepseek|kimi|minimax|seed-oss|smollm3|nemotron|hunyuan|magistral)/,
    takes: ["thinks"],
  },
  { name: /(thinking|reasoning|reasoner)/, not: /non-?(thinking|reasoning)/, takes: ["thinks"] },
  // Their templates open the thinking in the prompt.
  { name: /^(deepseek-r1|qwq|qwen-?3.*thinking)/, takes: ["thinks from the start"] },
];

/** What a model of that name is known to take, whatever provider's name stands before its own. */
export function knownOf(model: string): Taken {
  const own = model.toLowerCase().split("/").at(-1) ?? "";
  return FAMILIES.filter(({ name, not }) => name.test(own) && !not?.test(own)).reduce(
    (taken, { takes }) => learn(taken, ...takes),
    EVERYTHING,
  );
}
