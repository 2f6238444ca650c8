import type { ChatCompletionMessageParam } from "openai/resources/chat/completions";
import type { LlmError, LlmErrorKind } from "../errors.ts";
import { AnswerOfTwo } from "./answer-of-two.ts";
import { type AnswerStream, agentTarget, type ChatRequest, ChatStream, type Target } from "./chat.ts";
import type { Llm, SecondModel } from "./client.ts";
import type { OnRequestEnd } from "./usage.ts";

/** The second model has been asked. */
export type Switch = {
  from: string;
  to: string;
  /** What the first did. */
  because: LlmErrorKind;
  reason: string;
  /** From the request to the first model to the one to the second, ms. */
  afterMs: number;
};

export type TurnModelsOptions = {
  llm: Llm;
  /** Aborted when nobody wants the rest of the turn; it ends every request. */
  signal: AbortSignal;
  /** Told of every request that was sent and has ended. */
  onRequestEnd: OnRequestEnd;
  onSwitch: (change: Switch) => void;
  /** Whether anything of the turn has been said: until then an answer without a word is a failure. */
  hasSpoken: () => boolean;
};

/**
 * Asks for the answers of one turn. Where there is a second model it is asked when the first has failed, or has been
 * silent for too long, before its first word, and gives the rest of the turn. A model that has begun to speak is never
 * replaced, so nobody hears two answers to one request.
 */
export class TurnModels {
  readonly #options: TurnModelsOptions;
  /** How many messages of the turn's requests were there when the second model was first asked; null: it was not. */
  #switchedAt: number | null = null;

  constructor(options: TurnModelsOptions) {
    this.#options = options;
  }

  /** Sends the request. */
  open(request: ChatRequest): AnswerStream {
    const { llm, signal, onRequestEnd } = this.#options;
    const { second } = llm;
    if (second === null) return new ChatStream(llm, request, signal, onRequestEnd);
    if (this.#switchedAt !== null) return this.#askSecond(second, request, llm.timeoutMs);
    // Nobody could take over: the first gets all the time there is.
    if (second.circuit.refuses && !llm.agentCircuit.refuses) {
      return new ChatStream(llm, request, signal, onRequestEnd);
    }
    return new AnswerOfTwo({
      first: this.#askFirst(second, request),
      orElse: (failure, afterMs) => this.#takeOver(second, request, failure, afterMs),
      hasSpoken: this.#options.hasSpoken,
    });
  }

  #askFirst(second: SecondModel, request: ChatRequest): ChatStream {
    const { llm, signal, onRequestEnd } = this.#options;
    const target: Target = {
      ...agentTarget(llm, request.model),
      firstWordMs: second.afterMs,
      // The second model answers sooner than a second try.
      retries: false,
    };
    return new ChatStream(llm, request, signal, onRequestEnd, target);
  }

  #askSecond(second: SecondModel, request: ChatRequest, firstWordMs: number): ChatStream {
    const { llm, signal, onRequestEnd } = this.#options;
    const written = request.messages.slice(0, this.#switchedAt ?? 0).map(withoutExtras);
    const messages = [...written, ...request.messages.slice(written.length)];
    return new ChatStream(
      llm,
      { ...request, messages },
      signal,
      onRequestEnd,
      secondTarget(second, firstWordMs),
    );
  }

  #takeOver(
    second: SecondModel,
    request: ChatRequest,
    failure: LlmError,
    afterMs: number,
  ): ChatStream | null {
    const { llm, signal, onSwitch } = this.#options;
    if (signal.aborted || !isForAnother(failure.kind)) return null;
    this.#switchedAt = request.messages.length;
    const { kind: because, message: reason } = failure;
    onSwitch({ from: request.model, to: second.name, because, reason, afterMs: Math.round(afterMs) });
    return this.#askSecond(second, request, Math.max(1, llm.timeoutMs - afterMs));
  }
}

/** The second model, to be asked as the last that there is. */
export function secondTarget(second: SecondModel, firstWordMs: number): Target {
  const { name, use, models, circuit } = second;
  const { effort, extraBody } = use;
  return { name, model: models.get(use.model), circuit, effort, extraBody, firstWordMs, retries: true };
}

/** Whether another model may do better: not where nobody wants the answer, or a filter does not want it given. */
function isForAnother(kind: LlmErrorKind): boolean {
  return kind !== "aborted" && kind !== "turn_limit" && kind !== "content_filter";
}

/** Without what its maker has put into a tool call: it means nothing to another, who may refuse it. */
export function withoutExtras<M extends ChatCompletionMessageParam>(message: M): M {
  if (message.role !== "assistant" || !message.tool_calls) return message;
  const tool_calls = message.tool_calls.map((call) =>
    call.type === "function" ? { id: call.id, type: call.type, function: call.function } : call,
  );
  return { ...message, tool_calls };
}
