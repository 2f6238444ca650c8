import type {
  ChatCompletionChunk,
  ChatCompletionCreateParamsStreaming,
  ChatCompletionMessageParam,
  ChatCompletionTool,
} from "openai/resources/chat/completions";
import type { CompletionUsage } from "openai/resources/completions";
import { unlessAborted } from "../deadline.ts";
import { LlmError } from "../errors.ts";
import type { Llm } from "./client.ts";
import { toLlmError } from "./errors.ts";

export type ToolCall = {
  id: string;
  name: string;
  /** As the model wrote them: JSON, one hopes. */
  arguments: string;
};

export type ChatRequest = {
  model: string;
  messages: ChatCompletionMessageParam[];
  tools: ChatCompletionTool[];
  /** `none`: the tools are shown, for the history to make sense, but may not be called. */
  toolChoice: "auto" | "none";
  temperature: number;
};

/**
 * One streamed answer. The request leaves when it is made, not when the first piece is asked for,
 * so that a caller of this class may do something else meanwhile.
 */
export class ChatStream implements AsyncIterable<string> {
  /** Tokens as the API reported them; null if it did not. */
  usage: CompletionUsage | null = null;
  readonly #signal: AbortSignal;
  readonly #stalled = new AbortController();
  readonly #watchdog: NodeJS.Timeout;
  readonly #chunks: Promise<AsyncIterable<ChatCompletionChunk>>;
  readonly #toolCalls = new Map<number, ToolCall>();
  #finished = false;

  /** @param signal cancels the request; the connection to the model is closed. */
  constructor(llm: Llm, request: ChatRequest, signal: AbortSignal) {
    this.#signal = signal;
    this.#watchdog = setTimeout(() => this.#stalled.abort(), llm.timeoutMs);
    // An answer nobody reads any more, or ever began to read, must not leave its timer behind.
    signal.addEventListener("abort", () => clearTimeout(this.#watchdog), { once: true });
    const cancelled = AbortSignal.any([signal, this.#stalled.signal]);
    const response = llm.client.chat.completions.create(toBody(request), { signal: cancelled });
    // The client sleeps between retries without looking at the signal; nobody should wait for that.
    this.#chunks = unlessAborted(response, cancelled);
    // It is awaited when somebody reads; until then a failure must not count as unhandled.
    this.#chunks.catch(() => clearTimeout(this.#watchdog));
  }

  /** The tool calls of the answer; complete when the text has ended. */
  get toolCalls(): ToolCall[] {
    return [...this.#toolCalls.values()];
  }

  /**
   * The text, piece by piece; it can be read once.
   * @throws {LlmError} of kind `aborted` when the signal ended it.
   */
  async *[Symbol.asyncIterator](): AsyncGenerator<string, void, void> {
    let said = false;
    try {
      for await (const chunk of await this.#chunks) {
        this.#watchdog.refresh();
        const text = this.#take(chunk);
        if (text === "") continue;
        said = true;
        yield text;
      }
    } catch (error) {
      throw this.#whyEnded(said) ?? toLlmError(error);
    } finally {
      clearTimeout(this.#watchdog);
    }
    // The client ends an aborted stream without a word, and so does a server that goes away.
    const failure = this.#whyEnded(said);
    if (failure) throw failure;
    if (!this.#finished) throw new LlmError("cut", "the model's answer broke off");
  }

  #whyEnded(said: boolean): LlmError | null {
    if (this.#signal.aborted) return new LlmError("aborted", "the request was cancelled");
    if (!this.#stalled.signal.aborted) return null;
    return said
      ? new LlmError("stalled", "the model stopped in mid-answer")
      : new LlmError("timeout", "the model sent nothing in time: raise LLM_TIMEOUT_MS or look at the server");
  }

  #take(chunk: ChatCompletionChunk): string {
    if (chunk.usage) this.usage = chunk.usage;
    // The chunk that reports the usage has no choices.
    const choice = chunk.choices[0];
    if (!choice) return "";
    if (choice.finish_reason) this.#finished = true;
    for (const part of choice.delta.tool_calls ?? []) this.#addToolCall(part);
    return choice.delta.content ?? "";
  }

  #addToolCall(part: ChatCompletionChunk.Choice.Delta.ToolCall): void {
    // Some servers send no index and each call whole: then a part with an id begins a new call.
    const index = part.index ?? (part.id ? this.#toolCalls.size : this.#toolCalls.size - 1);
    const call = this.#toolCalls.get(index) ?? { id: `call_${index}`, name: "", arguments: "" };
    if (part.id) call.id = part.id;
    if (part.function?.name) call.name = part.function.name;
    call.arguments += part.function?.arguments ?? "";
    this.#toolCalls.set(index, call);
  }
}

function toBody(request: ChatRequest): ChatCompletionCreateParamsStreaming {
  const { model, messages, tools, toolChoice, temperature } = request;
  return {
    model,
    messages,
    temperature,
    stream: true,
    stream_options: { include_usage: true },
    ...(tools.length > 0 ? { tools, tool_choice: toolChoice } : {}),
  };
}
