import { TimelineNode } from "../nodes/timeline-node.ts";
import type { AgentTurn, Happening, Moment, TransferNews } from "../session/moments.ts";
import type { LogPayloads } from "../wire/log-events.ts";
import type { Content } from "./content.ts";
import type { LogIds } from "./log-ids.ts";
import { GEN_AI, OWN } from "./names.ts";
import { type Attributes, put, type SpanWriter } from "./span.ts";
import { type CallOfTrace, type TurnKind, TurnTrace } from "./turn-trace.ts";

/** Of so many of the latest utterances it is known whose turn they are. */
const MAX_UTTERANCES = 100;

export type TraceNodeOptions = {
  writer: SpanWriter;
  content: Content;
  logIds: LogIds;
};

type HandOff = Extract<Happening, { type: "handOff" }>["event"];
type VerdictRequest = { request: LogPayloads["llm.request"]; endedAt: number };

/** Makes a trace of every turn of its call: answers, and what is said or done beside them. */
export class TraceNode extends TimelineNode {
  readonly #options: TraceNodeOptions;
  #call: CallOfTrace | null = null;
  /** The answer that is being given. */
  #answer: { trace: TurnTrace; turn: AgentTurn } | null = null;
  /** The turn that the caller's latest words began. */
  #next: TurnTrace | null = null;
  /** By the number of the utterance. */
  readonly #traceOf = new Map<number, TurnTrace>();
  readonly #verdictRequests = new Map<number, VerdictRequest>();
  /** The transfer that is under way. */
  #handOff: TurnTrace | null = null;
  #greeted = false;

  constructor(options: TraceNodeOptions) {
    super("tracing");
    this.#options = options;
  }

  override start(): void {
    const { agent, agentVersion } = this.session.description;
    const { writer, content } = this.#options;
    this.#call = { sessionId: this.session.id, agent: agent ?? "agent", agentVersion, content, writer };
  }

  override stop(): void {
    this.#endSilentAnswer();
    for (const [utterance, request] of this.#verdictRequests) {
      this.#traceOf.get(utterance)?.addVerdict(request, null, request.endedAt);
    }
    const left = this.#next;
    if (left && !left.isEmpty) {
      this.#write(left, left.hasWords ? "unanswered" : "end", this.#now, this.#now, "");
    }
  }

  protected override hear(moment: Moment): void {
    const at = this.#epoch(moment.offsetMs);
    switch (moment.type) {
      case "utterance": {
        const { utterance, text } = moment.turn;
        const trace = this.#upcoming();
        trace.addUtterance(text, at);
        this.#traceOf.set(utterance, trace);
        this.#traceOf.delete(utterance - MAX_UTTERANCES);
        break;
      }
      case "request":
        this.#upcoming();
        break;
      case "answer.started":
        this.#endSilentAnswer();
        this.#answer = { trace: this.#takeNext(), turn: moment.turn };
        break;
      case "answer.ended":
        this.#endAnswer(moment.turn);
        break;
      case "line":
        this.#writeLine(moment.turn);
        break;
      case "modelRequest":
        if (moment.request.purpose === "answer") this.#current.addRequest(moment.request, at);
        else this.#keepVerdictRequest({ request: moment.request, endedAt: at });
        break;
      case "verdict":
        this.#addVerdict(moment.verdict, at);
        break;
      case "tool":
        this.#current.addTool(moment.tool, at);
        break;
      case "modelSwitched": {
        const { from, to, because, afterMs } = moment.change;
        const what = { [OWN.from]: from, [OWN.to]: to, [OWN.reason]: because, [OWN.afterMs]: afterMs };
        this.#current.addEvent(OWN.modelSwitch, at, what);
        break;
      }
      case "interrupt":
        this.#current.addEvent(OWN.interrupt, at, numberOf(moment.turn));
        break;
      case "escalation": {
        const { reason, action, outcome } = moment.escalation;
        const what = { [OWN.reason]: reason, [OWN.transferKind]: action, [OWN.transferOutcome]: outcome };
        this.#current.addEvent(OWN.escalation, at, what);
        break;
      }
      case "alert": {
        const { rule, severity } = moment.alert;
        this.#current.addEvent(OWN.alert, at, { [OWN.rule]: rule, [OWN.severity]: severity });
        break;
      }
      case "supervisor":
        this.#writeAct(moment.act, at);
        break;
      case "handOff":
        this.#beginHandOff(moment.event, at);
        break;
      case "transfer":
        this.#endHandOff(moment.transfer);
        break;
      default:
        break;
    }
  }

  /** The turn that goes on, else the one to come. */
  get #current(): TurnTrace {
    return this.#answer?.trace ?? this.#upcoming();
  }

  get #now(): number {
    return this.#epoch(this.session.timeline.now);
  }

  #epoch(offsetMs: number): number {
    return this.session.timeline.startedAt + offsetMs;
  }

  #newTrace(): TurnTrace {
    if (this.#call === null) throw new Error("a trace before the start of the call");
    return new TurnTrace(this.#call);
  }

  #upcoming(): TurnTrace {
    if (this.#next === null) {
      this.#next = this.#newTrace();
      this.#options.logIds.set(this.session.log, this.#next.ids);
    }
    return this.#next;
  }

  /** A turn that does not answer the caller; what has happened since the last one belongs to it. */
  #ownTurn(): TurnTrace {
    return this.#next?.hasWords === false ? this.#takeNext() : this.#newTrace();
  }

  #takeNext(): TurnTrace {
    const trace = this.#upcoming();
    this.#next = null;
    return trace;
  }

  #endAnswer(turn: AgentTurn): void {
    const trace = this.#answer?.turn === turn ? this.#answer.trace : this.#takeNext();
    this.#answer = null;
    const startedAt = this.#epoch(turn.offsetMs);
    const about = numberOf(turn);
    put(about, OWN.turnOutcome, turn.outcome);
    put(about, OWN.replyMs, turn.replyMs);
    put(about, GEN_AI.requestModel, turn.model);
    trace.write({
      kind: "answer",
      startedAt,
      endedAt: startedAt + (turn.answerMs ?? 0),
      said: turn.text,
      model: turn.model === null ? null : { name: turn.model, wrote: turn.written ?? turn.text },
      finish: turn.outcome === null || turn.outcome === "completed" ? "stop" : turn.outcome,
      attributes: about,
      error: turn.outcome === "failed" ? "failed" : null,
    });
  }

  /** One that was silent on purpose is told by nobody. */
  #endSilentAnswer(): void {
    if (!this.#answer) return;
    const { trace, turn } = this.#answer;
    this.#answer = null;
    const startedAt = this.#epoch(turn.offsetMs);
    const attributes = { [OWN.turnOutcome]: "silent" };
    trace.write({ kind: "answer", startedAt, endedAt: this.#now, said: "", attributes });
  }

  #writeLine(turn: AgentTurn): void {
    // The supervisor's act has said it.
    if (turn.speaker === "supervisor") return;
    const kind = this.#greeted || turn.replyMs !== null ? "line" : "greeting";
    this.#greeted = true;
    // One that answers the caller is their turn.
    const trace = turn.replyMs === null ? this.#ownTurn() : this.#takeNext();
    const at = this.#epoch(turn.offsetMs);
    const about = numberOf(turn);
    put(about, OWN.replyMs, turn.replyMs);
    this.#write(trace, kind, at, at, turn.text, about);
  }

  #writeAct({ action, text, by }: LogPayloads["supervisor"], at: number): void {
    const about: Attributes = { [OWN.supervisorAction]: action };
    put(about, OWN.supervisorName, by);
    this.#write(this.#ownTurn(), "supervisor", at, at, text ?? "", about);
  }

  #beginHandOff(event: HandOff, at: number): void {
    const trace = this.#ownTurn();
    if (event.type === "agent.transfer_call") this.#handOff = trace;
    else this.#write(trace, "hand_off", at, at, "", { [OWN.transferKind]: "end_call" });
  }

  #endHandOff({ kind, outcome, requestedAtMs, tookMs }: TransferNews): void {
    if (outcome === "requested" || !this.#handOff) return;
    const trace = this.#handOff;
    this.#handOff = null;
    const startedAt = this.#epoch(requestedAtMs);
    const about = { [OWN.transferKind]: kind, [OWN.transferOutcome]: outcome };
    this.#write(trace, "hand_off", startedAt, startedAt + (tookMs ?? 0), "", about);
  }

  #write(
    trace: TurnTrace,
    kind: TurnKind,
    startedAt: number,
    endedAt: number,
    said: string,
    attributes: Attributes = {},
  ): void {
    trace.write({ kind, startedAt, endedAt, said, attributes });
  }

  #keepVerdictRequest(request: VerdictRequest): void {
    const { utterance } = request.request;
    if (utterance === null) return;
    this.#verdictRequests.set(utterance, request);
    this.#verdictRequests.delete(utterance - MAX_UTTERANCES);
  }

  #addVerdict(verdict: LogPayloads["sentiment"], at: number): void {
    const request = this.#verdictRequests.get(verdict.utterance) ?? null;
    this.#verdictRequests.delete(verdict.utterance);
    const own = this.#traceOf.get(verdict.utterance);
    // What has been written takes no more events.
    const trace = own && (request !== null || !own.isWritten) ? own : this.#current;
    trace.addVerdict(request, verdict, at);
  }
}

function numberOf(turn: AgentTurn | null): Attributes {
  const about: Attributes = {};
  put(about, OWN.turnNumber, turn?.number ?? null);
  return about;
}
