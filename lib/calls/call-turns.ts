import { Utterances } from "../session/utterances.ts";
import type { AgentEvent, AnyEvent } from "../wire/events.ts";
import { isLog, type LogPayloads } from "../wire/log-events.ts";
import { countWords } from "../words.ts";
import { type Line, Lines, noteTool } from "./answers.ts";
import { blankTurn, type TurnRecord } from "./record.ts";
import { insertTurn, setVerdict, type TurnChanges, updateTurn } from "./store/write.ts";
import { applyPolicy, Repeats, type TextPolicy } from "./text.ts";
import type { CallWriter } from "./writer.ts";

/** Of so many of the latest utterances it is known which turn they are: a verdict on an earlier one is lost. */
const MAX_AWAITED_VERDICTS = 100;

export type CallTurnsOptions = {
  sessionId: string;
  writer: CallWriter;
  text: TextPolicy;
  /** Time since the call began, ms. */
  now: () => number;
  /** Runs after each answer, once its turn is queued. */
  afterAnswer: () => void;
};

/** Writes the turns of one call: who said what and when, with what is learnt of a turn later. */
export class CallTurns {
  readonly #sessionId: string;
  readonly #writer: CallWriter;
  readonly #text: TextPolicy;
  readonly #now: () => number;
  readonly #afterAnswer: () => void;
  readonly #utterances = new Utterances();
  /** The numbers of the turns of the latest utterances, by utterance. */
  readonly #turnOf = new Map<number, number>();
  readonly #repeats = new Repeats();
  readonly #lines = new Lines();
  #turns = 0;
  #answer: { line: Line; sent: string } | null = null;
  /** The agent's latest line, until the caller speaks. */
  #lastLine: Line | null = null;
  /** When the caller said what nobody has answered yet, offset in ms. */
  #unansweredSince: number | null = null;
  #handedOff = false;

  constructor(options: CallTurnsOptions) {
    this.#sessionId = options.sessionId;
    this.#writer = options.writer;
    this.#text = options.text;
    this.#now = options.now;
    this.#afterAnswer = options.afterAnswer;
  }

  /** Number of the caller's latest utterance, from 1. */
  get utterance(): number {
    return this.#utterances.count;
  }

  hearUser(event: AnyEvent): void {
    const text = this.#utterances.take(event);
    if (text === null) return;
    const offsetMs = this.#now();
    this.#unansweredSince = offsetMs;
    this.#lastLine = null;
    this.#turns += 1;
    this.#turnOf.set(this.#utterances.count, this.#turns);
    this.#turnOf.delete(this.#utterances.count - MAX_AWAITED_VERDICTS);
    this.#write({
      ...blankTurn(this.#turns, "user", offsetMs),
      text: applyPolicy(text, this.#text),
      words: countWords(text),
      utterance: this.#utterances.count,
      repeated: this.#repeats.isRepeat(text),
    });
  }

  hearVerdict({ utterance, sentiment: verdict, score, source, analysisMs }: LogPayloads["sentiment"]): void {
    const id = this.#sessionId;
    const turn = this.#turnOf.get(utterance);
    if (turn === undefined) return;
    this.#writer.push((db) => setVerdict(db, id, turn, { verdict, score, source, analysisMs }));
  }

  beginAnswer(requestId: string | null): void {
    this.endAnswer();
    this.#answer = { line: this.#beginLine(requestId), sent: "" };
  }

  hearChunk(text: string): void {
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

  hearTool(event: AgentEvent): void {
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

  /** Words are sent faster than they are spoken: mostly the answer that is cut short has been sent already. */
  hearInterrupt(): void {
    if (this.#answer) {
      this.#answer.line.interrupted = true;
    } else if (this.#lastLine) {
      const { number } = this.#lastLine;
      this.#lastLine = null;
      this.#update(number, { interrupted: 1 });
    }
  }

  /** An interrupt and the end it causes are heard in either order, but before anything else happens. */
  hearEnd(): void {
    const answer = this.#answer;
    if (!answer) return;
    queueMicrotask(() => {
      if (this.#answer === answer) this.endAnswer();
    });
  }

  /** After the hand-off an answer is empty on purpose. */
  hearHandOff(): void {
    this.#handedOff = true;
  }

  /** Ends the answer that is on its way, if there is one. */
  endAnswer(): void {
    if (!this.#answer) return;
    const { line, sent } = this.#answer;
    this.#answer = null;
    this.#lines.end(line, sent);
    if (sent !== "" || !this.#handedOff) this.#writeLine(line);
    this.#afterAnswer();
  }

  /** A line that the agent says beside its answers. */
  addLine(text: string): void {
    const line = this.#beginLine(null);
    line.replyMs = this.#replyMs();
    this.#lines.end(line, text);
    this.#writeLine(line);
  }

  /** What the client says was spoken. */
  hearSpoken(text: string): void {
    const about = this.#lines.report(text);
    if (about === "unchanged") return;
    if (about === null) {
      const line = this.#beginLine(null);
      line.reported = true;
      this.#lines.end(line, text);
      this.#writeLine(line);
    } else if (about.ended) {
      const kept = applyPolicy(text, this.#text);
      this.#update(about.number, { text: kept, words: countWords(text) });
    }
  }

  #beginLine(requestId: string | null): Line {
    this.#turns += 1;
    return this.#lines.begin({ number: this.#turns, offsetMs: this.#now(), requestId });
  }

  #writeLine(line: Line): void {
    this.#lastLine = line;
    this.#write({
      ...blankTurn(line.number, "assistant", line.offsetMs),
      text: applyPolicy(line.text, this.#text),
      words: countWords(line.text),
      firstChunkMs: line.firstChunkMs,
      replyMs: line.replyMs,
      interrupted: line.interrupted,
      tools: [...line.tools.values()],
    });
  }

  #write(turn: TurnRecord): void {
    const id = this.#sessionId;
    this.#writer.push((db) => insertTurn(db, id, turn));
  }

  #update(number: number, changes: TurnChanges): void {
    const id = this.#sessionId;
    this.#writer.push((db) => updateTurn(db, id, number, changes));
  }

  /** Time since the caller's last words, if nobody has answered them before, ms. */
  #replyMs(): number | null {
    const since = this.#unansweredSince;
    this.#unansweredSince = null;
    return since === null ? null : this.#now() - since;
  }
}
