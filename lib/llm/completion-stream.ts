import OpenAI from "openai";
import type {
  ChatCompletionChunk,
  ChatCompletionCreateParamsStreaming,
} from "openai/resources/chat/completions";
import type { CompletionUsage } from "openai/resources/completions";
import { LlmError } from "../errors.ts";
import { DirectResponse } from "./fetch.ts";
import { SseParser } from "./sse.ts";

/** Bytes as they come: from the socket by our own fetch, a web stream from any other. */
export type Bytes = AsyncIterable<Uint8Array> | Iterable<Uint8Array>;

/** What is read of a chunk. Servers that are only compatible leave out this or that, or send chunks of their own. */
export type CompletionChunk = {
  id?: string | null;
  model?: string | null;
  choices?:
    | readonly {
        delta?: ChatCompletionChunk.Choice.Delta | null;
        /** In place of the delta, where the answer comes as a whole. */
        message?: ChatCompletionChunk.Choice.Delta | null;
        finish_reason?: string | null;
      }[]
    | null;
  usage?: CompletionUsage | null;
  error?: object | null;
};

/**
 * Asks for a streamed completion, as `client.chat.completions.create` does, but leaves the reading to
 * {@link CompletionReader}: the client's own reader costs twice as much per chunk, and ends an aborted answer in silence.
 */
export async function streamCompletion(
  client: OpenAI,
  body: ChatCompletionCreateParamsStreaming,
  options: OpenAI.RequestOptions,
): Promise<Bytes> {
  const response = await client.chat.completions.create(body, options).asResponse();
  if (response.headers.get("content-type")?.includes("application/json")) return wholeAsStream(response);
  return response instanceof DirectResponse ? response.bytes : (response.body ?? []);
}

/** The bytes of a stream for a server that answers as a whole what was to be streamed. */
async function wholeAsStream(response: Response): Promise<Bytes> {
  const whole: unknown = await response.json();
  if (!isChunk(whole)) throw new LlmError("bad_stream", "the model's answer was not valid");
  if (whole.error) throw new OpenAI.APIError(undefined, whole.error, undefined, undefined);
  const choices = whole.choices?.map(({ message, ...choice }) => ({ ...choice, delta: message }));
  const events = `data: ${JSON.stringify({ ...whole, choices })}\n\ndata: [DONE]\n\n`;
  return [new TextEncoder().encode(events)];
}

/** Takes the chunks of one completion out of its bytes. */
export class CompletionReader {
  readonly #events = new SseParser();
  #done = false;

  /** Whether the server has said that nothing more comes. */
  get done(): boolean {
    return this.#done;
  }

  /**
   * The chunks that these bytes complete.
   * @throws {OpenAI.APIError} without a status when the model reports an error in mid-answer.
   * @throws {LlmError} of kind `bad_stream` when it sends something else altogether.
   */
  *push(bytes: Uint8Array): Generator<CompletionChunk, void, void> {
    for (const data of this.#events.push(bytes)) {
      if (data.startsWith("[DONE]")) {
        this.#done = true;
        return;
      }
      const chunk: unknown = JSON.parse(data);
      if (!isChunk(chunk)) throw new LlmError("bad_stream", "the model's answer was not valid");
      if (chunk.error) throw new OpenAI.APIError(undefined, chunk.error, undefined, undefined);
      yield chunk;
    }
  }
}

function isChunk(value: unknown): value is CompletionChunk {
  return typeof value === "object" && value !== null;
}
