import type { EndReason } from "../nodes/agent-node.ts";
import { type SupervisedAction, SupervisionError } from "../nodes/supervised.ts";
import { TimelineNode } from "../nodes/timeline-node.ts";
import type { AgentTurn, Moment, UserTurn } from "../session/moments.ts";
import { now, type SessionContext } from "../wire/events.ts";
import { logDraft, type SupervisorAction } from "../wire/log-events.ts";
import { LiveError } from "./errors.ts";
import type { LiveEvent, LiveNews, PartialTurn } from "./live-event.ts";
import type { SupervisorCommand } from "./supervisor-command.ts";

/** Least time between two parts of an answer that is being given, ms. */
const PARTIAL_EVERY_MS = 400;
/** Longest text of a turn in a live event, characters. */
const MAX_TEXT = 4_000;

/** What the agent is asked to do for each act; null: nothing, it is between people. */
const STEERS = {
  whisper: "whisper",
  say: "say",
  transfer: "transfer",
  end: "end",
  mute: "mute",
  unmute: "unmute",
  take_over: "mute",
  hand_back: "unmute",
  claim: null,
  release: null,
  acknowledge: null,
} as const satisfies Record<SupervisorAction, SupervisedAction | null>;

/** Where a live call tells what happens to it. */
export type LiveCallOutlet = {
  opened(call: LiveCall): void;
  closed(call: LiveCall): void;
  tell(event: LiveEvent): void;
  /** Whether somebody wants to see the words of this call as they come. */
  hasViewers(sessionId: string): boolean;
  tellPartial(partial: PartialTurn): void;
};

/** Shows one call to viewers, turn by turn, and is the supervisor's way into it. */
export class LiveCall extends TimelineNode {
  readonly #outlet: LiveCallOutlet;
  #partialAt = Number.NEGATIVE_INFINITY;

  constructor(outlet: LiveCallOutlet) {
    super("live-call");
    this.#outlet = outlet;
  }

  get sessionId(): string {
    return this.session.id;
  }

  /** Puts what somebody beside the call wants on its timeline, and has its agent do it. Throws {@link LiveError}. */
  supervise(command: SupervisorCommand): void {
    const { action, by } = command;
    if (action === "feedback") {
      const { rule, alertAt, feedback } = command;
      this.sendEvent(logDraft("feedback", { rule, alertAt, feedback, by }));
      return;
    }
    const text = "text" in command ? command.text : null;
    const note = () => this.sendEvent(logDraft("supervisor", { action, text, by }));
    const steer = STEERS[action];
    if (steer === null) {
      note();
      return;
    }
    const { agent } = this.session;
    if (!agent) throw new LiveError("not_possible", "this call has no agent to steer");
    try {
      if (steer === "say") {
        // First the act and then the line, so that it is known whose words these are.
        agent.check(steer);
        note();
        agent.say(text ?? "");
        return;
      }
      if (steer === "whisper") agent.whisper(text ?? "");
      else agent[steer]();
    } catch (error) {
      if (error instanceof SupervisionError) throw new LiveError(error.code, error.message);
      throw error;
    }
    note();
  }

  override start(): void {
    const { context, description, timeline } = this.session;
    this.#outlet.opened(this);
    this.#tell({
      type: "call.started",
      callId: context.caller?.callId ?? null,
      callerNumber: callerNumberOf(context),
      direction: directionOf(context),
      conversationType: context.conversationType,
      ...description,
      startedAt: new Date(timeline.startedAt).toISOString(),
    });
  }

  override stop(reason: EndReason): void {
    this.#outlet.closed(this);
    this.#tell({ type: "call.ended", reason, durationMs: this.session.timeline.now });
  }

  protected override hear(moment: Moment): void {
    switch (moment.type) {
      case "utterance":
        this.#tellUtterance(moment.turn);
        break;
      case "answer.started":
        this.#partialAt = Number.NEGATIVE_INFINITY;
        break;
      case "answer.ended":
      case "line":
      case "correction":
        this.#tellAgent(moment.turn);
        break;
      case "verdict": {
        const { analysisMs: _analysisMs, fallbackBecause: _because, ...verdict } = moment.verdict;
        this.#tell({ type: "verdict", ...verdict });
        break;
      }
      case "alert":
        this.#tell({ type: "alert", ...moment.alert });
        break;
      case "escalation": {
        const { threshold: _threshold, ...escalation } = moment.escalation;
        this.#tell({ type: "escalation", ...escalation });
        break;
      }
      case "transfer":
        this.#tell({ type: "transfer", ...moment.transfer });
        break;
      case "supervisor":
        this.#tell({ type: "supervisor", ...moment.act });
        break;
      case "whispersUsed":
        this.#tell({ type: "whisper.used", count: moment.count });
        break;
      case "feedback":
        this.#tell({ type: "feedback", ...moment.feedback });
        break;
      default:
        break;
    }
  }

  protected override hearWords({ number, text }: AgentTurn): void {
    if (!this.#outlet.hasViewers(this.session.id)) return;
    const at = performance.now();
    if (at - this.#partialAt < PARTIAL_EVERY_MS) return;
    this.#partialAt = at;
    const sessionId = this.session.id;
    this.#outlet.tellPartial({ type: "turn.partial", at: now(), sessionId, number, text: cut(text) });
  }

  #tellUtterance({ number, utterance, text, offsetMs }: UserTurn): void {
    this.#tell({ type: "turn", number, role: "user", utterance, text: cut(text), offsetMs });
  }

  #tellAgent(turn: AgentTurn): void {
    const { number, speaker, offsetMs, firstChunkMs, replyMs, answerMs, interrupted, outcome } = turn;
    const text = cut(turn.text);
    const times = { offsetMs, firstChunkMs, replyMs, answerMs };
    this.#tell({ type: "turn", number, role: "agent", speaker, text, ...times, interrupted, outcome });
  }

  #tell(news: LiveNews): void {
    this.#outlet.tell({ ...news, at: now(), sessionId: this.session.id });
  }
}

/** The number of whoever is not us. */
function callerNumberOf(context: SessionContext): string | null {
  return context.caller?.userNumber ?? null;
}

function directionOf({ caller, conversationType }: SessionContext): string | null {
  if (caller?.direction) return caller.direction;
  if (conversationType === "telephonyInbound") return "inbound";
  return conversationType === "telephonyOutbound" ? "outbound" : null;
}

function cut(text: string): string {
  if (text.length <= MAX_TEXT) return text;
  // By way of bytes, because a slice would keep the whole text in memory as long as the part is kept.
  const part = Buffer.from(text.slice(0, MAX_TEXT - 1), "utf16le").toString("utf16le");
  return `${part}…`;
}
