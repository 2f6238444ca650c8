import { z } from "zod";
import { describeError, LlmError, type LlmErrorKind } from "../errors.ts";
import { Conversation } from "../session/conversation.ts";
import {
  type AgentEvent,
  type AnyEvent,
  type Draft,
  type EventOf,
  type JsonObject,
  now,
  stamp,
} from "../wire/events.ts";
import type { TransferOutcome } from "../wire/line-events.ts";
import { type LogPayloads, logDraft } from "../wire/log-events.ts";
import { AgentNode, type AgentNodeOptions, type NodeSession } from "./agent-node.ts";
import { type Supervised, type SupervisedAction, SupervisionError } from "./supervised.ts";
import { Turn } from "./turn.ts";

type HandOff = EventOf<"agent.end_call"> | EventOf<"agent.transfer_call">;

/** Where the call stands: still ours, about to be handed off, or no longer ours. */
type HandOffState = { at: "none" } | { at: "decided"; event: HandOff } | { at: "done"; event: HandOff };

export type OutputAgentSettings = {
  /** Whether the caller may cut an answer short. */
  interruptible: boolean;
};

const settingsSchema = z.object({ interruptible: z.boolean().optional() });

export type OutputAgentNodeOptions = AgentNodeOptions & {
  /** Most messages of the conversation kept for the model. Default 200. */
  maxContextMessages?: number;
  /** What is said when a supervisor ends the call, or a caller has fallen silent. */
  goodbye?: string;
  /** What is said to a caller who has fallen silent, once; then it is the goodbye. */
  stillThere?: string;
};

const FILTERED = "I'm sorry, I can't talk about that. Is there anything else I can help you with?";
const GOODBYE = "Thank you for calling. Goodbye!";
const STILL_THERE = "Are you still there?";

/**
 * A node that talks. It answers every `system.llm.request` with one start, the text of
 * {@link generateResponse} and one end; cancels that text on an interrupt, replaces it on a new request, and
 * falls silent for good once the call is handed off.
 */
export abstract class OutputAgentNode extends AgentNode implements Supervised {
  readonly conversation: Conversation;
  protected readonly goodbye: string;
  readonly #stillThere: string;
  #settings: OutputAgentSettings = { interruptible: true };
  #turn: Turn | null = null;
  #turns = 0;
  /** How many of the next requests were made before an interrupt, and are answered with nothing. */
  #overtaken = 0;
  #handOff: HandOffState = { at: "none" };
  #muted = false;

  constructor(options: OutputAgentNodeOptions) {
    super(options);
    this.conversation = new Conversation(options.maxContextMessages ?? 200);
    this.goodbye = options.goodbye ?? GOODBYE;
    this.#stillThere = options.stillThere ?? STILL_THERE;
  }

  /** The language model it speaks with, for the record of its calls; null for none. */
  get model(): string | null {
    return null;
  }

  /** Yields the answer to the caller's last words, piece by piece. `signal` is aborted when nobody wants the rest. */
  protected abstract generateResponse(signal: AbortSignal, turn: Turn): AsyncIterable<string>;

  /** Override it to react to events. The framework has done its part by then, so nothing has to be passed on. */
  protected onEvent(_event: AnyEvent): void | Promise<void> {}

  /**
   * What is said instead of, or after, an answer that failed.
   * @param kind what the model did; null where it was not the model.
   */
  protected apology(alreadySaid: boolean, kind: LlmErrorKind | null): string {
    if (kind === "content_filter") return `${alreadySaid ? " " : ""}${FILTERED}`;
    return alreadySaid
      ? " I'm sorry, I lost my thread there. Could you say that again?"
      : "I'm sorry, I'm having trouble answering right now. Could you say that again?";
  }

  /** The answer to a request that comes after the hand-off; empty for none. */
  protected answerAfterHandOff(): string {
    return "";
  }

  /** What a caller hears who comes back from a transfer; empty for nothing. */
  protected afterTransfer(outcome: TransferOutcome): string {
    // Where the line does not tell, the caller does.
    if (outcome === "unknown") return "";
    const why = outcome === "busy" ? "The line is busy" : "Nobody could take your call";
    return `I'm sorry. ${why} just now, so I am back with you. What would you like me to do?`;
  }

  get settings(): Readonly<OutputAgentSettings> {
    return this.#settings;
  }

  /** Whether an answer is being given at this moment. */
  protected get responding(): boolean {
    return this.#turn !== null;
  }

  /** Whether something of it has been said. */
  protected get speaking(): boolean {
    return this.#turn !== null && this.#turn.said.trim() !== "";
  }

  /** How the call has been, or is about to be, handed off; null while it is ours. */
  protected get handOff(): HandOff["type"] | null {
    return this.#handOff.at === "none" ? null : this.#handOff.event.type;
  }

  /** Says a line at once, outside any answer. */
  speak(text: string): void {
    if (this.#handOff.at === "done") return;
    this.conversation.said(text);
    this.sendEvent({ type: "agent.speak", text });
  }

  check(action: SupervisedAction): void {
    if (action === "whisper") {
      throw new SupervisionError("not_possible", "this agent has no model to whisper to: use say");
    }
    if (action === "transfer") throw new SupervisionError("not_possible", "this agent cannot transfer calls");
    this.refuseAfterHandOff();
  }

  whisper(_note: string): void {
    this.check("whisper");
  }

  say(text: string): void {
    this.check("say");
    this.stopSpeaking();
    this.speak(text);
  }

  transfer(): void {
    this.check("transfer");
  }

  escalate(_reason: string, _atOnce: boolean): void {
    this.check("transfer");
  }

  end(): void {
    this.say(this.goodbye);
    this.sendEvent({ type: "agent.end_call" });
  }

  /** Whether requests get an empty answer, see {@link mute}. */
  get muted(): boolean {
    return this.#muted;
  }

  /** Falls silent: what is being said ends now, and requests get an empty answer until {@link unmute}. {@link speak} still speaks. */
  mute(): void {
    this.check("mute");
    this.#muted = true;
    this.stopSpeaking();
  }

  /** Answers again, from the next request on. */
  unmute(): void {
    this.check("unmute");
    this.#muted = false;
  }

  /** Throws {@link SupervisionError} once the call is, or is about to be, handed off. */
  protected refuseAfterHandOff(): void {
    if (this.handOff === null) return;
    const why = "the call has been handed off: nothing can be done to it from here";
    throw new SupervisionError("handed_off", why);
  }

  /** Ends the answer that is being given, and has the nodes below and the client drop what is not yet spoken of it. */
  protected stopSpeaking(): void {
    this.sendEvent({ type: "agent.control.interrupt" });
    if (this.#turn) this.#finish(this.#turn, "interrupted");
    this.cutOff(stamp({ type: "system.control.interrupt" }));
  }

  /** Sends an event. An end or a transfer of the call waits for the end of the answer, and only the first counts. */
  override sendEvent(draft: Draft): void {
    const event = stamp(draft);
    if (event.type === "agent.end_call" || event.type === "agent.transfer_call") this.#decideHandOff(event);
    else super.sendEvent(event);
  }

  override attach(session: NodeSession, children: readonly AgentNode[], isRoot: boolean): void {
    super.attach(session, children, isRoot);
    if (session.outputAgentSettings) this.#updateSettings(session.outputAgentSettings);
  }

  override async close(): Promise<void> {
    this.#turn?.abandon();
    this.#turn = null;
    await super.close();
  }

  protected override interrupt(event: AnyEvent): void {
    const mayInterrupt = this.#settings.interruptible && (this.#turn?.interruptible ?? true);
    if (mayInterrupt) {
      if (this.#turn) this.#finish(this.#turn, "interrupted");
      this.#overtaken = this.waitingRequests();
      this.cutOff(event);
    }
    // The hook hears of it either way, and in the order of all other events.
    this.enqueue(event);
  }

  protected override async dispatch(event: AnyEvent): Promise<void> {
    // Passed on first: the nodes below hear of a request before its answer.
    if (event.type !== "system.control.interrupt") super.sendEvent(event);
    this.#route(event);
    await this.onEvent(event);
  }

  #route(event: AnyEvent): void {
    switch (event.type) {
      case "agent.transcript.update":
        if (event.role === "user") this.conversation.heard(event.content);
        else this.conversation.reported(event.content);
        break;
      case "system.llm.request":
        if (this.#turn) this.#finish(this.#turn, "replaced");
        if (event.messages) this.conversation.replaceTurns(event.messages);
        this.#answer();
        break;
      case "system.output_agent.update_settings":
        this.#updateSettings(event.settings);
        break;
      case "system.transfer.ended":
        if (event.returned) this.#takeBack(event.outcome);
        break;
      case "system.user.idle":
        this.#breakSilence(event.times);
        break;
      default:
        break;
    }
  }

  #updateSettings(settings: JsonObject): void {
    const parsed = settingsSchema.safeParse(settings);
    if (!parsed.success) {
      this.session.log.warn(
        { node: this.name },
        "Output agent settings ignored: interruptible must be true or false",
      );
    } else if (parsed.data.interruptible !== undefined) {
      this.#settings = { interruptible: parsed.data.interruptible };
    }
  }

  /** The caller is ours again. */
  #takeBack(outcome: TransferOutcome): void {
    this.#handOff = { at: "none" };
    const line = this.#muted ? "" : this.afterTransfer(outcome);
    if (line !== "") this.speak(line);
  }

  #breakSilence(times: number): void {
    if (this.handOff !== null || this.#muted || this.#turn) return;
    if (times === 1) this.speak(this.#stillThere);
    else this.end();
  }

  #answer(): void {
    this.#turns += 1;
    const turn = new Turn(this.#turns, this.session.signal, this.conversation.beginAnswer());
    this.#turn = turn;
    this.sendEvent({ type: "agent.llm.response.start", requestId: turn.id });
    if (this.#overtaken > 0) {
      this.#overtaken -= 1;
      this.#finish(turn, "interrupted");
    } else if (this.#handOff.at === "none" && !this.#muted) {
      this.session.own(this.#generate(turn));
    } else {
      this.#say(turn, this.#muted ? "" : this.answerAfterHandOff());
      this.#finish(turn, "completed");
    }
  }

  async #generate(turn: Turn): Promise<void> {
    try {
      for await (const text of this.generateResponse(turn.signal, turn)) {
        if (turn.over) return;
        this.#say(turn, text);
        const writable = this.session.writable();
        if (writable) await writable;
        if (turn.over) return;
      }
      if (turn.over) return;
      if (turn.said.trim() === "") throw new LlmError("empty", "the answer had no text");
      this.#finish(turn, "completed");
    } catch (error) {
      if (turn.over) return;
      this.session.log.warn({ node: this.name, turn: turn.number, ...describeError(error) }, "Turn failed");
      const kind = error instanceof LlmError ? error.kind : null;
      this.#say(turn, this.apology(turn.said.trim() !== "", kind));
      this.#publishFailure(error, kind);
      this.#finish(turn, "failed");
    }
  }

  #say(turn: Turn, text: string): void {
    if (text === "") return;
    turn.said += text;
    // With its time already, it needs no copy that has one: there are hundreds of these in an answer.
    this.sendEvent({ type: "agent.llm.response.chunk", text, timestamp: now() });
  }

  /** Ends a turn exactly once: its `end` goes out now, whether or not the generator has noticed. */
  #finish(turn: Turn, outcome: LogPayloads["turn.ended"]["outcome"]): void {
    this.#turn = null;
    turn.abandon();
    turn.answer.end(turn.said);
    // Ahead of the end, so that whoever hears the end knows the outcome.
    this.session.publish(
      stamp<AgentEvent>(
        logDraft("turn.ended", { turnId: turn.id, outcome, written: turn.written, model: turn.model }),
      ),
      this,
    );
    this.sendEvent({ type: "agent.llm.response.end" });
    if (this.#handOff.at !== "decided") return;
    const cutOff = outcome === "interrupted" || outcome === "replaced";
    // A caller who speaks into the goodbye is not done; a promised transfer stays promised.
    if (cutOff && this.#handOff.event.type === "agent.end_call") this.#handOff = { at: "none" };
    else this.#completeHandOff(this.#handOff.event);
  }

  #decideHandOff(event: HandOff): void {
    if (this.#handOff.at !== "none") return;
    this.#handOff = { at: "decided", event };
    if (!this.#turn) this.#completeHandOff(event);
  }

  #completeHandOff(event: HandOff): void {
    this.#handOff = { at: "done", event };
    super.sendEvent(event);
  }

  #publishFailure(error: unknown, kind: LlmErrorKind | null): void {
    const { errorClass } = describeError(error);
    const filtered = `A content filter stopped an answer of ${this.name}; the caller was told so and the call goes on.`;
    const failed = `${this.name} could not finish an answer; the caller heard an apology and the call goes on.`;
    this.session.publish(
      stamp<AgentEvent>({
        type: "agent.error",
        message: kind === "content_filter" ? filtered : failed,
        severity: "warning",
        payload: { nodeName: this.name, errorClass, ...(kind === null ? {} : { kind }) },
      }),
      this,
    );
  }
}
