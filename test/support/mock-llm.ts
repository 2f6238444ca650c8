import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from "node:http";
import { text as readText } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";
import { z } from "zod";

const contentSchema = z
  .union([z.string(), z.array(z.looseObject({ text: z.string().optional() }))])
  .nullish();

const bodySchema = z.looseObject({
  model: z.string(),
  messages: z.array(z.looseObject({ role: z.string(), content: contentSchema })),
  tools: z.array(z.looseObject({ function: z.looseObject({ name: z.string() }) })).optional(),
  stream: z.boolean().optional(),
  stream_options: z.looseObject({ include_usage: z.boolean().optional() }).nullish(),
  temperature: z.number().nullish(),
});

type Body = z.infer<typeof bodySchema>;
type Message = Body["messages"][number];

export type LlmRequestKind = "chat" | "sentiment";

/** How a reply ended: sent whole, left by the client, cut by the script, or ended by `close()`. */
export type Outcome = "finished" | "closedByClient" | "cut" | "mockClosed";

/** A string is sent word by word, an array as it is. */
export type Words = string | readonly string[];

export type Pace = {
  /** Held after the response headers and before the first chunk: a promise, or ms. */
  firstTokenAfter?: Promise<unknown> | number;
  /** Between two chunks, ms. */
  betweenTokens?: number;
  /** Awaited before each chunk; chunks count from 0. */
  gate?: (chunk: number) => unknown;
  /** The finish_reason: "stop", or "tool_calls", unless it is said. */
  finish?: string;
  /** As some compatible servers answer: no `role` in the first delta, no usage, no [DONE]. */
  sloppy?: boolean;
};

/** `arguments` as a string comes in one delta, as an array in one delta per part after the one with the name. */
export type ScriptedToolCall = { id?: string; name: string; arguments: Words };

export type Reply =
  /** `logprobs`: probabilities, 0…1, of what the first token might have been; told where they are asked for. */
  | ({ kind: "text"; text: Words; logprobs?: Readonly<Record<string, number>> } & Pace)
  | ({ kind: "toolCalls"; calls: readonly ScriptedToolCall[]; text?: Words } & Pace)
  | { kind: "error"; status: number; body?: unknown; headers?: Record<string, string> }
  /** Accepts the request and never sends a byte. */
  | { kind: "hang" }
  /** Headers and `chunks` chunks, then silence. */
  | { kind: "hangAfter"; chunks: number; text?: Words }
  /** Destroys the socket after `chunks` chunks. */
  | { kind: "cut"; chunks: number; text?: Words }
  /** 200 with something that is not JSON. */
  | { kind: "brokenStream"; garbage?: string }
  /** These deltas as they are. */
  | { kind: "deltas"; deltas: readonly object[]; finish?: string }
  /** A whole answer and its end, and the connection stays open. */
  | { kind: "leftOpen"; text?: Words; done?: boolean }
  /** 200 with this body, streamed or not. */
  | { kind: "json"; body: object }
  /** Only the finish_reason "stop". */
  | { kind: "empty" }
  /** Writes as fast as the client reads, until it leaves: chunks of an answer, or `piece` over and over. */
  | { kind: "endless"; piece?: string }
  /** Ends tidily, with neither finish_reason nor [DONE]. */
  | { kind: "truncated"; text?: Words };

/** A plain string stands for a text reply. */
type Scripted = Reply | string | Promise<Reply | string>;
type ChatHandler = (request: LlmRequest) => Scripted;
type SentimentHandler = (request: LlmRequest, utterance: string) => Scripted;

const GUARD_MS = 60_000;
const DEFAULT_TEXT = "Hello from the mock.";

/** Starts an OpenAI-compatible server on 127.0.0.1, on a free port unless one is given. */
export async function startMockLlm(port = 0): Promise<MockLlm> {
  const server = createServer((request, response) => void llm.handle(request, response));
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the mock LLM has no TCP port");
  const stop = async () => {
    const closed = once(server, "close");
    server.close();
    server.closeAllConnections();
    await closed;
  };
  const llm = new MockLlm(`http://127.0.0.1:${address.port}/v1`, stop, () => server.closeIdleConnections());
  return llm;
}

class MockLlm {
  /** To be given as OPENAI_BASE_URL. */
  readonly baseUrl: string;
  /** Every request so far, in order of arrival. */
  readonly requests: LlmRequest[] = [];
  /** Requests whose reply has not ended. */
  openConnections = 0;
  #chat: ChatHandler = () => DEFAULT_TEXT;
  #sentiment: SentimentHandler = () => "neutral";
  #closing = false;
  /** Closes the connections that carry no request. */
  readonly closeIdle: () => void;
  readonly #stopServer: () => Promise<void>;
  readonly #taken = new Set<LlmRequest>();
  readonly #arrivals = new EventTarget();
  readonly #failures: unknown[] = [];

  constructor(baseUrl: string, stopServer: () => Promise<void>, closeIdle: () => void) {
    this.baseUrl = baseUrl;
    this.#stopServer = stopServer;
    this.closeIdle = closeIdle;
  }

  /** Answers chat requests from now on. A handler that throws gives a 500 and makes `close()` reject. */
  onChat(handler: ChatHandler): void {
    this.#chat = handler;
  }

  /** Answers sentiment requests: those not streamed whose system message says "one word". */
  onSentiment(handler: SentimentHandler): void {
    this.#sentiment = handler;
  }

  /**
   * The first request (of this kind) not handed out by an earlier call, so that none is missed between two calls.
   * @throws when none arrives in a minute.
   */
  async nextRequest(kind?: LlmRequestKind): Promise<LlmRequest> {
    const guard = AbortSignal.timeout(GUARD_MS);
    for (;;) {
      const next = this.requests.find((r) => !this.#taken.has(r) && (kind === undefined || r.kind === kind));
      if (next) {
        this.#taken.add(next);
        return next;
      }
      await once(this.#arrivals, "request", { signal: guard }).catch(() => {
        const seen = this.requests.map((r) => r.kind).join(", ") || "none";
        throw new Error(`no new ${kind ?? "LLM"} request in ${GUARD_MS} ms; requests so far: ${seen}`);
      });
    }
  }

  /** Destroys every socket. @throws the first error of a handler or gate, or of a request the mock could not read. */
  async close(): Promise<void> {
    if (this.#closing) return;
    this.#closing = true;
    await this.#stopServer();
    if (this.#failures.length > 0) throw this.#failures[0];
  }

  /** Called by the HTTP server for each request; never rejects. */
  async handle(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const route = `${incoming.method} ${incoming.url}`;
      if (route === "GET /v1/models") {
        return sendJson(response, 200, { object: "list", data: [{ id: "mock-model", object: "model" }] });
      }
      if (route !== "POST /v1/chat/completions") throw new Error(`the mock LLM has no ${route}`);
      const body = bodySchema.parse(JSON.parse(await readText(incoming)));
      const request = new LlmRequest(body, incoming.headers, response, () => this.#closing);
      this.openConnections += 1;
      void request.done.then(() => {
        this.openConnections -= 1;
      });
      this.requests.push(request);
      this.#arrivals.dispatchEvent(new Event("request"));
      await request.reply(
        request.kind === "chat" ? this.#chat(request) : this.#sentiment(request, request.utterance),
      );
    } catch (error) {
      // What fails because the other side has left is no failure of the script.
      if (incoming.socket.destroyed) return;
      this.#failures.push(error);
      if (response.headersSent) response.destroy();
      else sendJson(response, 500, { error: { message: String(error), type: "mock_error" } });
    }
  }
}

/** One completion request, as the handlers get it and as it stays in `MockLlm.requests`. */
class LlmRequest {
  readonly kind: LlmRequestKind;
  readonly body: Body;
  readonly headers: IncomingHttpHeaders;
  /** Text of the last user message; "" without one. */
  readonly utterance: string;
  /** `performance.now()` at arrival, ms. */
  readonly startedAt = performance.now();
  readonly done: Promise<Outcome>;
  /** Resolves when the client leaves before the reply is finished; rejects when the reply ends in any other way. */
  readonly closedByClient: Promise<void>;
  /** Body bytes handed to the operating system so far. */
  bytesSent = 0;
  #cut = false;
  readonly #response: ServerResponse;
  readonly #over = new AbortController();
  readonly #left: Promise<never>;

  constructor(
    body: Body,
    headers: IncomingHttpHeaders,
    response: ServerResponse,
    mockIsClosing: () => boolean,
  ) {
    const asksForOneWord = body.messages.some((m) => m.role === "system" && /one word/i.test(textOf(m)));
    this.kind = asksForOneWord && !body.stream ? "sentiment" : "chat";
    this.body = body;
    this.headers = headers;
    this.utterance = textOf(body.messages.findLast((m) => m.role === "user"));
    this.#response = response;
    this.done = new Promise((resolve) => response.once("close", resolve)).then(() => {
      this.#over.abort();
      if (response.writableFinished) return "finished";
      if (this.#cut) return "cut";
      return mockIsClosing() ? "mockClosed" : "closedByClient";
    });
    this.closedByClient = this.done.then((outcome) => {
      if (outcome !== "closedByClient") throw new Error(`the client did not leave early: ${outcome}`);
    });
    this.#left = this.done.then((outcome) => Promise.reject(new Error(`the reply has ended: ${outcome}`)));
    // Both are for whoever waits for them; often nobody does.
    for (const promise of [this.closedByClient, this.#left]) promise.catch(() => {});
  }

  /** Sends the scripted reply, or rejects when the other side leaves first. */
  async reply(scripted: Scripted): Promise<void> {
    const given = await this.#whileOpen(scripted);
    const reply: Reply = typeof given === "string" ? { kind: "text", text: given } : given;
    if (reply.kind === "hang") return;
    if (reply.kind === "error") {
      const error = reply.body ?? { error: { message: `mock error ${reply.status}`, type: "mock_error" } };
      return sendJson(this.#response, reply.status, error, reply.headers);
    }
    if (reply.kind === "json") return sendJson(this.#response, 200, reply.body);
    const type = this.body.stream ? "text/event-stream" : "application/json";
    this.#response.writeHead(200, { "content-type": type }).flushHeaders();
    if (reply.kind === "endless") {
      const piece = reply.piece ?? chunkOf(this.body, { content: "and on and on ".repeat(100) });
      for (;;) await this.#write(piece);
    }
    const pace = paceOf(reply);
    const { chunks, tail } = this.body.stream ? streamed(this.body, reply) : whole(reply);
    for (const [index, chunk] of chunks.entries()) {
      await this.#wait(index === 0 ? pace.firstTokenAfter : pace.betweenTokens);
      await this.#whileOpen(pace.gate?.(index));
      await this.#write(chunk);
    }
    if (reply.kind === "hangAfter") return;
    if (reply.kind === "leftOpen") return this.#write(tail);
    this.#cut = reply.kind === "cut";
    if (this.#cut) this.#response.destroy();
    else this.#response.end(tail);
  }

  async #wait(time: Promise<unknown> | number | undefined): Promise<void> {
    if (typeof time === "number") await delay(time, undefined, { signal: this.#over.signal });
    else await this.#whileOpen(time);
  }

  #whileOpen<T>(value: T | Promise<T>): Promise<T> {
    return Promise.race([value, this.#left]);
  }

  /** Resolves when the bytes have left for the operating system: this makes `endless` heed back-pressure. */
  async #write(data: string): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#response.write(data, (error) => (error ? reject(error) : resolve()));
    });
    this.bytesSent += Buffer.byteLength(data);
  }
}

type WrittenReply = Exclude<Reply, { kind: "hang" | "error" | "endless" | "json" }>;

const USAGE = { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 };

const paceOf = (reply: Reply): Pace => (reply.kind === "text" || reply.kind === "toolCalls" ? reply : {});
const finishReason = (reply: Reply) =>
  ("finish" in reply ? reply.finish : null) ?? (reply.kind === "toolCalls" ? "tool_calls" : "stop");
const sse = (data: object) => `data: ${JSON.stringify(data)}\n\n`;

function chunkOf(body: Body, delta: object, finish_reason: string | null = null): string {
  const choices = [{ index: 0, delta, finish_reason }];
  return sse({ id: "chatcmpl-mock", object: "chat.completion.chunk", model: body.model, choices });
}

function streamed(body: Body, reply: WrittenReply): { chunks: string[]; tail: string } {
  if (reply.kind === "brokenStream") return { chunks: [reply.garbage ?? "data: {not JSON\n\n"], tail: "" };
  const { sloppy = false } = paceOf(reply);
  const chunks = deltasOf(reply).map((delta, index) =>
    chunkOf(body, index === 0 && !sloppy ? { role: "assistant", ...delta } : delta),
  );
  if (reply.kind === "cut" || reply.kind === "hangAfter") {
    return { chunks: chunks.slice(0, reply.chunks), tail: "" };
  }
  if (reply.kind === "truncated") return { chunks, tail: "" };
  const finish = chunkOf(body, {}, finishReason(reply));
  const usage = body.stream_options?.include_usage ? sse({ choices: [], usage: USAGE }) : "";
  if (reply.kind === "leftOpen" && reply.done === false) return { chunks, tail: finish };
  return { chunks, tail: sloppy ? finish : `${finish}${usage}data: [DONE]\n\n` };
}

/** The answer to a request that is not streamed; one that breaks off is the beginning of a JSON text. */
function whole(reply: WrittenReply): { chunks: string[]; tail: string } {
  if (reply.kind === "brokenStream") return { chunks: [reply.garbage ?? "<html>not JSON</html>"], tail: "" };
  const content = wordsIn(reply).join("");
  const calls = reply.kind === "toolCalls" ? { tool_calls: reply.calls.map(wholeCall) } : {};
  const message = { role: "assistant", content, ...calls };
  const choices = [{ index: 0, message, logprobs: logprobsOf(reply), finish_reason: finishReason(reply) }];
  const usage = paceOf(reply).sloppy ? {} : { usage: USAGE };
  const json = JSON.stringify({ id: "chatcmpl-mock", object: "chat.completion", choices, ...usage });
  const complete = reply.kind === "text" || reply.kind === "toolCalls" || reply.kind === "empty";
  return { chunks: [complete ? json : json.slice(0, 60)], tail: "" };
}

function logprobsOf(reply: WrittenReply): object | null {
  if (reply.kind !== "text" || reply.logprobs === undefined) return null;
  const alternatives = Object.entries(reply.logprobs).map(([token, probability]) => ({
    token,
    logprob: Math.log(probability),
  }));
  return { content: [{ ...alternatives[0], top_logprobs: alternatives }] };
}

function wordsIn(reply: WrittenReply): readonly string[] {
  if (reply.kind === "empty" || reply.kind === "brokenStream" || reply.kind === "deltas") return [];
  const words = reply.text ?? (reply.kind === "toolCalls" ? "" : DEFAULT_TEXT);
  return typeof words === "string" ? (words.match(/\s*\S+\s*/g) ?? []) : words;
}

function wholeCall(call: ScriptedToolCall, index: number) {
  const args = typeof call.arguments === "string" ? call.arguments : call.arguments.join("");
  return { id: call.id ?? `call_${index}`, type: "function", function: { name: call.name, arguments: args } };
}

function deltasOf(reply: WrittenReply): readonly object[] {
  if (reply.kind === "deltas") return reply.deltas;
  const calls = reply.kind === "toolCalls" ? reply.calls.flatMap(toolCallDeltas) : [];
  return [...wordsIn(reply).map((content) => ({ content })), ...calls];
}

function toolCallDeltas(call: ScriptedToolCall, index: number): object[] {
  const parts = typeof call.arguments === "string" ? [] : call.arguments;
  const named = wholeCall(parts.length > 0 ? { ...call, arguments: "" } : call, index);
  const rest = parts.map((part) => ({ index, function: { arguments: part } }));
  return [{ index, ...named }, ...rest].map((entry) => ({ tool_calls: [entry] }));
}

function textOf(message: Message | undefined): string {
  const content = message?.content ?? "";
  return typeof content === "string" ? content : content.map((part) => part.text ?? "").join("");
}

function sendJson(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers?: Record<string, string>,
): void {
  response.writeHead(status, { "content-type": "application/json", ...headers });
  response.end(typeof body === "string" ? body : JSON.stringify(body));
}

/** A gate to be opened by hand, chunk by chunk: `{ kind: "text", text, gate: steps.gate }`. */
export function createStepGate() {
  let free = 0;
  const held: Array<() => void> = [];
  return {
    gate: () => {
      if (free === 0) return new Promise<void>((resolve) => held.push(resolve));
      free -= 1;
      return Promise.resolve();
    },
    /** Lets this many chunks pass: 1 by default, Infinity for all that follow. */
    release: (chunks = 1) => {
      free += chunks;
      while (free > 0 && held.length > 0) {
        held.shift()?.();
        free -= 1;
      }
    },
  };
}

export type { LlmRequest, MockLlm };
