import type { ChatCompletionMessageParam, ChatCompletionTool } from "openai/resources/chat/completions";
import type { CompletionUsage } from "openai/resources/completions";
import { LlmError } from "../errors.ts";
import type { JsonObject } from "../wire/events.ts";
import type { Attempt, Circuit } from "./circuit.ts";
import type { Llm } from "./client.ts";
import { type Bytes, type CompletionChunk, CompletionReader } from "./completion-stream.ts";
import { readContent, thinkingBeside } from "./content.ts";
import { attemptOutcome, circuitOpenError, contentFilterError, toLlmError } from "./errors.ts";
import type { Model } from "./model.ts";
import { ResponseBytes } from "./response-bytes.ts";
import { withRetries } from "./retry.ts";
import { ThinkingFilter } from "./thinking.ts";
import { ThinkingTime } from "./thinking-time.ts";
import { type ToolCall, type ToolCallPart, ToolCallParts } from "./tool-call-parts.ts";
import { type LlmUsage, type OnRequestEnd, type RequestLog, usageOf } from "./usage.ts";

/** How long a server that has said the answer's end may take to close its stream, ms. */
const END_GRACE_MS = 1_000;

export type ChatRequest = {
  model: string;
  messages: ChatCompletionMessageParam[];
  tools: ChatCompletionTool[];
  /** `none`: the tools are shown, for the history to make sense, but may not be called. */
  toolChoice: "auto" | "none";
  temperature: number;
};

/** Whom an answer is asked of, and how. */
export type Target = {
  /** As it is called on the record. */
  name: string;
  model: Model;
  circuit: Circuit;
  effort: string | null;
  extraBody: JsonObject;
  /** Longest silence before the first word, ms. */
  firstWordMs: number;
  /** Whether a request that fails before the first word is made again. */
  retries: boolean;
};

/** The agent's model, to be asked as where no other stands by. */
export function agentTarget(llm: Llm, model: string): Target {
  return {
    name: model,
    model: llm.models.get(model),
    circuit: llm.agentCircuit,
    effort: llm.agent.effort,
    extraBody: llm.agent.extraBody,
    firstWordMs: llm.timeoutMs,
    retries: true,
  };
}

/** An answer as it is read, whichever model gives it. */
export type AnswerStream = AsyncIterable<string> &
  Pick<ChatStream, "model" | "toolCalls" | "thoughts" | "giveUp" | "cancel">;

/**
 * One streamed answer. The request leaves when it is made, not when the first piece is asked for,
 * so that a caller of this class may do something else meanwhile.
 *
 * The model may be silent for `target.firstWordMs` before the first piece, retries included, and for `llm.timeoutMs`
 * between two; without a second model the two are the same, for to a caller the one silence is as long as the other.
 */
export class ChatStream implements AsyncIterable<string> {
  readonly #llm: Llm;
  readonly #target: Target;
  readonly #model: Model;
  readonly #request: ChatRequest;
  readonly #signal: AbortSignal;
  readonly #onEnd: OnRequestEnd;
  readonly #startedAt = performance.now();
  /** Leave to ask; null if the circuit is open, and then nothing is sent. */
  readonly #attempt: Attempt | null;
  readonly #upstream = new AbortController();
  readonly #thinking: ThinkingFilter;
  #watchdog: NodeJS.Timeout;
  readonly #bytes: Promise<Bytes>;
  readonly #toolCalls = new ToolCallParts();
  readonly #cancel = () => this.cancel();
  /** Characters that may still come. */
  #room: number;
  /** The model has begun to answer and nobody waits for more, so no silence is the model's. */
  #held = false;
  #reading = false;
  #said = false;
  #finishReason: string | null = null;
  /** The chunk that brought it: what answered, and under which id. */
  #lastChunk: CompletionChunk | null = null;
  /** From the request to the first words or tool call, ms. */
  #firstChunkMs: number | null = null;
  readonly #retries: RequestLog["retries"][number][] = [];
  readonly #thinkingTime = new ThinkingTime();
  /** The thinking as some servers want it back with the results of the tools it calls. */
  #thoughts = "";
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
    onEnd: OnRequestEnd = () => {},
    target: Target = agentTarget(llm, request.model),
  ) {
    this.#llm = llm;
    this.#target = target;
    this.#model = target.model;
    this.#thinking = new ThinkingFilter(this.#model.thinksFromStart);
    this.#request = request;
    this.#signal = signal;
    this.#onEnd = onEnd;
    this.#room = llm.maxResponseChars;
    this.#attempt = target.circuit.begin();
    this.#watchdog = setTimeout(() => this.#silent(), target.firstWordMs);
    signal.addEventListener("abort", this.#cancel, { once: true });
    if (signal.aborted) this.cancel();
    this.#bytes = this.#send();
    // It is awaited when somebody reads; until then a failure must not count as unhandled.
    this.#bytes.catch(() => {});
  }

  /** The name of the model that is asked. */
  get model(): string {
    return this.#target.name;
  }

  /** The tool calls of the answer; complete when the text has ended. */
  get toolCalls(): ToolCall[] {
    return this.#toolCalls.calls;
  }

  /** What the model thought before it called tools, to be sent back with their results; empty: nothing, or unknown. */
  get thoughts(): string {
    return this.#thoughts;
  }

  /** Ends the answer with this error. */
  giveUp(why: LlmError): void {
    this.#close(why);
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
      const bytes = await this.#bytes;
      try {
        for await (const part of bytes) {
          for (const chunk of reader.push(part)) {
            const text = this.#take(chunk);
            if (text === "") continue;
            if (!this.#said) this.#beginToSpeak();
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
          if (!reader.done) continue;
          this.#finishReason ??= "stop";
          // The connection is kept for the next request if the stream ends as it should.
          if (bytes instanceof ResponseBytes) bytes.finish(END_GRACE_MS);
          break;
        }
      } catch (error) {
        // An answer that is complete stays so, whatever becomes of the stream.
        if (this.#finishReason === null || this.#closedBy !== null) throw error;
      }
      const rest = this.#rest();
      if (rest !== "") yield rest;
      this.#end("completed", null);
    } catch (error) {
      throw this.#fail(error);
    } finally {
      // Whoever read has left in the middle.
      this.cancel();
    }
  }

  /** The stream has ended: what was kept back of the text, in case it was thinking. */
  #rest(): string {
    // A server that goes away may end its stream without a word.
    if (this.#finishReason === null) throw new LlmError("cut", "the model's answer broke off");
    if (this.#finishReason === "content_filter") throw contentFilterError();
    const beganInside = this.#thinking.thinking;
    const rest = this.#cutToRoom(this.#thinking.end(this.#finishReason === "length"));
    if (beganInside && rest !== "") this.#model.noteFromStart(false);
    if (this.#thinking.loneEnd) this.#model.noteFromStart(true);
    if (this.#thinking.thought) this.#model.noteThinking();
    if (rest !== "") this.#thinkingTime.end();
    return rest;
  }

  async #send(): Promise<Bytes> {
    try {
      if (!this.#attempt) throw circuitOpenError();
      const { signal } = this.#upstream;
      const { effort, extraBody, firstWordMs, retries } = this.#target;
      const request = { ...this.#request, effort, extraBody };
      const ask = () => this.#model.stream(request, { signal, maxRetries: 0 });
      const noteRetry = (failure: unknown) =>
        this.#retries.push({ afterMs: this.#elapsed, because: toLlmError(failure).kind });
      const giveUpAt = performance.now() + firstWordMs;
      const bytes = await (retries ? withRetries(ask, giveUpAt, signal, noteRetry) : ask());
      // Whoever has asked may be busy still, with waiting for a verdict.
      this.#held = !this.#reading;
      return bytes;
    } catch (error) {
      throw this.#fail(error);
    }
  }

  #beginToSpeak(): void {
    this.#said = true;
    this.#firstChunkMs ??= this.#elapsed;
    const { timeoutMs } = this.#llm;
    // Whoever stands by for the first word is not needed any more.
    if (this.#ended || this.#finishReason !== null || this.#target.firstWordMs === timeoutMs) return;
    clearTimeout(this.#watchdog);
    this.#watchdog = setTimeout(() => this.#silent(), timeoutMs);
  }

  #signOfLife(): void {
    // Refreshing a cleared timer would start it again.
    if (!this.#ended) this.#watchdog.refresh();
  }

  /** The time for the next piece has passed. */
  #silent(): void {
    // The answer was complete, only the stream has no end.
    if (this.#finishReason !== null) this.#upstream.abort();
    else if (this.#held) this.#watchdog.refresh();
    else if (this.#said) this.#close(new LlmError("stalled", "the model stopped in mid-answer"));
    else if (this.#target.firstWordMs < this.#llm.timeoutMs) {
      const why = `the model said nothing for ${Math.round(this.#target.firstWordMs)} ms`;
      this.#close(new LlmError("timeout", why));
    } else if (this.#thinkingTime.hasBegun) {
      const why = "the model was still thinking: lower AGENT_REASONING_EFFORT or raise LLM_TIMEOUT_MS";
      this.#close(new LlmError("timeout", why));
    } else {
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
    // One before the answer has been reported where it was met.
    if (this.#closedBy === null && this.#reading && !this.#ended) this.#model.report(error, this.#request);
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
    this.#thinkingTime.end();
    const usage = { ...usageOf(this.model, outcome, this.#usage), thinkingMs: this.#thinkingTime.ms };
    this.#onEnd(usage, this.#describe(usage, failure));
  }

  #describe(usage: LlmUsage, failure: LlmError | null): RequestLog {
    const { temperature, messages } = this.#request;
    return {
      usage,
      purpose: "answer",
      utterance: null,
      server: this.#model.server.client.baseURL,
      temperature,
      streamed: true,
      tookMs: this.#elapsed,
      firstChunkMs: this.#firstChunkMs,
      finishReason: this.#finishReason,
      responseModel: this.#lastChunk?.model ?? null,
      responseId: this.#lastChunk?.id ?? null,
      error: failure?.kind ?? null,
      retries: this.#retries,
      messages,
      toolCalls: this.toolCalls,
      text: null,
    };
  }

  /** Since the request, ms. */
  get #elapsed(): number {
    return Math.round(performance.now() - this.#startedAt);
  }

  /** Notes what a chunk brings and returns its text. Only what gets the answer on counts as a sign of life. */
  #take(chunk: CompletionChunk): string {
    if (chunk.usage) this.#usage = chunk.usage;
    // The chunk that reports the usage has no choices.
    const choice = chunk.choices?.[0];
    if (!choice) return "";
    if (choice.finish_reason) {
      this.#lastChunk = chunk;
      this.#finish(choice.finish_reason);
    }
    const { delta } = choice;
    if (!delta) return "";
    for (const part of delta.tool_calls ?? []) this.#addToolCall(part);
    const { text, thought } = readContent(delta.content ?? delta.refusal, delta);
    if (thought) this.#takeThought(thinkingBeside(delta));
    if (text === "") return "";
    const given = this.#thinking.push(text);
    // Blanks at the beginning are no words yet.
    const said = this.#cutToRoom(this.#said ? given : given.trimStart());
    if (this.#thinking.thinking || (this.#thinking.thought && !this.#said))
      this.#thinkingTime.add(text.length);
    if (said !== "") this.#thinkingTime.end();
    return said;
  }

  /** Nothing but figures may come now, and not for long. */
  #finish(reason: string): void {
    this.#finishReason = reason;
    if (this.#ended) return;
    clearTimeout(this.#watchdog);
    this.#watchdog = setTimeout(() => this.#silent(), END_GRACE_MS);
  }

  #takeThought(text: string): void {
    this.#thinking.notFromStart();
    this.#thoughts += text;
    this.#thinkingTime.add(text.length);
    this.#model.noteThinking();
  }

  #cutToRoom(piece: string): string {
    const text = piece.slice(0, this.#room);
    this.#room -= text.length;
    return text;
  }

  #addToolCall(part: ToolCallPart): void {
    this.#room -= this.#toolCalls.add(part);
    if (this.#room < 0) throw new LlmError("bad_stream", "the model's tool call has no end");
    this.#firstChunkMs ??= this.#elapsed;
    this.#thinkingTime.end();
    this.#signOfLife();
  }
}
