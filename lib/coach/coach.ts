import { ListenerNode } from "../nodes/listener-node.ts";
import { Utterances } from "../session/utterances.ts";
import type { AnyEvent } from "../wire/events.ts";
import { isLog, logDraft } from "../wire/log-events.ts";
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
 * Add it before the agent that asks it for {@link personRequested}, so that it has heard an utterance first.
 */
export class Coach extends ListenerNode {
  readonly #rules: readonly Rule[];
  readonly #clock: () => number;
  readonly #utterances = new Utterances();
  #watch = new RuleWatch([]);
  /** The answer that is being given; null between answers. */
  #answer: { text: string; requestedAt: number | null } | null = null;
  #requestedAt: number | null = null;
  #lastAt = 0;
  #timer: { due: number; handle: NodeJS.Timeout } | null = null;

  constructor({ rules, clock = () => performance.now() }: CoachOptions) {
    super({ name: "coach" });
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

  protected override hear(event: AnyEvent): void {
    // Nearly all events of a call are chunks, and of those only the first is news.
    if (event.type === "agent.llm.response.chunk") this.#hearChunk(event.text);
    else this.#hearOther(event);
  }

  #hearChunk(text: string): void {
    if (!this.#answer) return;
    if (this.#answer.text === "") {
      const { requestedAt } = this.#answer;
      const firstChunkMs = requestedAt === null ? null : this.#now() - requestedAt;
      this.#take({ kind: "answering", firstChunkMs });
    }
    this.#answer.text += text;
  }

  #hearOther(event: AnyEvent): void {
    const utterance = this.#utterances.take(event);
    if (utterance !== null) this.#take({ kind: "heard", text: utterance });
    switch (event.type) {
      case "system.user.started_speaking":
        this.#take({ kind: "speaking", speaking: true });
        break;
      case "system.user.stopped_speaking":
        this.#take({ kind: "speaking", speaking: false });
        break;
      case "system.control.interrupt":
        this.#take({ kind: "interrupted" });
        break;
      case "system.llm.request":
        this.#requestedAt = this.#now();
        this.#take({ kind: "requested" });
        break;
      case "agent.transcript.update":
        if (event.role === "assistant") this.#take({ kind: "spoken" });
        break;
      case "agent.llm.response.start":
        this.#answer = { text: "", requestedAt: this.#requestedAt };
        break;
      case "agent.llm.response.end":
        if (this.#answer && this.#answer.text !== "") this.#take({ kind: "said", text: this.#answer.text });
        this.#answer = null;
        break;
      case "agent.speak":
        this.#take({ kind: "answering", firstChunkMs: null });
        this.#take({ kind: "said", text: event.text });
        break;
      case "agent.end_call":
      case "agent.transfer_call":
        this.#take({ kind: "handedOff" });
        break;
      case "agent.log":
        this.#hearLog(event);
        break;
      default:
        break;
    }
  }

  #hearLog(event: AnyEvent): void {
    if (isLog(event, "sentiment")) {
      const { utterance, sentiment, score } = event.payload;
      this.#take({ kind: "verdict", utterance, sentiment, score });
    } else if (isLog(event, "escalation.triggered")) {
      const { reason, frustrationCount: count, threshold, action, outcome } = event.payload;
      this.#take({ kind: "escalated", escalation: { reason, count, threshold, action, outcome } });
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
