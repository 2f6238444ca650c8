import { setImmediate as nextEventLoopTurn } from "node:timers/promises";
import { z } from "zod";
import { classify } from "../../mood/judge.ts";
import { type ChatRequest, chatRequestSchema } from "./chat-request.ts";
import { chunksOf, completionOf } from "./completion.ts";
import { isSentimentRequest, lastUtterance, type Reply, replyTo } from "./replies.ts";

/**
 * A `fetch` for the `openai` client that answers Chat Completions in this process, from rules, with no network.
 * A body it cannot read, or a request for JSON, gets a 400 in OpenAI's shape, any other path a 404.
 * Rejects with the signal's reason when `init.signal` is aborted; an abort in mid-stream ends the stream with it.
 */
export async function embeddedFetch(url: string | URL | Request, init?: RequestInit): Promise<Response> {
  const signal = init?.signal ?? (url instanceof Request ? url.signal : null);
  signal?.throwIfAborted();
  // The signal is left out here: it is followed below, as far as the end of the stream.
  const sent = new Request(url, { ...init, signal: null });
  if (sent.method !== "POST" || !new URL(sent.url).pathname.endsWith("/chat/completions")) {
    return errorResponse(404, `The embedded model answers POST …/chat/completions only, not ${sent.method}.`);
  }
  const body = await sent.text();
  signal?.throwIfAborted();

  const parsed = chatRequestSchema.safeParse(parseJson(body));
  if (!parsed.success) return errorResponse(400, z.prettifyError(parsed.error));
  const request = parsed.data;
  if (request.wantsJson) {
    return errorResponse(
      400,
      "The embedded model does not answer in JSON. Set OPENAI_API_KEY to use a model that does.",
    );
  }

  const reply = answer(request);
  if (!request.stream) return Response.json(completionOf(reply, request));
  return new Response(eventStream(chunksOf(reply, request), signal), {
    headers: { "content-type": "text/event-stream; charset=utf-8" },
  });
}

function answer(request: ChatRequest): Reply {
  if (isSentimentRequest(request)) return { kind: "text", text: classify(lastUtterance(request.messages)) };
  return replyTo(request.messages, request.tools);
}

/** Server-sent events, made one at a time as the reader asks for them. */
function eventStream(
  chunks: Iterator<unknown, void>,
  signal: AbortSignal | null,
): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  const ended = new AbortController();
  return new ReadableStream(
    {
      start(controller) {
        const stop = () => controller.error(signal?.reason);
        signal?.addEventListener("abort", stop, { once: true, signal: ended.signal });
      },
      async pull(controller) {
        // Other calls, and an interrupt of this one, get their turn between two words.
        await nextEventLoopTurn();
        if (signal?.aborted || ended.signal.aborted) return;
        const { value, done } = chunks.next();
        controller.enqueue(encoder.encode(`data: ${done ? "[DONE]" : JSON.stringify(value)}\n\n`));
        if (!done) return;
        ended.abort();
        controller.close();
      },
      cancel() {
        ended.abort();
      },
    },
    { highWaterMark: 0 },
  );
}

function errorResponse(status: number, message: string): Response {
  const error = { message, type: "invalid_request_error", param: null, code: null };
  return Response.json({ error }, { status });
}

/** The JSON value, or undefined, which no schema accepts. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
