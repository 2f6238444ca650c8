import { countWords } from "../words.ts";
import type { AgentTurn, AnswerOutcome, ToolUse } from "./moments.ts";
import { noteSent } from "./spoken.ts";

/** Tools of one answer that are kept. */
const MAX_TOOLS = 50;

/** A turn of the agent as the timeline writes it; everybody else reads it as an {@link AgentTurn}. */
export class SpokenTurn implements AgentTurn {
  readonly role = "agent";
  readonly kind: AgentTurn["kind"];
  speaker: AgentTurn["speaker"] = "agent";
  readonly number: number;
  readonly offsetMs: number;
  readonly requestId: string | null;
  text = "";
  /** What was sent of it. */
  sent = "";
  written: string | null = null;
  model: string | null = null;
  words = 0;
  chunks = 0;
  firstChunkMs: number | null = null;
  thinkingMs: number | null = null;
  replyMs: number | null = null;
  answerMs: number | null = null;
  interrupted = false;
  outcome: AnswerOutcome | null = null;
  /** Whether the client has told what it spoke of it. */
  reported = false;
  ended = false;
  readonly #tools = new Map<string, ToolUse>();

  constructor(kind: AgentTurn["kind"], number: number, offsetMs: number, requestId: string | null) {
    this.kind = kind;
    this.number = number;
    this.offsetMs = offsetMs;
    this.requestId = requestId;
  }

  get tools(): ToolUse[] {
    return [...this.#tools.values()];
  }

  useTool(id: string, use: ToolUse): void {
    if (this.#tools.has(id) || this.#tools.size < MAX_TOOLS) this.#tools.set(id, use);
  }

  append(text: string): void {
    this.chunks += 1;
    this.sent += text;
    if (!this.reported) this.text = this.sent;
    // More of it after an interrupt: it was not to be interrupted.
    this.interrupted = false;
  }

  /** All of it has been sent. */
  end(): void {
    this.ended = true;
    noteSent(this, this.sent);
    this.recount();
  }

  recount(): void {
    this.words = countWords(this.text);
  }
}
