import { SupervisionError } from "../nodes/supervised.ts";
import { TimelineNode } from "../nodes/timeline-node.ts";
import type { Moment } from "../session/moments.ts";
import { logDraft } from "../wire/log-events.ts";
import { RuleWatch } from "./rule-watch.ts";
import type { Rule } from "./rules.ts";
import type { CoachInput, CoachNews } from "./state.ts";

export type CoachOptions = {
  /** From `compileRules`, shared by all calls. */
  rules: readonly Rule[];
  /** Time in ms that never goes back. Default: `performance.now`. */
  clock?: () => number;
};

/** Who whispers by a rule, as the record names it. */
const BY = "coach";

/**
 * Gives feedback to the human beside the call: `coaching` events by fixed rules over what is heard, without a model.
 * A rule may also have the agent told something, or the caller handed over.
 */
export class Coach extends TimelineNode {
  readonly #rules: readonly Rule[];
  readonly #ruleOf: ReadonlyMap<string, Rule>;
  readonly #clock: () => number;
  #watch = new RuleWatch([]);
  #lastAt = 0;
  #timer: { due: number; handle: NodeJS.Timeout } | null = null;

  constructor({ rules, clock = () => performance.now() }: CoachOptions) {
    super("coach");
    this.#rules = rules;
    this.#ruleOf = new Map(rules.map((rule) => [rule.id, rule]));
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

  #take(news: CoachNews): void {
    // The timer is late, and what it should have rung for came first.
    if (this.#timer !== null && this.#now() >= this.#timer.due) this.#ring(this.#timer.due);
    this.#note({ ...news, at: this.#now() });
  }

  #note(input: CoachInput): void {
    this.#lastAt = input.at;
    for (const alert of this.#watch.take(input)) {
      this.sendEvent(logDraft("coaching", alert));
      const rule = this.#ruleOf.get(alert.rule);
      if (rule?.follows.whisper) this.#whisper(rule.id, rule.follows.whisper);
      // Where time alone has set it off nobody answers; else not into the caller's words, nor before the answer to them.
      if (rule?.follows.escalate) this.#escalate(rule.id, input.kind === "tick" || this.#watch.mayBreakIn);
    }
    this.#arm(input.at);
  }

  /** At once, so that the answer to these very words is given with it. */
  #whisper(rule: string, text: string): void {
    this.#steer(rule, () => {
      this.session.agent?.whisper(text);
      this.sendEvent(logDraft("supervisor", { action: "whisper", text, by: BY }));
    });
  }

  /** When everybody has heard what set the rule off, and of the alert. */
  #escalate(rule: string, atOnce: boolean): void {
    const escalate = () => this.#steer(rule, () => this.session.agent?.escalate(rule, atOnce));
    this.session.own(Promise.resolve().then(escalate));
  }

  /** An agent that cannot do it, or a call that is handed over already, is no fault. */
  #steer(rule: string, act: () => void): void {
    try {
      act();
    } catch (error) {
      if (!(error instanceof SupervisionError)) throw error;
      this.session.log.info(
        { rule, reason: error.message },
        "What should follow a coaching rule cannot be done",
      );
    }
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
      this.#note({ kind: "tick", at: Math.max(this.#now(), due) });
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
