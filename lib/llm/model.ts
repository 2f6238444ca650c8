import OpenAI from "openai";
import type { ChatCompletion } from "openai/resources/chat/completions";
import type { CompletionUsage } from "openai/resources/completions";
import type { Logger } from "pino";
import { LlmError, type LlmErrorKind } from "../errors.ts";
import { bodyOf, type ModelRequest, type RequestBody } from "./body.ts";
import { complaintOf } from "./complaint.ts";
import { type Bytes, streamCompletion } from "./completion-stream.ts";
import { readContent } from "./content.ts";
import { contentFilterError, toLlmError } from "./errors.ts";
import { knownOf } from "./families.ts";
import { learn, merge, newIn, type Taken } from "./lessons.ts";
import { lessonOf } from "./refusal.ts";
import { withoutThinking } from "./thinking.ts";

/** Requests that one request may become while it is learnt what the model takes. */
const MAX_LESSONS = 8;
/** How often the server's own words about one kind of failure are in the log, ms. */
const REPORT_PAUSE_MS = 60_000;
/** Shorter words of a conversation are no secret, and would be found in any message. */
const MIN_QUOTE_CHARS = 4;

/** Where models are asked. */
export type ModelServer = {
  client: OpenAI;
  /** Its name for people, a host and port as a rule. */
  host: string;
  log: Logger;
};

/** A whole answer. */
export type Completion = {
  /** Without the thinking. */
  text: string;
  usage: CompletionUsage | null;
  /** What answered, and under which id, where the server tells. */
  model: string | null;
  id: string | null;
  finishReason: string | null;
  /** The likelihoods that were asked for, where the server gives them. */
  logprobs: ChatCompletion.Choice["logprobs"];
};

/**
 * One model at one server, shared by all calls. It knows what the model takes, by its name to begin with and by what the
 * server has refused, and asks accordingly: a request that is refused for something that can be left out or put in
 * another way is made again at once, and what was learnt holds for all calls.
 */
export class Model {
  readonly name: string;
  readonly server: ModelServer;
  #taken: Taken;
  #thinksFromStart: boolean;
  #problem: string | null = null;
  /** When each kind of failure was last reported, `performance.now()`, and how many have gone unreported since. */
  readonly #reported = new Map<LlmErrorKind, { at: number; since: number }>();

  constructor(name: string, server: ModelServer) {
    this.name = name;
    this.server = server;
    this.#taken = knownOf(name);
    this.#thinksFromStart = this.#taken.lessons.has("thinks from the start");
  }

  /** What it does not take as OpenAI's do, in words for people. */
  get adaptations(): string[] {
    return newIn({ lessons: new Set(), contextChars: null }, this.#taken);
  }

  /** Whether its answers begin within thinking that nothing in them opens. */
  get thinksFromStart(): boolean {
    return this.#thinksFromStart;
  }

  /** Why it cannot be used, as the start-up check found out; null since it has answered. */
  get problem(): string | null {
    return this.#problem;
  }

  set problem(problem: string | null) {
    this.#problem = problem;
  }

  /** Asks for a streamed answer. @throws what the client throws; see {@link toLlmError}. */
  stream(request: ModelRequest, options: OpenAI.RequestOptions): Promise<Bytes> {
    const { client } = this.server;
    const ask = (body: RequestBody) => streamCompletion(client, { ...body, stream: true }, options);
    return this.#ask({ ...request, stream: true }, ask);
  }

  /**
   * Asks for an answer of a few words as a whole. Where all its room went into thinking, it gets more and is asked again.
   * @throws what the client throws, or {@link LlmError}; see {@link toLlmError}.
   */
  async complete(request: ModelRequest, options: OpenAI.RequestOptions): Promise<Completion> {
    const knownToThink = this.#taken.lessons.has("thinks");
    const { completion, cut, thought } = await this.#complete(request, options);
    if (thought || (cut && completion.text === "")) this.noteThinking();
    if (completion.text !== "" || knownToThink || !this.#taken.lessons.has("thinks")) return completion;
    return (await this.#complete(request, options)).completion;
  }

  /** The model has thought before an answer, so it needs more room, and to be told not to. */
  noteThinking(): void {
    this.#keep(learn(this.#taken, "thinks"));
  }

  /** Whether there was an end of thinking without a beginning in an answer; false: it was all answer. */
  noteFromStart(thinksFromStart: boolean): void {
    this.#thinksFromStart = thinksFromStart;
  }

  /**
   * Puts the server's own words about a failure into the log, once per kind and minute, without the words of the call.
   * @param request what was asked.
   */
  report(error: unknown, request: Pick<ModelRequest, "messages">): void {
    const complaint = complaintOf(error);
    if (complaint === null) return;
    const { kind } = toLlmError(error);
    const before = this.#reported.get(kind);
    if (before && performance.now() - before.at < REPORT_PAUSE_MS) {
      before.since += 1;
      return;
    }
    this.#reported.set(kind, { at: performance.now(), since: 0 });
    const { name: model, server } = this;
    server.log.warn(
      { model, server: server.host, kind, status: complaint.status, unreportedSince: before?.since ?? 0 },
      `${server.host} says: ${withoutWords(complaint.message, request)}`,
    );
  }

  async #complete(
    request: ModelRequest,
    options: OpenAI.RequestOptions,
  ): Promise<{ completion: Completion; cut: boolean; thought: boolean }> {
    const { client } = this.server;
    const answer = await this.#ask({ ...request, stream: false }, async (body) => {
      const whole = await client.chat.completions.create({ ...body, stream: false }, options);
      const error: unknown = Reflect.get(whole, "error");
      if (typeof error === "object" && error !== null) {
        throw new OpenAI.APIError(undefined, error, undefined, undefined);
      }
      return whole;
    });
    const choice: ChatCompletion.Choice | undefined = answer.choices?.[0];
    if (!choice?.message) throw new LlmError("bad_stream", "the model's answer was not valid");
    const content = readContent(choice.message.content, choice.message);
    const { said, thought } = withoutThinking(content.text);
    if (choice.finish_reason === "content_filter") throw contentFilterError();
    return {
      completion: {
        text: said,
        usage: answer.usage ?? null,
        model: answer.model ?? null,
        id: answer.id ?? null,
        finishReason: choice.finish_reason ?? null,
        logprobs: choice.logprobs ?? null,
      },
      cut: choice.finish_reason === "length",
      thought: thought || content.thought,
    };
  }

  async #ask<T>(
    request: ModelRequest & { stream: boolean },
    send: (body: RequestBody) => Promise<T>,
  ): Promise<T> {
    const own = new Set(Object.keys(request.extraBody));
    let taken = this.#taken;
    for (let lessons = 0; ; lessons += 1) {
      const body = bodyOf(this.name, this.server.host, request, taken);
      try {
        const answer = await send(body);
        this.#keep(taken);
        this.#problem = null;
        return answer;
      } catch (error) {
        const complaint = complaintOf(error);
        const next = complaint && lessons < MAX_LESSONS ? lessonOf(complaint, body, taken, own) : null;
        if (next === null) {
          this.report(error, request);
          throw error;
        }
        taken = next;
      }
    }
  }

  /** What has proved right holds for all. */
  #keep(taken: Taken): void {
    const fresh = newIn(this.#taken, taken);
    if (fresh.length === 0) return;
    this.#taken = merge(this.#taken, taken);
    const { name: model, server } = this;
    server.log.info(
      { model, server: server.host },
      `${model} at ${server.host} is asked differently from now on: ${fresh.join(", ")}`,
    );
  }
}

/** The models of one server, one object for each name. */
export class Models {
  readonly server: ModelServer;
  readonly #models = new Map<string, Model>();

  constructor(server: ModelServer) {
    this.server = server;
  }

  /** The model of that name, whether the server has one or not. */
  get(name: string): Model {
    const model = this.#models.get(name) ?? new Model(name, this.server);
    this.#models.set(name, model);
    return model;
  }
}

const QUOTED = /"[^"\n]{1,500}"|'[^'\n]{1,500}'|`[^`\n]{1,500}`/g;

/** The text without what the call's messages say: a server may quote what it refuses. */
function withoutWords(text: string, { messages }: Pick<ModelRequest, "messages">): string {
  let shown = text;
  for (const { content } of messages) {
    if (typeof content === "string" && content.length >= MIN_QUOTE_CHARS) {
      shown = shown.replaceAll(content, "[…]");
    }
  }
  // Or a part of them.
  return shown.replace(QUOTED, (quoted: string) => {
    const words = quoted.slice(1, -1).toLowerCase();
    const isOfTheCall = messages.some(
      ({ role, content }) =>
        role !== "system" && typeof content === "string" && content.toLowerCase().includes(words),
    );
    return isOfTheCall ? "[…]" : quoted;
  });
}
