import OpenAI from "openai";
import type { ChatCompletionMessageParam, ChatCompletionTool } from "openai/resources/chat/completions";
import { RehearsalError } from "../errors.ts";
import type { ModelService } from "../scenario/schema.ts";

/** What a model said, and the function it called. */
export type Said = { readonly text: string; readonly call: { name: string; args: unknown } | null };

/** Longest wait for an answer, ms; a local model takes its time. */
const TIMEOUT_MS = 120_000;

/** A model of the rehearsal's own, over any OpenAI-compatible server. */
export class ChatModel {
  readonly name: string;
  readonly #client: OpenAI;
  readonly #extra: Readonly<Record<string, unknown>>;

  constructor(
    name: string,
    baseURL: string | null,
    apiKey: string,
    extra: Readonly<Record<string, unknown>> = {},
  ) {
    this.name = name;
    this.#extra = extra;
    this.#client = new OpenAI({ apiKey, baseURL, timeout: TIMEOUT_MS, maxRetries: 2, logLevel: "off" });
  }

  /** @throws {RehearsalError} when there is no answer. @param must the function that has to be called. */
  async say(
    messages: readonly ChatCompletionMessageParam[],
    tools: readonly ChatCompletionTool[],
    must: string | null = null,
    seed: number | null = null,
  ): Promise<Said> {
    try {
      const { choices } = await this.#client.chat.completions.create({
        model: this.name,
        messages: [...messages],
        tools: [...tools],
        ...(must === null ? {} : { tool_choice: { type: "function" as const, function: { name: must } } }),
        ...(seed === null ? {} : { seed }),
        temperature: must === null ? 0.7 : 0,
        ...this.#extra,
      });
      const message = choices[0]?.message;
      const call = message?.tool_calls?.find((each) => each.type === "function")?.function;
      return {
        text: message?.content ?? "",
        call: call ? { name: call.name, args: parse(call.arguments) } : null,
      };
    } catch (error) {
      const status = error instanceof OpenAI.APIError && error.status ? ` (status ${error.status})` : "";
      throw new RehearsalError(`the model ${this.name} at ${this.#client.baseURL} does not answer${status}`, {
        cause: error,
      });
    }
  }
}

/** Ollama's own port, or OpenAI's address, unless an endpoint is named. */
export function chatModelOf(
  { service, model, endpoint, extra }: ModelService & { model: string },
  env: Readonly<Record<string, string | undefined>>,
): ChatModel {
  const local = service === "ollama";
  const url = endpoint ?? (local ? "http://localhost:11434/v1" : env.OPENAI_BASE_URL || null);
  // A local server wants no key, but the client insists on one.
  return new ChatModel(model, url, (local ? null : env.OPENAI_API_KEY) || "none", extra);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
