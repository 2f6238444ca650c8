import { Repeats } from "../mood/repeats.ts";
import type { AnyEvent, EventOf } from "../wire/events.ts";
import { isLog, type LogPayloads } from "../wire/log-events.ts";
import { countWords } from "../words.ts";
import type {
  AnswerOutcome,
  Happening,
  Moment,
  MomentListener,
  TransferNews,
  WordsListener,
} from "./moments.ts";
import { REPORT_WINDOW, reportSpoken } from "./spoken.ts";
import { SpokenTurn } from "./spoken-turn.ts";
import { Utterances } from "./utterances.ts";

/** Requests waiting for their answer to begin; a session without an agent would collect them for ever. */
const MAX_REQUESTS = 64;
/** Ends that were told of ahead of the end they belong to, because a node below the agent is slow. */
const MAX_ENDS = 16;
/** Of so many of the latest utterances it is known which turn they are. */
const MAX_AWAITED_VERDICTS = 100;

/**
 * Turns the events of one call into what happened, once for all: which turn it was, when, how long it took, what was
 * spoken. Whoever watches a call listens here and works nothing of that out for itself.
 *
 * It hears an event before any node does, and what the client hears, not what the agent meant to say.
 */
export class Timeline {
  /** Epoch, ms. */
  readonly startedAt = Date.now();
  readonly #origin = performance.now();
  readonly #listeners: MomentListener[] = [];
  readonly #wordsListeners: WordsListener[] = [];
  readonly #utterances = new Utterances();
  readonly #repeats = new Repeats();
  /** The numbers of the turns of the latest utterances, by utterance. */
  readonly #turnOf = new Map<number, number>();
  /** Offsets of the requests that no answer has begun to, oldest first. */
  readonly #requests: number[] = [];
  readonly #ends = new Map<string, LogPayloads["turn.ended"]>();
  #turns = 0;
  #answer: SpokenTurn | null = null;
  /** The latest turns of the agent that a report of the client may be about. */
  #spoken: SpokenTurn[] = [];
  /** The agent's latest turn, until the caller speaks: an interrupt cuts into it although it was sent. */
  #audible: SpokenTurn | null = null;
  /** Offset of the caller's last words, while nobody has answered them. */
  #unansweredSince: number | null = null;
  #handedOff = false;
  #transfers = 0;
  /** The one that is under way. */
  #transfer: TransferNews | null = null;
  /** Lines that a supervisor has the agent say and that it has not said yet. */
  #supervisorLines = 0;

  /** Tells `listener` of every moment, at once; it must not throw. */
  listen(listener: MomentListener): void {
    this.#listeners.push(listener);
  }

  /** Tells `listener` of every piece of an answer, at once; it must not throw. */
  listenToWords(listener: WordsListener): void {
    this.#wordsListeners.push(listener);
  }

  /** Time since the call began, ms. */
  get now(): number {
    return Math.round(performance.now() - this.#origin);
  }

  /** Takes an event of either side, in the order of the bus. */
  hear(event: AnyEvent): void {
    // Nearly all events of a call are chunks.
    if (event.type === "agent.llm.response.chunk") this.#hearChunk(event.text);
    else this.#hearOther(event);
  }

  /** The call is over: an answer that is being given ends with it, and nobody will tell how a transfer ended. */
  end(): void {
    this.#endAnswer("call_ended");
    this.#endTransfer("unknown", false);
  }

  #hearChunk(text: string): void {
    const answer = this.#answer;
    if (!answer || text === "") return;
    answer.append(text);
    if (answer.chunks === 1) {
      answer.firstChunkMs = this.now - answer.offsetMs;
      answer.replyMs = this.#takeReply();
      this.#tell({ type: "answer.firstWords", turn: answer });
    }
    for (const listener of this.#wordsListeners) listener(answer);
  }

  #hearOther(event: AnyEvent): void {
    switch (event.type) {
      case "system.user.started_speaking":
        this.#tell({ type: "speaking", speaking: true });
        break;
      case "system.user.stopped_speaking":
        this.#tell({ type: "speaking", speaking: false });
        break;
      case "agent.transcript.update":
        if (event.role === "user") this.#hearUser(event);
        else this.#hearSpoken(event.content);
        break;
      case "system.llm.request":
        this.#hearUser(event);
        this.#requests.push(this.now);
        if (this.#requests.length > MAX_REQUESTS) this.#requests.shift();
        this.#tell({ type: "request" });
        break;
      case "system.control.interrupt":
        this.#hearInterrupt();
        break;
      case "agent.llm.response.start":
        this.#beginAnswer(event.requestId);
        break;
      case "agent.llm.response.end":
        this.#endAnswer(this.#answer?.interrupted ? "interrupted" : "completed");
        break;
      case "agent.speak":
        this.#addLine(event.text, false);
        break;
      case "agent.end_call":
      case "agent.transfer_call":
        this.#handedOff = true;
        this.#tell({ type: "handOff", event });
        if (event.type === "agent.transfer_call") this.#beginTransfer(event);
        break;
      case "system.transfer.ended":
        this.#endTransfer(event.outcome, event.returned);
        break;
      case "system.user.key":
        this.#tell({ type: "key" });
        break;
      case "system.user.idle":
        this.#tell({ type: "silence", times: event.times });
        break;
      case "agent.error":
        this.#tell({ type: "error", error: event });
        break;
      case "agent.log":
        this.#hearLog(event);
        break;
      default:
        break;
    }
  }

  #hearUser(event: AnyEvent): void {
    const text = this.#utterances.take(event);
    if (text === null) return;
    const offsetMs = this.now;
    const { count: utterance } = this.#utterances;
    const number = this.#nextNumber();
    this.#unansweredSince = offsetMs;
    this.#audible = null;
    this.#turnOf.set(utterance, number);
    this.#turnOf.delete(utterance - MAX_AWAITED_VERDICTS);
    const repeated = this.#repeats.count(text) > 0;
    const turn = {
      role: "user",
      number,
      offsetMs,
      text,
      words: countWords(text),
      utterance,
      repeated,
    } as const;
    this.#tell({ type: "utterance", turn });
  }

  #beginAnswer(requestId: string | null): void {
    this.#endAnswer("completed");
    const askedAt = this.#requests.shift() ?? this.now;
    this.#answer = this.#begin(new SpokenTurn("answer", this.#nextNumber(), askedAt, requestId));
    this.#tell({ type: "answer.started", turn: this.#answer });
  }

  /** @param otherwise how it ended, unless its agent has said so. */
  #endAnswer(otherwise: AnswerOutcome): void {
    const answer = this.#answer;
    if (!answer) return;
    this.#answer = null;
    answer.answerMs = this.now - answer.offsetMs;
    const end = this.#takeEnd(answer.requestId);
    answer.outcome = end?.outcome ?? otherwise;
    answer.written = end?.written ?? null;
    answer.model = end?.model ?? null;
    answer.end();
    const silent = answer.sent === "" && (answer.outcome === "completed" || this.#handedOff);
    if (silent) {
      this.#takeBack(answer);
    } else {
      // What was cut short is not heard any more.
      this.#audible = answer.interrupted ? null : answer;
      this.#tell({ type: "answer.ended", turn: answer });
    }
  }

  /** Makes an answer that was silent on purpose as if it had not been. */
  #takeBack(answer: SpokenTurn): void {
    this.#spoken = this.#spoken.filter((turn) => turn !== answer);
    if (this.#turns === answer.number) this.#turns -= 1;
  }

  #addLine(text: string, reported: boolean): void {
    const line = this.#begin(new SpokenTurn("line", this.#nextNumber(), this.now, null));
    if (!reported && this.#supervisorLines > 0) {
      this.#supervisorLines -= 1;
      line.speaker = "supervisor";
    }
    line.reported = reported;
    line.text = text;
    line.sent = text;
    line.replyMs = this.#takeReply();
    line.end();
    this.#audible = line;
    this.#tell({ type: "line", turn: line });
  }

  #hearSpoken(text: string): void {
    this.#tell({ type: "spoken" });
    const turn = reportSpoken(this.#spoken, text);
    if (turn === "unchanged") return;
    if (turn === null) {
      this.#addLine(text, true);
    } else if (turn.ended) {
      turn.recount();
      this.#tell({ type: "correction", turn, because: "spoken" });
    }
  }

  /** Words are sent faster than they are spoken: mostly the answer that is cut short has been sent already. */
  #hearInterrupt(): void {
    const turn = this.#answer ?? this.#audible;
    this.#audible = null;
    if (turn) turn.interrupted = true;
    this.#tell({ type: "interrupt", turn });
    if (turn?.ended) this.#tell({ type: "correction", turn, because: "interrupted" });
  }

  #beginTransfer({ transferOptions }: EventOf<"agent.transfer_call">): void {
    this.#endTransfer("unknown", false);
    this.#transfers += 1;
    const kind = transferOptions.type === "warm_transfer" ? "warm" : "cold";
    const so = { number: this.#transfers, kind, requestedAtMs: this.now } as const;
    this.#transfer = { ...so, outcome: "requested", tookMs: null, returned: false };
    this.#tell({ type: "transfer", transfer: this.#transfer });
  }

  #endTransfer(outcome: TransferNews["outcome"], returned: boolean): void {
    const transfer = this.#transfer;
    if (returned) this.#handedOff = false;
    if (!transfer) return;
    this.#transfer = null;
    const tookMs = outcome === "unknown" ? null : this.now - transfer.requestedAtMs;
    this.#tell({ type: "transfer", transfer: { ...transfer, outcome, tookMs, returned } });
  }

  #hearLog(event: EventOf<"agent.log">): void {
    if (isLog(event, "sentiment")) {
      const verdict = event.payload;
      this.#tell({ type: "verdict", turn: this.#turnOf.get(verdict.utterance) ?? null, verdict });
    } else if (isLog(event, "escalation.triggered")) {
      this.#tell({ type: "escalation", utterance: this.#utterances.count, escalation: event.payload });
    } else if (isLog(event, "coaching")) {
      this.#tell({ type: "alert", alert: event.payload });
    } else if (isLog(event, "supervisor")) {
      if (event.payload.action === "say") this.#supervisorLines += 1;
      this.#tell({ type: "supervisor", act: event.payload });
    } else if (isLog(event, "whisper.used")) {
      this.#tell({ type: "whispersUsed", count: event.payload.count });
    } else if (isLog(event, "feedback")) {
      this.#tell({ type: "feedback", feedback: event.payload });
    } else if (isLog(event, "llm.usage")) {
      const { thinkingMs } = event.payload;
      if (thinkingMs !== null && this.#answer) {
        this.#answer.thinkingMs = (this.#answer.thinkingMs ?? 0) + thinkingMs;
      }
      this.#tell({ type: "usage", usage: event.payload });
    } else if (isLog(event, "llm.request")) {
      this.#tell({ type: "modelRequest", request: event.payload });
    } else if (isLog(event, "llm.switched")) {
      this.#tell({ type: "modelSwitched", change: event.payload });
    } else if (isLog(event, "turn.ended")) {
      this.#keepEnd(event.payload);
    } else if (isLog(event, "tool_call_start")) {
      this.#hearTool({ outcome: "unfinished", latencyMs: null }, { phase: event.name, ...event.payload });
    } else if (isLog(event, "tool_call_end")) {
      const latencyMs = Math.round(event.payload.latency);
      this.#hearTool({ outcome: "ok", latencyMs }, { phase: event.name, ...event.payload });
    } else if (isLog(event, "tool_call_error")) {
      this.#hearTool({ outcome: "error", latencyMs: null }, { phase: event.name, ...event.payload });
    } else {
      this.#tell({ type: "log", log: event });
    }
  }

  #hearTool(
    use: { outcome: "ok" | "error" | "unfinished"; latencyMs: number | null },
    tool: Extract<Happening, { type: "tool" }>["tool"],
  ): void {
    this.#answer?.useTool(tool.toolCallId, { name: tool.functionName, ...use });
    this.#tell({ type: "tool", turn: this.#answer, tool });
  }

  #keepEnd(end: LogPayloads["turn.ended"]): void {
    this.#ends.set(end.turnId, end);
    if (this.#ends.size <= MAX_ENDS) return;
    for (const oldest of this.#ends.keys()) {
      this.#ends.delete(oldest);
      break;
    }
  }

  #takeEnd(requestId: string | null): LogPayloads["turn.ended"] | null {
    if (requestId === null) return null;
    const end = this.#ends.get(requestId) ?? null;
    this.#ends.delete(requestId);
    return end;
  }

  #begin(turn: SpokenTurn): SpokenTurn {
    this.#spoken = [...this.#spoken.slice(1 - REPORT_WINDOW), turn];
    return turn;
  }

  #nextNumber(): number {
    this.#turns += 1;
    return this.#turns;
  }

  /** Time since the caller's last words, if nobody has answered them before, ms. */
  #takeReply(): number | null {
    const since = this.#unansweredSince;
    this.#unansweredSince = null;
    return since === null ? null : this.now - since;
  }

  #tell(happening: Happening): void {
    const moment: Moment = { ...happening, offsetMs: this.now };
    for (const listener of this.#listeners) listener(moment);
  }
}
