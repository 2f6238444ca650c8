import type { EndReason } from "../nodes/agent-node.ts";
import { ListenerNode } from "../nodes/listener-node.ts";
import { Utterances } from "../session/utterances.ts";
import { type AnyEvent, now, type SessionContext } from "../wire/events.ts";
import { isLog, logDraft } from "../wire/log-events.ts";
import type { LiveEvent, LiveNews, PartialTurn } from "./live-event.ts";
import type { Supervised, SupervisorCommand } from "./supervised.ts";

/** Least time between two parts of an answer that is being given, ms. */
const PARTIAL_EVERY_MS = 400;
/** Longest text of a turn in a live event, characters. */
const MAX_TEXT = 4_000;

/** Where a live call tells what happens to it. */
export type LiveCallOutlet = {
  opened(call: LiveCall): void;
  closed(call: LiveCall): void;
  tell(event: LiveEvent): void;
  /** Whether somebody wants to see the words of this call as they come. */
  hasViewers(sessionId: string): boolean;
  tellPartial(partial: PartialTurn): void;
};

/** The agent's answer while it is being given. Times by `performance.now`, ms. */
type Answer = {
  /** Taken with the first chunk; an answer without one is no turn. */
  number: number;
  text: string;
  requestedAt: number | null;
  firstChunkAt: number | null;
  partialAt: number;
  interrupted: boolean;
};

/** Shows one call to viewers, turn by turn, and is the supervisor's way into it. */
export class LiveCall extends ListenerNode {
  readonly #agent: Supervised;
  readonly #outlet: LiveCallOutlet;
  readonly #utterances = new Utterances();
  #startedAt = 0;
  #turns = 0;
  #requestedAt: number | null = null;
  #answer: Answer | null = null;

  constructor(agent: Supervised, outlet: LiveCallOutlet) {
    super({ name: "live-call" });
    this.#agent = agent;
    this.#outlet = outlet;
  }

  get sessionId(): string {
    return this.session.id;
  }

  /** Does what the supervisor wants and puts it on the call's timeline. Throws {@link LiveError}. */
  supervise(command: SupervisorCommand): void {
    const { action } = command;
    switch (action) {
      case "whisper":
        this.#agent.whisper(command.text);
        break;
      case "say":
        this.#agent.say(command.text);
        break;
      default:
        this.#agent[action]();
    }
    const act = { action, text: "text" in command ? command.text : null };
    this.sendEvent(logDraft("supervisor", act));
    this.#tell({ type: "supervisor", ...act });
  }

  override start(): void {
    const { context } = this.session;
    this.#startedAt = performance.now();
    this.#outlet.opened(this);
    this.#tell({
      type: "call.started",
      callId: context.caller?.callId ?? null,
      direction: directionOf(context),
      conversationType: context.conversationType,
      startedAt: now(),
    });
  }

  override stop(reason: EndReason): void {
    this.#endAnswer();
    this.#outlet.closed(this);
    const durationMs = Math.round(performance.now() - this.#startedAt);
    this.#tell({ type: "call.ended", reason, durationMs });
  }

  protected override hear(event: AnyEvent): void {
    // Nearly all events of a call are chunks.
    if (event.type === "agent.llm.response.chunk") this.#hearChunk(event.text);
    else this.#hearOther(event);
  }

  #hearChunk(text: string): void {
    const answer = this.#answer;
    if (!answer) return;
    // The agent went on: it was not to be interrupted.
    answer.interrupted = false;
    if (answer.firstChunkAt === null) {
      answer.firstChunkAt = performance.now();
      answer.number = this.#nextTurn();
    }
    if (answer.text.length < MAX_TEXT) answer.text += text;
    if (this.#outlet.hasViewers(this.session.id)) this.#showPartial(answer);
  }

  #showPartial(answer: Answer): void {
    const at = performance.now();
    if (at - answer.partialAt < PARTIAL_EVERY_MS) return;
    answer.partialAt = at;
    const { number } = answer;
    const text = cut(answer.text);
    this.#outlet.tellPartial({ type: "turn.partial", at: now(), sessionId: this.session.id, number, text });
  }

  #hearOther(event: AnyEvent): void {
    switch (event.type) {
      case "system.llm.request":
        this.#requestedAt = performance.now();
        this.#markInterrupted();
        break;
      case "system.control.interrupt":
      case "agent.control.interrupt":
        this.#markInterrupted();
        break;
      case "agent.llm.response.start":
        this.#beginAnswer();
        break;
      case "agent.llm.response.end":
        this.#endAnswer();
        break;
      case "agent.speak":
        this.#tellLine(event.text);
        break;
      case "agent.log":
        this.#hearLog(event);
        break;
      default:
        break;
    }
    const utterance = this.#utterances.take(event);
    if (utterance !== null) this.#tellUtterance(utterance);
  }

  #hearLog(event: AnyEvent): void {
    if (isLog(event, "sentiment")) {
      const { utterance, sentiment, score, source, frustrationCount } = event.payload;
      this.#tell({ type: "verdict", utterance, sentiment, score, source, frustrationCount });
    } else if (isLog(event, "coaching")) {
      this.#tell({ type: "alert", ...event.payload });
    } else if (isLog(event, "escalation.triggered")) {
      const { reason, sameTurn, action, outcome, frustrationCount } = event.payload;
      this.#tell({ type: "escalation", reason, sameTurn, action, outcome, frustrationCount });
    }
  }

  #markInterrupted(): void {
    if (this.#answer) this.#answer.interrupted = true;
  }

  #beginAnswer(): void {
    this.#answer = {
      number: 0,
      text: "",
      requestedAt: this.#requestedAt,
      firstChunkAt: null,
      partialAt: Number.NEGATIVE_INFINITY,
      interrupted: false,
    };
  }

  #endAnswer(): void {
    const answer = this.#answer;
    this.#answer = null;
    // While it is muted, or after the hand-off, the agent answers with nothing.
    if (!answer || answer.firstChunkAt === null) return;
    const { requestedAt, firstChunkAt } = answer;
    const sinceRequest = (at: number) => (requestedAt === null ? null : Math.round(at - requestedAt));
    this.#tell({
      type: "turn",
      number: answer.number,
      role: "agent",
      text: cut(answer.text),
      offsetMs: this.#offset(firstChunkAt),
      firstChunkMs: sinceRequest(firstChunkAt),
      replyMs: sinceRequest(performance.now()),
      interrupted: answer.interrupted,
    });
  }

  #tellLine(text: string): void {
    this.#tell({
      type: "turn",
      number: this.#nextTurn(),
      role: "agent",
      text: cut(text),
      offsetMs: this.#offset(performance.now()),
      firstChunkMs: null,
      replyMs: null,
      interrupted: false,
    });
  }

  #tellUtterance(text: string): void {
    const offsetMs = this.#offset(performance.now());
    this.#tell({ type: "turn", number: this.#nextTurn(), role: "user", text: cut(text), offsetMs });
  }

  #nextTurn(): number {
    this.#turns += 1;
    return this.#turns;
  }

  #offset(at: number): number {
    return Math.round(at - this.#startedAt);
  }

  #tell(news: LiveNews): void {
    this.#outlet.tell({ ...news, at: now(), sessionId: this.session.id });
  }
}

function directionOf({ caller, conversationType }: SessionContext): string | null {
  if (caller?.direction) return caller.direction;
  if (conversationType === "telephonyInbound") return "inbound";
  return conversationType === "telephonyOutbound" ? "outbound" : null;
}

function cut(text: string): string {
  return text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT - 1)}…` : text;
}
