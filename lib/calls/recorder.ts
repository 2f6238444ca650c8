import type { Config } from "../config.ts";
import type { AgentEvent, AnyEvent, EventOf, JsonObject } from "../events.ts";
import { isLog, type LogPayloads } from "../log-events.ts";
import type { EndReason } from "../nodes/agent-node.ts";
import { BackgroundAgentNode } from "../nodes/background-agent-node.ts";
import { Utterances } from "../utterances.ts";
import { type Line, Lines, noteTool } from "./answers.ts";
import type { CallStore } from "./call-store.ts";
import type { Escalation, ModelUsage, Note, TurnRecord } from "./record.ts";
import {
  insertNote,
  insertTurn,
  setEscalation,
  setUsage,
  setVerdict,
  type TurnChanges,
  updateTurn,
} from "./store/write.ts";
import { applyPolicy, countWords, Repeats, type TextPolicy } from "./text.ts";
import type { Write } from "./writer.ts";

/** Alerts, errors and supervisor's acts kept of one call. */
const MAX_NOTES = 500;
/** Models of one call whose usage is kept. */
const MAX_MODELS = 20;

export type CallRecorderOptions = {
  store: CallStore;
  config: Pick<Config, "RECORD_TEXT" | "RECORD_VARIABLES">;
};

/** Writes the record of its call as it goes on. It asks nothing of anybody, and nobody waits for it. */
export class CallRecorder extends BackgroundAgentNode {
  readonly #store: CallStore;
  readonly #text: TextPolicy;
  /** Names of the initial variables that may be stored. */
  readonly #variables: readonly string[];
  readonly #utterances = new Utterances();
  readonly #repeats = new Repeats();
  readonly #lines = new Lines();
  readonly #usage = new Map<string, ModelUsage>();
  /** When the call began, on the clock that only goes forward, ms. */
  #start = 0;
  #startedAt = 0;
  /** Whether the call is in the store; without its beginning the rest is of no use. */
  #recording = false;
  #turns = 0;
  #notes = 0;
  #answer: { line: Line; sent: string } | null = null;
  /** The agent's latest line, until the caller speaks. */
  #lastLine: Line | null = null;
  /** When the caller said what nobody has answered yet, offset in ms. */
  #unansweredSince: number | null = null;
  #handedOff = false;
  #transferRequested = false;
  #escalation: Escalation | null = null;
  #usageChanged = false;

  constructor(options: CallRecorderOptions) {
    super({ name: "call-recorder" });
    this.#store = options.store;
    this.#text = options.config.RECORD_TEXT;
    this.#variables = options.config.RECORD_VARIABLES;
  }

  override start(): void {
    const { id, context } = this.session;
    this.#start = performance.now();
    this.#startedAt = Date.now();
    const start = {
      sessionId: id,
      callId: context.caller?.callId ?? null,
      direction: context.caller?.direction ?? null,
      conversationType: context.conversationType,
      variables: pick(context.initialVariables, this.#variables),
      startedAt: this.#startedAt,
    };
    this.#recording = this.#store.begin(start);
  }

  override stop(reason: EndReason): void {
    if (!this.#recording) return;
    if (this.#answer) this.#endAnswer(this.#answer.line);
    if (this.#escalation?.outcome === "requested" && !this.#transferRequested) {
      this.#setEscalation({ ...this.#escalation, outcome: "socket_closed" });
    }
    this.#writeUsage();
    this.#store.finish(this.session.id, { endedAt: this.#startedAt + this.#now(), endReason: reason });
  }

  /**
   * Every event is taken in where it is heard, and not through the mailbox: noting it takes less time than queueing it,
   * and a long answer is hundreds of chunks.
   */
  override accept(event: AnyEvent): void {
    if (!this.#recording) return;
    try {
      this.#hear(event);
    } catch (error) {
      this.reportError(error, `recording ${event.type}`);
    }
  }

  #hear(event: AnyEvent): void {
    switch (event.type) {
      case "agent.llm.response.chunk":
        this.#hearChunk(event.text);
        break;
      case "agent.transcript.update":
        if (event.role === "user") this.#hearUser(event);
        else this.#hearSpoken(event.content);
        break;
      case "system.llm.request":
        this.#hearUser(event);
        break;
      case "agent.llm.response.start":
        this.#beginAnswer(event.requestId);
        break;
      case "agent.llm.response.end":
        this.#hearEnd();
        break;
      case "system.control.interrupt":
        this.#hearInterrupt();
        break;
      case "agent.speak":
        this.#addLine(event.text);
        break;
      case "agent.end_call":
        this.#handedOff = true;
        break;
      case "agent.transfer_call":
        this.#handedOff = true;
        this.#transferRequested = true;
        break;
      case "agent.log":
        this.#hearLog(event);
        break;
      case "agent.error":
        this.#note({
          kind: "error",
          offsetMs: this.#now(),
          message: event.message,
          severity: event.severity ?? "warning",
        });
        break;
      default:
        break;
    }
  }

  #hearUser(event: AnyEvent): void {
    const text = this.#utterances.take(event);
    if (text === null) return;
    const offsetMs = this.#now();
    this.#unansweredSince = offsetMs;
    this.#lastLine = null;
    this.#turns += 1;
    this.#writeTurn({
      ...blankTurn(this.#turns, "user", offsetMs),
      text: applyPolicy(text, this.#text),
      words: countWords(text),
      utterance: this.#utterances.count,
      repeated: this.#repeats.isRepeat(text),
    });
  }

  #beginAnswer(requestId: string | null): void {
    if (this.#answer) this.#endAnswer(this.#answer.line);
    this.#turns += 1;
    const line = this.#lines.begin({ number: this.#turns, offsetMs: this.#now(), requestId });
    this.#answer = { line, sent: "" };
  }

  #hearChunk(text: string): void {
    if (!this.#answer) return;
    const { line } = this.#answer;
    if (this.#answer.sent === "") {
      line.firstChunkMs = this.#now() - line.offsetMs;
      line.replyMs = this.#replyMs();
    }
    this.#answer.sent += text;
    // More of it after an interrupt: it was not to be interrupted.
    line.interrupted = false;
  }

  /** Words are sent faster than they are spoken: mostly the answer that is cut short has been sent already. */
  #hearInterrupt(): void {
    if (this.#answer) {
      this.#answer.line.interrupted = true;
    } else if (this.#lastLine) {
      const { number } = this.#lastLine;
      this.#lastLine = null;
      this.#updateTurn(number, { interrupted: 1 });
    }
  }

  /** An interrupt and the end it causes are heard in either order, but before anything else happens. */
  #hearEnd(): void {
    const line = this.#answer?.line;
    if (line) queueMicrotask(() => this.#endAnswer(line));
  }

  #endAnswer(line: Line): void {
    if (this.#answer?.line !== line) return;
    const { sent } = this.#answer;
    this.#answer = null;
    this.#lines.end(line, sent);
    // After the hand-off an answer is empty on purpose.
    if (sent !== "" || !this.#handedOff) this.#writeLine(line);
    this.#writeUsage();
  }

  #addLine(text: string): void {
    this.#turns += 1;
    const line = this.#lines.begin({ number: this.#turns, offsetMs: this.#now(), requestId: null });
    line.replyMs = this.#replyMs();
    this.#lines.end(line, text);
    this.#writeLine(line);
  }

  #hearSpoken(text: string): void {
    const about = this.#lines.report(text);
    if (about === "unchanged") return;
    if (about === null) {
      this.#turns += 1;
      const line = this.#lines.begin({ number: this.#turns, offsetMs: this.#now(), requestId: null });
      line.reported = true;
      this.#lines.end(line, text);
      this.#writeLine(line);
    } else if (about.ended) {
      const kept = applyPolicy(text, this.#text);
      this.#updateTurn(about.number, { text: kept, words: countWords(text) });
    }
  }

  #hearLog(event: EventOf<"agent.log">): void {
    if (isLog(event, "sentiment")) {
      const { id } = this.session;
      const { utterance, sentiment: verdict, score, source, analysisMs } = event.payload;
      this.#write((db) => setVerdict(db, id, utterance, { verdict, score, source, analysisMs }));
    } else if (isLog(event, "escalation.triggered")) {
      const { reason, frustrationCount, threshold, sameTurn, action, outcome } = event.payload;
      const utterance = this.#utterances.count;
      const offsetMs = this.#now();
      this.#setEscalation({
        reason,
        utterance,
        offsetMs,
        frustrationCount,
        threshold,
        sameTurn,
        action,
        outcome,
      });
    } else if (isLog(event, "coaching")) {
      this.#noteAlert(event.payload);
    } else if (isLog(event, "supervisor")) {
      const { action, text } = event.payload;
      const kept = text === null ? null : applyPolicy(text, this.#text);
      this.#note({ kind: "supervisor", offsetMs: this.#now(), action, text: kept });
    } else if (isLog(event, "llm.usage")) {
      this.#addUsage(event.payload);
    } else {
      this.#hearTool(event);
    }
  }

  #hearTool(event: AgentEvent): void {
    const line = this.#answer?.line;
    if (!line) return;
    if (isLog(event, "tool_call_start")) {
      const { toolCallId, functionName: name } = event.payload;
      noteTool(line, toolCallId, { name, outcome: "unfinished", latencyMs: null });
    } else if (isLog(event, "tool_call_end")) {
      const { toolCallId, functionName: name, latency } = event.payload;
      noteTool(line, toolCallId, { name, outcome: "ok", latencyMs: Math.round(latency) });
    } else if (isLog(event, "tool_call_error")) {
      const { toolCallId, functionName: name } = event.payload;
      noteTool(line, toolCallId, { name, outcome: "error", latencyMs: null });
    }
  }

  #noteAlert({ rule, severity, message, evidence }: LogPayloads["coaching"]): void {
    const text = this.#text;
    // A message is the rule's own words with at most a quotation; evidence may be anything.
    const kept = text === "none" ? message : (applyPolicy(message, text) ?? message);
    this.#note({
      kind: "alert",
      offsetMs: this.#now(),
      rule,
      severity,
      message: kept,
      evidence: text === "full" ? evidence : {},
    });
  }

  #note(note: Note): void {
    if (this.#notes >= MAX_NOTES) return;
    this.#notes += 1;
    const { id } = this.session;
    const number = this.#notes;
    this.#write((db) => insertNote(db, id, number, note));
  }

  #setEscalation(escalation: Escalation): void {
    this.#escalation = escalation;
    const { id } = this.session;
    this.#write((db) => setEscalation(db, id, escalation));
  }

  #addUsage({ model, outcome, inputTokens, outputTokens }: LogPayloads["llm.usage"]): void {
    const known = this.#usage.get(model);
    if (!known && this.#usage.size >= MAX_MODELS) return;
    const so = known ?? {
      model,
      requests: 0,
      cancelled: 0,
      failed: 0,
      inputTokens: null,
      outputTokens: null,
    };
    this.#usage.set(model, {
      model,
      requests: so.requests + 1,
      cancelled: so.cancelled + (outcome === "cancelled" ? 1 : 0),
      failed: so.failed + (outcome === "failed" ? 1 : 0),
      inputTokens: add(so.inputTokens, inputTokens),
      outputTokens: add(so.outputTokens, outputTokens),
    });
    this.#usageChanged = true;
  }

  /** Once a turn is often enough. */
  #writeUsage(): void {
    if (!this.#usageChanged) return;
    this.#usageChanged = false;
    const { id } = this.session;
    const usage = [...this.#usage.values()];
    this.#write((db) => setUsage(db, id, usage));
  }

  #writeLine(line: Line): void {
    this.#lastLine = line;
    this.#writeTurn({
      ...blankTurn(line.number, "assistant", line.offsetMs),
      text: applyPolicy(line.text, this.#text),
      words: countWords(line.text),
      firstChunkMs: line.firstChunkMs,
      replyMs: line.replyMs,
      interrupted: line.interrupted,
      tools: [...line.tools.values()],
    });
  }

  #writeTurn(turn: TurnRecord): void {
    const { id } = this.session;
    this.#write((db) => insertTurn(db, id, turn));
  }

  #updateTurn(number: number, changes: TurnChanges): void {
    const { id } = this.session;
    this.#write((db) => updateTurn(db, id, number, changes));
  }

  #write(write: Write): void {
    this.#store.writer.push(write);
  }

  /** Time since the caller's last words, if nobody has answered them before, ms. */
  #replyMs(): number | null {
    const since = this.#unansweredSince;
    this.#unansweredSince = null;
    return since === null ? null : this.#now() - since;
  }

  /** Time since the call began, ms. */
  #now(): number {
    return Math.round(performance.now() - this.#start);
  }
}

function blankTurn(number: number, role: TurnRecord["role"], offsetMs: number): TurnRecord {
  return {
    number,
    role,
    offsetMs,
    text: null,
    words: 0,
    utterance: null,
    verdict: null,
    score: null,
    source: null,
    analysisMs: null,
    repeated: false,
    firstChunkMs: null,
    replyMs: null,
    interrupted: false,
    tools: [],
  };
}

function pick(variables: JsonObject, names: readonly string[]): JsonObject {
  return Object.fromEntries(
    names.filter((name) => Object.hasOwn(variables, name)).map((name) => [name, variables[name]]),
  );
}

function add(sum: number | null, more: number | null): number | null {
  return more === null ? sum : (sum ?? 0) + more;
}
