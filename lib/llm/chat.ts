import type {
  ChatCompletionChunk,
  ChatCompletionCreateParamsStreaming,
  ChatCompletionMessageParam,
  ChatCompletionTool,
} from "openai/resources/chat/completions";
import type { CompletionUsage } from "openai/resources/completions";
import { LlmError } from "../errors.ts";
import type { Attempt } from "./circuit.ts";
import type { Llm } from "./client.ts";
import { type Bytes, type CompletionChunk, CompletionReader, streamCompletion } from "./completion-stream.ts";
import { attemptOutcome, circuitOpenError, toLlmError } from "./errors.ts";
import { withRetries } from "./retry.ts";
import { type LlmUsage, usageOf } from "./usage.ts";

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
 *
 * The model may be silent for `llm.timeoutMs` at most, before the first piece as between two, retries included:
 * to a caller the one silence is as long as the other.
 */
export class ChatStream implements AsyncIterable<string> {
  readonly #llm: Llm;
  readonly #request: ChatRequest;
  readonly #signal: AbortSignal;
  readonly #onEnd: (usage: LlmUsage) => void;
  /** Leave to ask; null if the circuit is open, and then nothing is sent. */
  readonly #attempt: Attempt | null;
  readonly #upstream = new AbortController();
  readonly #watchdog: NodeJS.Timeout;
  readonly #bytes: Promise<Bytes>;
  readonly #toolCalls = new Map<number, ToolCall>();
  readonly #cancel = () => this.cancel();
  /** Characters that may still come. */
  #room: number;
  /** The model has begun to answer and nobody waits for more, so no silence is the model's. */
  #held = false;
  #reading = false;
  #said = false;
  #finished = false;
  #usage: CompletionUsage | null = null;
  /** Why we closed the request ourselves. */
  #closedBy: LlmError | null = null;
  #ended = false;

  /**
   * @param signal cancels the request; the connection to the model is closed.
   * @param onEnd told once, when a request that was sent has ended in whatever way.
   */
  constructor(
    llm: Llm,
    request: ChatRequest,
    signal: AbortSignal,
    onEnd: (usage: LlmUsage) => void = () => {},
  ) {
    this.#llm = llm;
    this.#request = request;
    this.#signal = signal;
    this.#onEnd = onEnd;
    this.#room = llm.maxResponseChars;
    this.#attempt = llm.agentCircuit.begin();
    this.#watchdog = setTimeout(() => this.#silent(), llm.timeoutMs);
    signal.addEventListener("abort", this.#cancel, { once: true });
    if (signal.aborted) this.cancel();
    this.#bytes = this.#send();
    // It is awaited when somebody reads; until then a failure must not count as unhandled.
    this.#bytes.catch(() => {});
  }

  /** The tool calls of the answer; complete when the text has ended. */
  get toolCalls(): ToolCall[] {
    return [...this.#toolCalls.values()];
  }

  /** Closes the request: nobody wants the rest. */
  cancel(): void {
    if (!this.#ended) this.#close(new LlmError("aborted", "the request was cancelled"));
  }

  /**
   * The text, piece by piece; it can be read once. An answer longer than `llm.maxResponseChars` ends there.
   * @throws {LlmError} of kind `aborted` when the signal ended it.
   */
  async *[Symbol.asyncIterator](): AsyncGenerator<string, void, void> {
    const reader = new CompletionReader();
    this.#reading = true;
    if (this.#held) this.#signOfLife();
    this.#held = false;
    try {
      for await (const bytes of await this.#bytes) {
        for (const chunk of reader.push(bytes)) {
          const text = this.#take(chunk);
          if (text === "") continue;
          this.#said = true;
          this.#held = true;
          yield text;
          this.#held = false;
          this.#signOfLife();
          if (this.#room > 0) continue;
          // Leaving the loop closes the connection.
          this.#toolCalls.clear();
          this.#end("completed", null);
          return;
        }
      }
      // A server that goes away may end its stream without a word.
      if (!this.#finished) throw new LlmError("cut", "the model's answer broke off");
      this.#end("completed", null);
    } catch (error) {
      throw this.#fail(error);
    } finally {
      // Whoever read has left in the middle.
      this.cancel();
    }
  }

  async #send(): Promise<Bytes> {
    try {
      if (!this.#attempt) throw circuitOpenError();
      const { signal } = this.#upstream;
      const body = toBody(this.#request);
      const ask = () => streamCompletion(this.#llm.client, body, { signal, maxRetries: 0 });
      const bytes = await withRetries(ask, performance.now() + this.#llm.timeoutMs, signal);
      // Whoever has asked may be busy still, with waiting for a verdict.
      this.#held = !this.#reading;
      return bytes;
    } catch (error) {
      throw this.#fail(error);
    }
  }

  #signOfLife(): void {
    // Refreshing a cleared timer would start it again.
    if (!this.#ended) this.#watchdog.refresh();
  }

  /** The time for the next piece has passed. */
  #silent(): void {
    if (this.#held) this.#watchdog.refresh();
    else if (this.#said) this.#close(new LlmError("stalled", "the model stopped in mid-answer"));
    else {
      const why = "the model sent nothing in time: raise LLM_TIMEOUT_MS or look at the server";
      this.#close(new LlmError("timeout", why));
    }
  }

  #close(why: LlmError): void {
    if (this.#ended) return;
    this.#closedBy = why;
    this.#end(why.kind === "aborted" ? "cancelled" : "failed", why);
    this.#upstream.abort();
  }

  /** The error to throw: what we did ourselves explains what the client reports of it. */
  #fail(error: unknown): LlmError {
    const failure = this.#closedBy ?? toLlmError(error);
    this.#end("failed", failure);
    return failure;
  }

  #end(outcome: LlmUsage["outcome"], failure: LlmError | null): void {
    if (this.#ended) return;
    this.#ended = true;
    clearTimeout(this.#watchdog);
    this.#signal.removeEventListener("abort", this.#cancel);
    if (!this.#attempt) return;
    this.#attempt.settle(attemptOutcome(failure));
    this.#onEnd(usageOf(this.#request.model, outcome, this.#usage));
  }

  /** Notes what a chunk brings and returns its text. Only what gets the answer on counts as a sign of life. */
  #take(chunk: CompletionChunk): string {
    if (chunk.usage) this.#usage = chunk.usage;
    // The chunk that reports the usage has no choices.
    const choice = chunk.choices?.[0];
    if (!choice) return "";
    if (choice.finish_reason) this.#finished = true;
    for (const part of choice.delta?.tool_calls ?? []) this.#addToolCall(part);
    const text = (choice.delta?.content ?? "").slice(0, this.#room);
    this.#room -= text.length;
    return text;
  }

  #addToolCall(part: ChatCompletionChunk.Choice.Delta.ToolCall): void {
    // Some servers send no index and each call whole: then a part with an id begins a new call.
    const index = part.index ?? (part.id ? this.#toolCalls.size : this.#toolCalls.size - 1);
    const call = this.#toolCalls.get(index) ?? { id: `call_${index}`, name: "", arguments: "" };
    const { name = "", arguments: args = "" } = part.function ?? {};
    this.#room -= (part.id ?? "").length + name.length + args.length;
    if (this.#room < 0) throw new LlmError("bad_stream", "the model's tool call has no end");
    if (part.id) call.id = part.id;
    if (name) call.name = name;
    call.arguments += args;
    this.#toolCalls.set(index, call);
    this.#signOfLife();
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
