import { randomUUID } from "node:crypto";
import type { ServerResponse } from "node:http";
import {
  type ChatRequest,
  type Completion,
  chunk,
  errorBody,
  type HandOff,
  toolCallFor,
  type Usage,
  usageChunk,
  whole,
} from "../lines/openai.ts";

/** One answer to one request, streamed or whole. Its head goes out with its first word, for until then it may fail. */
export class OpenAiReply {
  /** Whether the agent has begun this answer: what it said before belongs to another. */
  started = false;
  readonly #response: ServerResponse;
  readonly #request: ChatRequest;
  readonly #completion: Completion;
  #said = "";
  #tokens = { prompt_tokens: 0, completion_tokens: 0 };
  #ended = false;

  constructor(response: ServerResponse, request: ChatRequest) {
    this.#response = response;
    this.#request = request;
    this.#completion = {
      id: `chatcmpl-${randomUUID()}`,
      model: request.model,
      created: Math.floor(Date.now() / 1_000),
    };
  }

  piece(text: string): void {
    if (this.#ended) return;
    this.#said += text;
    if (this.#request.stream) this.#stream(chunk(this.#completion, { content: text }, null));
  }

  countTokens(input: number | null, output: number | null): void {
    this.#tokens.prompt_tokens += input ?? 0;
    this.#tokens.completion_tokens += output ?? 0;
  }

  /** @param handOff what the agent wants done with the call after these words; null: nothing. */
  finish(handOff: HandOff | null): void {
    if (this.#ended) return;
    const completion = this.#completion;
    const tools = this.#request.tools ?? [];
    const toolCall = handOff && toolCallFor(handOff, tools, `call_${randomUUID().replaceAll("-", "")}`);
    if (!this.#request.stream) {
      this.#json(200, whole(completion, this.#said, toolCall, this.#usage));
      return;
    }
    if (toolCall) this.#stream(chunk(completion, { tool_calls: [{ index: 0, ...toolCall }] }, null));
    this.#stream(chunk(completion, {}, toolCall ? "tool_calls" : "stop"));
    if (this.#request.stream_options?.include_usage) this.#stream(usageChunk(completion, this.#usage));
    this.#stream("data: [DONE]\n\n");
    this.#ended = true;
    this.#response.end();
  }

  fail(status: number, message: string): void {
    if (this.#ended) return;
    if (this.#response.headersSent) this.finish(null);
    else this.#json(status, errorBody(status, message));
  }

  /** Null while the client keeps up; else resolves when it has, or is gone. */
  writable(): Promise<void> | null {
    const response = this.#response;
    if (!response.writableNeedDrain || response.destroyed) return null;
    return new Promise((resolve) => {
      const done = () => {
        response.off("drain", done);
        response.off("close", done);
        resolve();
      };
      response.on("drain", done);
      response.on("close", done);
    });
  }

  /** Cuts off a client that reads nothing. */
  cut(): void {
    this.#ended = true;
    this.#response.destroy();
  }

  get #usage(): Usage {
    const { prompt_tokens, completion_tokens } = this.#tokens;
    return { ...this.#tokens, total_tokens: prompt_tokens + completion_tokens };
  }

  #stream(text: string): void {
    if (!this.#response.headersSent) {
      this.#response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache" });
      this.#response.write(chunk(this.#completion, { role: "assistant", content: "" }, null));
    }
    this.#response.write(text);
  }

  #json(status: number, body: object): void {
    this.#ended = true;
    this.#response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
  }
}
