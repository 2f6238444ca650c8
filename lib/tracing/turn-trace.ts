import type { Happening, ToolUse } from "../session/moments.ts";
import type { LogPayloads } from "../wire/log-events.ts";
import type { Content } from "./content.ts";
import { COMPLETION_START, GEN_AI, GENERAL, OWN, providerOf } from "./names.ts";
import {
  type Attributes,
  type FinishedSpan,
  known,
  type SpanEvent,
  type SpanWriter,
  type TraceIds,
  type WrittenRoot,
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
  #root: WrittenRoot | null = null;

  constructor(call: CallOfTrace) {
    this.#call = call;
    this.ids = call.writer.newIds();
  }

  get isWritten(): boolean {
    return this.#root !== null;
  }

  /** Whether the caller has said something in it. */
  get hasWords(): boolean {
    return this.#heard.length > 0;
  }

  /** Whether nothing has happened in it. */
  get isEmpty(): boolean {
    return this.#heard.length + this.#events.length + this.#requests.length + this.#children.length === 0;
  }

  addUtterance(text: string): void {
    if (this.#heard.length < MAX_PARTS) this.#heard.push(text);
  }

  addRequest(request: RequestLog, endedAt: number): void {
    if (this.#root) this.#writeChild(this.#chat({ request, endedAt }, ""));
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
  write({ kind, startedAt, endedAt, said, attributes = {}, error = null }: EndOfTurn): void {
    const { agent, writer, content } = this.#call;
    this.#root = writer.writeRoot(this.ids, {
      name: `invoke_agent ${agent}`,
      kind: "internal",
      startedAt,
      endedAt,
      attributes: {
        ...this.#about("invoke_agent"),
        [OWN.turnKind]: kind,
        ...(error === null ? {} : { [GENERAL.errorType]: error }),
        ...content.turn(this.#heard, said),
        ...attributes,
      },
      events: this.#events,
      error,
    });
    const last = this.#requests.at(-1);
    for (const each of this.#requests) {
      // Which of several requests said what of a turn is not known here; mostly the last said all of it.
      this.#writeChild(this.#chat(each, each === last ? said : ""));
    }
    for (const [id, tool] of this.#tools) this.#writeChild(this.#toolSpan(id, tool, endedAt));
    for (const child of this.#children.splice(0)) this.#writeChild(child);
  }

  #writeChild(span: FinishedSpan): void {
    if (this.#root) this.#call.writer.writeChild(this.#root, span);
    else if (this.#children.length < MAX_PARTS) this.#children.push(span);
  }

  /** On every span: whoever groups spans by their call looks at each. */
  #about(operation: string): Attributes {
    const { sessionId, agent, agentVersion } = this.#call;
    return known({
      [GEN_AI.operation]: operation,
      [GEN_AI.conversation]: sessionId,
      [GENERAL.session]: sessionId,
      [GEN_AI.agentName]: agent,
      [GEN_AI.agentVersion]: agentVersion,
    });
  }

  #chat({ request, endedAt }: Request, said: string): FinishedSpan {
    const { usage, server, firstChunkMs, error, purpose } = request;
    const startedAt = endedAt - request.tookMs;
    const { hostname, port, protocol } = new URL(server);
    return {
      name: `chat ${usage.model}`,
      kind: "client",
      startedAt,
      endedAt,
      attributes: {
        ...this.#about("chat"),
        ...known({
          [GEN_AI.provider]: providerOf(hostname),
          [GEN_AI.requestModel]: usage.model,
          [GEN_AI.requestTemperature]: request.temperature,
          [GEN_AI.requestStream]: request.streamed ? true : null,
          [GEN_AI.responseModel]: request.responseModel,
          [GEN_AI.responseId]: request.responseId,
          [GEN_AI.finishReasons]: request.finishReason === null ? null : [request.finishReason],
          [GEN_AI.timeToFirstChunk]: firstChunkMs === null ? null : firstChunkMs / 1_000,
          [COMPLETION_START]: firstChunkMs === null ? null : new Date(startedAt + firstChunkMs).toISOString(),
          [GEN_AI.inputTokens]: usage.inputTokens,
          [GEN_AI.outputTokens]: usage.outputTokens,
          [GENERAL.serverAddress]: hostname,
          [GENERAL.serverPort]: Number(port || (protocol === "https:" ? 443 : 80)),
          // A request that nobody wanted any more has not failed.
          [GENERAL.errorType]: usage.outcome === "failed" ? (error ?? "_OTHER") : null,
          [OWN.requestOutcome]: usage.outcome,
          [OWN.thinkingMs]: usage.thinkingMs,
          [OWN.utterance]: purpose === "verdict" ? request.utterance : null,
        }),
        ...this.#call.content.request(request, said),
      },
      events: request.retries.map(({ afterMs, because }) => ({
        name: OWN.retry,
        at: startedAt + afterMs,
        attributes: { [GENERAL.errorType]: because },
      })),
      error: usage.outcome === "failed" ? (error ?? "failed") : null,
    };
  }

  #toolSpan(id: string, tool: Tool, turnEndedAt: number): FinishedSpan {
    const { name, args, startedAt, endedAt, result, outcome } = tool;
    return {
      name: `execute_tool ${name}`,
      kind: "internal",
      startedAt,
      endedAt: endedAt ?? turnEndedAt,
      attributes: {
        ...this.#about("execute_tool"),
        [GEN_AI.toolName]: name,
        [GEN_AI.toolCallId]: id,
        [GEN_AI.toolType]: "function",
        ...(outcome === "ok" ? {} : { [GENERAL.errorType]: outcome }),
        ...this.#call.content.tool(args, result),
      },
      events: [],
      error: outcome === "ok" ? null : outcome,
    };
  }

  #evaluation(verdict: LogPayloads["sentiment"], at: number): SpanEvent {
    const { cause } = verdict;
    return {
      name: GEN_AI.evaluation,
      at,
      attributes: known({
        [GEN_AI.evaluationName]: "caller_sentiment",
        [GEN_AI.evaluationScore]: verdict.score,
        [GEN_AI.evaluationLabel]: verdict.sentiment,
        // It quotes the caller.
        [GEN_AI.evaluationExplanation]: cause === null ? null : this.#call.content.text(cause),
        [GENERAL.errorType]: verdict.fallbackBecause,
        [OWN.upset]: verdict.upset,
        [OWN.frustrationCount]: verdict.frustrationCount,
        [OWN.verdictSource]: verdict.source,
        [OWN.utterance]: verdict.utterance,
      }),
    };
  }
}
