import { TimelineNode } from "../nodes/timeline-node.ts";
import type { Moment } from "../session/moments.ts";
import { logDraft } from "../wire/log-events.ts";
import { RuleWatch } from "./rule-watch.ts";
import type { Rule } from "./rules.ts";
import type { CoachNews } from "./state.ts";

export type CoachOptions = {
  /** From `compileRules`, shared by all calls. */
  rules: readonly Rule[];
  /** Time in ms that never goes back. Default: `performance.now`. */
  clock?: () => number;
};

/**
 * Gives feedback to the human beside the call: `coaching` events by fixed rules over what is heard, without a model.
 */
export class Coach extends TimelineNode {
  readonly #rules: readonly Rule[];
  readonly #clock: () => number;
  #watch = new RuleWatch([]);
  #lastAt = 0;
  #timer: { due: number; handle: NodeJS.Timeout } | null = null;

  constructor({ rules, clock = () => performance.now() }: CoachOptions) {
    super("coach");
    this.#rules = rules;
    this.#clock = clock;
  }

  /** Whether the caller's latest utterance asks for a human being. */
  get personRequested(): boolean {
    return this.#watch.isTrue("human_request");
  }

  override start(): void {
    // Ten seconds without a word are nothing where people type.
    const isChat = this.session.context.conversationType === "chat";
    this.#watch = new RuleWatch(this.#rules.filter(({ id }) => !(isChat && id === "dead_air")));
    this.session.signal.addEventListener("abort", () => this.#stopTimer(), { once: true });
  }

  protected override hear(moment: Moment): void {
    switch (moment.type) {
      case "utterance":
        this.#take({ kind: "heard", text: moment.turn.text });
        break;
      case "speaking":
        this.#take({ kind: "speaking", speaking: moment.speaking });
        break;
      case "interrupt":
        this.#take({ kind: "interrupted" });
        break;
      case "request":
        this.#take({ kind: "requested" });
        break;
      case "spoken":
        this.#take({ kind: "spoken" });
        break;
      case "answer.firstWords":
        this.#take({ kind: "answering", firstChunkMs: moment.turn.firstChunkMs });
        break;
      case "answer.ended":
        if (moment.turn.chunks > 0) this.#take({ kind: "said", text: moment.turn.text });
        break;
      case "line":
        this.#take({ kind: "answering", firstChunkMs: null });
        this.#take({ kind: "said", text: moment.turn.text });
        break;
      case "handOff":
        this.#take({ kind: "handedOff" });
        break;
      case "verdict": {
        const { utterance, sentiment, score } = moment.verdict;
        this.#take({ kind: "verdict", utterance, sentiment, score });
        break;
      }
      case "escalation": {
        const { reason, frustrationCount: count, threshold, action, outcome } = moment.escalation;
        this.#take({ kind: "escalated", escalation: { reason, count, threshold, action, outcome } });
        break;
      }
      default:
        break;
    }
  }

  #take(news: CoachNews, at = this.#now()): void {
    this.#lastAt = at;
    for (const alert of this.#watch.take({ ...news, at })) this.sendEvent(logDraft("coaching", alert));
    this.#arm(at);
  }

  /** One timer for all rules, set only when the next time to look has changed. */
  #arm(at: number): void {
    const due = this.#watch.nextDue(at);
    if (due === (this.#timer?.due ?? null)) return;
    this.#stopTimer();
    if (due === null || this.session.signal.aborted) return;
    this.#timer = { due, handle: setTimeout(() => this.#ring(due), Math.ceil(due - at)) };
  }

  #ring(due: number): void {
    try {
      // A timer may ring a little early by our clock; what it rings for has come all the same.
      this.#take({ kind: "tick" }, Math.max(this.#now(), due));
    } catch (error) {
      this.reportError(error, "looking at the clock");
    }
  }

  #now(): number {
    return Math.max(this.#clock(), this.#lastAt);
  }

  #stopTimer(): void {
    if (this.#timer) clearTimeout(this.#timer.handle);
    this.#timer = null;
  }
}
