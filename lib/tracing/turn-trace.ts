import type { Happening, ToolUse } from "../session/moments.ts";
import type { LogPayloads } from "../wire/log-events.ts";
import type { Content } from "./content.ts";
import { COMPLETION_START, GEN_AI, GENERAL, OWN, providerOf } from "./names.ts";
import {
  type Attributes,
  type FinishedSpan,
  put,
  type SpanEvent,
  type SpanWriter,
  type TraceIds,
} from "./span.ts";

/** Requests, tools and events kept of one turn. */
const MAX_PARTS = 50;

export type TurnKind = "answer" | "greeting" | "line" | "hand_off" | "supervisor" | "unanswered" | "end";

/** The call that a trace is of. */
export type CallOfTrace = {
  sessionId: string;
  agent: string;
  agentVersion: string | null;
  content: Content;
  writer: SpanWriter;
};

/** How a turn is to be written. The times are epoch, ms. */
export type EndOfTurn = {
  kind: TurnKind;
  startedAt: number;
  endedAt: number;
  /** What was said in it. */
  said: string;
  /** Whose words these are, as the model wrote them; null: no model's. */
  model?: { name: string; wrote: string } | null;
  /** Why the words end where they do. */
  finish?: string;
  attributes?: Attributes;
  error?: string | null;
};

type RequestLog = LogPayloads["llm.request"];
type ToolLog = Extract<Happening, { type: "tool" }>["tool"];
type Request = { request: RequestLog; endedAt: number };
type Tool = {
  name: string;
  args: unknown;
  startedAt: number;
  endedAt: number | null;
  result: string | null;
  outcome: ToolUse["outcome"];
};

/**
 * One trace: a turn with what belongs to it. It has its ids from the beginning, for the log, and is written when it is
 * over; what is learnt of it later is written as a child of what was written.
 */
export class TurnTrace {
  readonly ids: TraceIds;
  readonly #call: CallOfTrace;
  readonly #heard: string[] = [];
  readonly #requests: Request[] = [];
  readonly #tools = new Map<string, Tool>();
  readonly #events: SpanEvent[] = [];
  readonly #children: FinishedSpan[] = [];
  /** When the caller's words began it, epoch ms; null: they did not. */
  #heardAt: number | null = null;
  /** Writes a child of what was written; null while nothing was. */
  #child: ((span: FinishedSpan) => void) | null = null;

  constructor(call: CallOfTrace) {
    this.#call = call;
    this.ids = call.writer.newIds();
  }

  get isWritten(): boolean {
    return this.#child !== null;
  }

  /** Whether the caller has said something in it. */
  get hasWords(): boolean {
    return this.#heard.length > 0;
  }

  /** Whether nothing has happened in it. */
  get isEmpty(): boolean {
    return this.#heard.length + this.#events.length + this.#requests.length + this.#children.length === 0;
  }

  addUtterance(text: string, at: number): void {
    this.#heardAt ??= at;
    if (this.#heard.length < MAX_PARTS) this.#heard.push(text);
  }

  addRequest(request: RequestLog, endedAt: number): void {
    if (this.#child) this.#writeChild(this.#chat({ request, endedAt }, ""));
    else if (this.#requests.length < MAX_PARTS) this.#requests.push({ request, endedAt });
  }

  addEvent(name: string, at: number, attributes: Attributes): void {
    if (this.#events.length < MAX_PARTS) this.#events.push({ name, at, attributes });
  }

  addTool(tool: ToolLog, at: number): void {
    const { toolCallId: id, functionName: name } = tool;
    const begun = this.#tools.get(id);
    if (tool.phase === "tool_call_start") {
      if (this.#tools.size >= MAX_PARTS) return;
      const args = tool.context.arguments;
      this.#tools.set(id, { name, args, startedAt: at, endedAt: null, result: null, outcome: "unfinished" });
    } else if (begun) {
      begun.endedAt = at;
      begun.outcome = tool.phase === "tool_call_end" ? "ok" : "error";
      begun.result = tool.phase === "tool_call_end" ? tool.context.response : tool.error;
    }
  }

  /** The request for a verdict, and the verdict on what was heard; either may be all there is. */
  addVerdict(request: Request | null, verdict: LogPayloads["sentiment"] | null, at: number): void {
    const events = verdict === null ? [] : [this.#evaluation(verdict, at)];
    if (request === null) {
      for (const event of events) this.addEvent(event.name, event.at, event.attributes);
      return;
    }
    const span = this.#chat(request, request.request.text ?? "");
    this.#writeChild({ ...span, events: [...span.events, ...events] });
  }

  /** It is over. */
  write(end: EndOfTurn): void {
    const { kind, endedAt, said, model = null, finish = "stop", attributes = {}, error = null } = end;
    // From the caller's words on: the verdict on them is asked for before the answer is.
    const startedAt = Math.min(end.startedAt, this.#heardAt ?? end.startedAt);
    const { agent, writer, content } = this.#call;
    const about = this.#about("invoke_agent");
    about[OWN.turnKind] = kind;
    put(about, GENERAL.errorType, error);
    content.addTurn(about, this.#heard, said, finish);
    Object.assign(about, attributes);
    const writeChild = writer.writeRoot(this.ids, {
      name: `invoke_agent ${agent}`,
      kind: "internal",
      startedAt,
      endedAt,
      attributes: about,
      events: this.#events,
      error,
    });
    // Whole milliseconds are known, and none of it began before it.
    this.#child = (child) => writeChild({ ...child, startedAt: Math.max(child.startedAt, startedAt) });
    // Which of its requests said what of a turn is not known here; mostly the last said all of it.
    const speaker = this.#requests.findLast(
      ({ request }) => request.usage.model === model?.name && request.firstChunkMs !== null,
    );
    for (const each of this.#requests) {
      this.#writeChild(this.#chat(each, model !== null && each === speaker ? model.wrote : ""));
    }
    for (const [id, tool] of this.#tools) this.#writeChild(this.#toolSpan(id, tool, endedAt));
    for (const child of this.#children) this.#writeChild(child);
    this.#forget();
  }

  /** What is written is not kept: late verdicts hold on to the turns of a hundred utterances. */
  #forget(): void {
    for (const list of [this.#heard, this.#requests, this.#events, this.#children]) list.length = 0;
    this.#tools.clear();
  }

  #writeChild(span: FinishedSpan): void {
    if (this.#child) this.#child(span);
    else if (this.#children.length < MAX_PARTS) this.#children.push(span);
  }

  /** On every span: whoever groups spans by their call looks at each. */
  #about(operation: string): Attributes {
    const { sessionId, agent, agentVersion } = this.#call;
    const about: Attributes = {
      "gen_ai.operation.name": operation,
      "gen_ai.conversation.id": sessionId,
      "session.id": sessionId,
      "gen_ai.agent.name": agent,
    };
    put(about, GEN_AI.agentVersion, agentVersion);
    return about;
  }

  #chat({ request, endedAt }: Request, said: string): FinishedSpan {
    const { usage, firstChunkMs, finishReason, purpose } = request;
    const startedAt = endedAt - request.tookMs;
    // A request that nobody wanted any more has not failed.
    const error = usage.outcome === "failed" ? (request.error ?? "_OTHER") : null;
    const { provider, address, port } = serverOf(request.server);
    const about = this.#about("chat");
    about[GEN_AI.provider] = provider;
    about[GEN_AI.requestModel] = usage.model;
    about[GEN_AI.requestTemperature] = request.temperature;
    if (request.streamed) about[GEN_AI.requestStream] = true;
    put(about, GEN_AI.responseModel, request.responseModel);
    put(about, GEN_AI.responseId, request.responseId);
    if (finishReason !== null) about[GEN_AI.finishReasons] = [finishReason];
    if (firstChunkMs !== null) {
      about[GEN_AI.timeToFirstChunk] = firstChunkMs / 1_000;
      about[COMPLETION_START] = new Date(startedAt + firstChunkMs).toISOString();
    }
    put(about, GEN_AI.inputTokens, usage.inputTokens);
    put(about, GEN_AI.outputTokens, usage.outputTokens);
    about[GENERAL.serverAddress] = address;
    about[GENERAL.serverPort] = port;
    put(about, GENERAL.errorType, error);
    about[OWN.requestOutcome] = usage.outcome;
    put(about, OWN.thinkingMs, usage.thinkingMs);
    if (purpose === "verdict") put(about, OWN.utterance, request.utterance);
    this.#call.content.addRequest(about, request, said);
    return {
      name: `chat ${usage.model}`,
      kind: "client",
      startedAt,
      endedAt,
      attributes: about,
      events: request.retries.map(({ afterMs, because }) => ({
        name: OWN.retry,
        at: startedAt + afterMs,
        attributes: { [GENERAL.errorType]: because },
      })),
      error,
    };
  }

  #toolSpan(id: string, tool: Tool, turnEndedAt: number): FinishedSpan {
    const { name, args, startedAt, endedAt, result, outcome } = tool;
    const error = outcome === "ok" ? null : outcome;
    const about = this.#about("execute_tool");
    about[GEN_AI.toolName] = name;
    about[GEN_AI.toolCallId] = id;
    about[GEN_AI.toolType] = "function";
    put(about, GENERAL.errorType, error);
    this.#call.content.addTool(about, args, result);
    return {
      name: `execute_tool ${name}`,
      kind: "internal",
      startedAt,
      endedAt: endedAt ?? turnEndedAt,
      attributes: about,
      events: [],
      error,
    };
  }

  #evaluation(verdict: LogPayloads["sentiment"], at: number): SpanEvent {
    const { cause, fallbackBecause, utterance } = verdict;
    const attributes: Attributes = {};
    attributes[GEN_AI.evaluationName] = "caller_sentiment";
    attributes[GEN_AI.evaluationScore] = verdict.score;
    attributes[GEN_AI.evaluationLabel] = verdict.sentiment;
    // It quotes the caller.
    put(attributes, GEN_AI.evaluationExplanation, cause === null ? null : this.#call.content.text(cause));
    put(attributes, GENERAL.errorType, fallbackBecause);
    attributes[OWN.upset] = verdict.upset;
    attributes[OWN.frustrationCount] = verdict.frustrationCount;
    attributes[OWN.verdictSource] = verdict.source;
    attributes[OWN.utterance] = utterance;
    return { name: GEN_AI.evaluation, at, attributes };
  }
}

type Server = { provider: string; address: string; port: number };
/** Read once: there are as many as models are configured. */
const servers = new Map<string, Server>();

function serverOf(url: string): Server {
  const seen = servers.get(url);
  if (seen) return seen;
  const { hostname, port, protocol } = new URL(url);
  const server = {
    provider: providerOf(hostname),
    address: hostname,
    port: Number(port || (protocol === "https:" ? 443 : 80)),
  };
  servers.set(url, server);
  return server;
}
