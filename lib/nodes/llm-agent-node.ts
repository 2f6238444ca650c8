import { z } from "zod";
import type { ChatRequest } from "../llm/chat.ts";
import type { Llm } from "../llm/client.ts";
import { type Tool, ToolSet, tool } from "../llm/tools.ts";
import { TurnLimit } from "../llm/turn-limit.ts";
import { type Switch, TurnModels } from "../llm/turn-models.ts";
import { type Transfer, transferDraft } from "../session/transfer.ts";
import type { AnyEvent } from "../wire/events.ts";
import { logDraft } from "../wire/log-events.ts";
import { streamAnswer } from "./answer.ts";
import { COLLECT_DIGITS, type DigitCollection, DigitCollector, digitsTool } from "./digits.ts";
import { OutputAgentNode, type OutputAgentNodeOptions } from "./output-agent-node.ts";
import { SpeechCleaner } from "./speech-cleaner.ts";
import { type SupervisedAction, SupervisionError } from "./supervised.ts";
import type { Turn } from "./turn.ts";
import { Whispers } from "./whispers.ts";

/** Tools that every agent can have by naming them. */
export type BuiltInTool = "end_call" | "transfer_to_supervisor";

export type LlmAgentNodeOptions = OutputAgentNodeOptions & {
  llm: Llm;
  /** What the model is told it is and does; a function is asked anew for each answer. */
  instructions: string | (() => string | Promise<string>);
  /** Default: none. */
  tools?: readonly (Tool | BuiltInTool | DigitCollection)[];
  /** Default: `AGENT_MODEL`. */
  model?: string;
  /** 0…2. Default: `AGENT_TEMPERATURE`. */
  temperature?: number;
  /** Said once, when the caller has joined. Default: the caller speaks first. */
  greeting?: string;
  /** Whether what is made for the eye is taken out of the model's words. Default: unless the call is a chat. */
  cleanSpeech?: boolean;
  /** Where callers are handed to. Default null: nowhere, and nothing is promised. */
  transfer?: Transfer | null;
  /** Said while a tool takes longer than {@link LlmAgentNodeOptions.holdingAfterMs}. */
  holdingLine?: string;
  /** How long a tool may leave the caller in silence, ms. Default 2,000. */
  holdingAfterMs?: number;
};

const TRANSFER_LINE = "Of course. Let me connect you with a supervisor.";
const ESCALATION_LINE = "Let me connect you with a supervisor.";
const NO_NUMBER = "No transfer is possible here. Say so, and offer your own help.";
const SUPERVISOR_GREETING = "You are now connected with a supervisor, who knows what this is about.";

const NO_PARAMETERS = z.object({});
// A small model may leave it out, and the caller is handed over all the same.
const TRANSFER_PARAMETERS = z.object({ reason: z.string().nullish().describe("why, in a few words") });

/**
 * An agent that answers with a language model: instructions, tools and a greeting are all it needs. It asks the model,
 * streams the answer, runs the tools the model calls and can be steered by a supervisor.
 */
export class LlmAgentNode extends OutputAgentNode {
  readonly #options: LlmAgentNodeOptions;
  readonly #tools: ToolSet;
  readonly #whispers = new Whispers();
  readonly #digits = new DigitCollector();
  readonly #asksForKeys: string | null;
  #greeted = false;
  /** Why the caller is to be handed over as soon as nobody is spoken over; null: no rule wants it. */
  #escalateFor: string | null = null;

  constructor(options: LlmAgentNodeOptions) {
    super(options);
    this.#options = options;
    const tools = options.tools ?? [];
    this.#asksForKeys = tools.find(isDigitCollection)?.prompt ?? null;
    this.#tools = new ToolSet(tools.map((each) => this.#toTool(each)));
  }

  override get model(): string {
    return this.#options.model ?? this.#options.llm.agent.model;
  }

  /** Runs before the model is asked. What it returns is the whole answer; null: ask the model. */
  protected beforeAnswer(_turn: Turn): string | null {
    return null;
  }

  /**
   * Runs when the model has been asked and before its first word is said, which waits for it. What it returns is said
   * instead, and the request is cancelled; null: go on.
   */
  protected beforeFirstWord(_turn: Turn): Promise<string | null> | null {
    return null;
  }

  /** Runs after the model's last word. What it returns is said after it; null: nothing. */
  protected afterAnswer(_turn: Turn): string | null {
    return null;
  }

  /** What a supervisor who takes the call over is told first, in a warm transfer. */
  protected briefing(): string {
    const [first, last] = [this.conversation.firstUtterance, this.conversation.lastUtterance].map((words) =>
      words.slice(0, 300),
    );
    return `The caller began with: "${first}" Their last words were: "${last}"`;
  }

  /** How upset the caller is, for the record of a hand-over. Override it where somebody counts. */
  protected get frustration(): { count: number; threshold: number } | null {
    return null;
  }

  /** Where callers are handed to, or null. */
  protected get transferTarget(): Transfer | null {
    return this.#options.transfer ?? null;
  }

  override check(action: SupervisedAction): void {
    this.refuseAfterHandOff();
    if (action === "whisper") this.#whispers.refuseIfFull();
    if (action === "transfer" && !this.transferTarget) {
      throw new SupervisionError("no_transfer_number", "there is nobody to transfer to: set TRANSFER_NUMBER");
    }
  }

  override whisper(note: string): void {
    this.check("whisper");
    this.#whispers.add(note);
  }

  override transfer(): void {
    this.check("transfer");
    this.noteHandOver("supervisor", false);
    this.say(TRANSFER_LINE);
    this.handOver();
  }

  override mute(): void {
    super.mute();
    // Whoever speaks through it now has the call.
    this.#escalateFor = null;
  }

  override escalate(reason: string, atOnce: boolean): void {
    this.refuseAfterHandOff();
    // While it is muted a human speaks through it, and knows.
    if (this.muted) return;
    if (!this.transferTarget) {
      this.noteHandOver(reason, false);
      return;
    }
    this.#escalateFor = reason;
    if (!atOnce || this.speaking) return;
    const line = this.#takeEscalation(false);
    if (line === null) return;
    this.say(line);
    this.handOver();
  }

  /** @returns the line of a hand-over that a rule wants, which is noted; null if none does. */
  #takeEscalation(sameTurn: boolean): string | null {
    const reason = this.#escalateFor;
    this.#escalateFor = null;
    if (reason === null || this.handOff !== null) return null;
    this.noteHandOver(reason, sameTurn);
    return ESCALATION_LINE;
  }

  /** The same within an answer, at whose end the transfer goes out. */
  #escalateInTurn(): string | null {
    const line = this.#takeEscalation(true);
    if (line !== null) this.handOver();
    return line;
  }

  /** Why a hand-over by the model's tool is said to happen, on the call's timeline and on record. */
  protected get toolReason(): string {
    return "model";
  }

  /**
   * Puts on the call's timeline that the caller is handed over, or would be if there were a number, and why.
   * @param sameTurn whether it follows in the very turn that was the reason.
   */
  protected noteHandOver(reason: string, sameTurn: boolean): void {
    const target = this.transferTarget;
    this.session.log.info({ reason }, target ? "Handing the caller over" : "No number to hand the caller to");
    this.sendEvent(
      logDraft("escalation.triggered", {
        reason,
        frustrationCount: this.frustration?.count ?? null,
        threshold: this.frustration?.threshold ?? null,
        sameTurn,
        action: target ? `${target.type}_transfer` : "none",
        outcome: target ? "requested" : "no_number",
      }),
    );
  }

  /**
   * Asks the platform for the transfer, if there is a number; what is being said is said to its end first.
   * @param reason the model's, for the briefing; null if it gave none.
   */
  protected handOver(reason: string | null = null): void {
    const target = this.transferTarget;
    if (!target) return;
    const why = reason === null || reason.trim() === "" ? "" : ` The agent's reason: ${reason.slice(0, 300)}`;
    this.sendEvent(transferDraft(target, `${this.briefing()}${why}`, SUPERVISOR_GREETING));
  }

  /** A key that `collect_digits` waits for goes there, and no further. */
  override accept(event: AnyEvent): void {
    if (event.type === "system.user.key" && this.#digits.key(event.digit)) return;
    super.accept(event);
  }

  protected override onEvent(event: AnyEvent): void {
    const { greeting } = this.#options;
    if (event.type !== "system.user.joined" || this.#greeted || greeting === undefined) return;
    this.#greeted = true;
    this.speak(greeting);
  }

  protected override async *generateResponse(
    signal: AbortSignal,
    turn: Turn,
  ): AsyncGenerator<string, void, void> {
    const own = this.#escalateInTurn() ?? this.beforeAnswer(turn);
    if (own !== null) {
      yield own;
      return;
    }
    const { llm } = this.#options;
    const limit = new TurnLimit(llm.turnTimeoutMs, signal);
    const models = new TurnModels({
      llm,
      signal,
      onRequestEnd: (usage, request) => {
        this.sendEvent(logDraft("llm.usage", usage));
        this.sendEvent(logDraft("llm.request", request));
      },
      onSwitch: (change) => this.#noteSwitch(change),
      hasSpoken: () => turn.said.trim() !== "",
    });
    const open = (request: ChatRequest) => limit.watch(models.open(request));
    const notes = this.#whispers.waiting;
    const request = await this.#request();
    if (turn.over) return;
    // The answer is asked for before anything is waited for: the caller waits for the slower of the two.
    const first = open(request);
    const waiting = this.beforeFirstWord(turn);
    if (waiting) {
      const instead = await waiting;
      if (turn.over) return;
      if (instead !== null) {
        first.cancel();
        yield instead;
        return;
      }
    }
    const { holdingLine = "One moment, please.", holdingAfterMs = 2_000 } = this.#options;
    const answer = streamAnswer({
      request,
      first,
      open,
      turn,
      tools: this.#tools,
      publish: (event) => this.sendEvent(event),
      isDone: () => this.handOff !== null,
      asksForKeys: (calls) => (calls.some(({ name }) => name === COLLECT_DIGITS) ? this.#asksForKeys : null),
      about: this.session.context,
      holding: { line: holdingLine, afterMs: holdingAfterMs },
    });
    for await (const piece of this.#cleansSpeech ? this.#clean(answer, turn) : answer) {
      // An answer that was given up before its first word has not used the notes.
      if (turn.said === "" && !turn.over && notes > 0) {
        this.#whispers.used(notes);
        this.sendEvent(logDraft("whisper.used", { count: notes }));
      }
      yield piece;
    }
    if (turn.over) return;
    if (this.handOff !== null) {
      if (turn.said === "") yield this.handOff === "agent.end_call" ? this.goodbye : TRANSFER_LINE;
      return;
    }
    const more = this.afterAnswer(turn) ?? this.#escalateInTurn();
    if (more !== null) yield ` ${more}`;
  }

  get #cleansSpeech(): boolean {
    return this.#options.cleanSpeech ?? this.session.context.conversationType !== "chat";
  }

  /** Cleans an answer for a voice, and notes on the turn what was written where that is something else. */
  async *#clean(answer: AsyncIterable<string>, turn: Turn): AsyncGenerator<string, void, void> {
    const cleaner = new SpeechCleaner();
    let written = "";
    // Compared piece by piece: an answer of hundreds must not be read from its beginning for each.
    let unsaid = "";
    let isCleaned = false;
    let isSilent = true;
    const take = (words: string) => {
      isSilent &&= words.trim() === "";
      isCleaned ||= !unsaid.startsWith(words);
      unsaid = isCleaned ? "" : unsaid.slice(words.length);
      return words;
    };
    for await (const piece of answer) {
      written += piece;
      unsaid += piece;
      const words = take(cleaner.push(piece));
      // What waits for more is not cleaned yet.
      turn.written = isCleaned ? written : null;
      if (words !== "") yield words;
    }
    const rest = take(cleaner.end());
    turn.written = isCleaned || unsaid !== "" ? written : null;
    // An answer of pictures alone would be silence.
    if (isSilent && written.trim() !== "") yield written;
    else if (rest !== "") yield rest;
  }

  #noteSwitch({ reason, ...change }: Switch): void {
    // While the first is left alone this is every turn, and the log has said so once.
    const level = change.because === "circuit_open" ? "debug" : "warn";
    this.session.log[level]({ ...change, reason }, `${change.to} answers, for ${change.from} did not`);
    this.sendEvent(logDraft("llm.switched", change));
  }

  async #request(): Promise<ChatRequest> {
    const { instructions, llm, temperature = llm.agent.temperature } = this.#options;
    const text = typeof instructions === "string" ? instructions : await instructions();
    return {
      model: this.model,
      temperature,
      tools: this.#tools.schemas,
      toolChoice: "auto",
      messages: [
        { role: "system", content: `${text}${this.#whispers.prompt()}` },
        ...this.conversation.messages(),
      ],
    };
  }

  #toTool(each: Tool | BuiltInTool | DigitCollection): Tool {
    if (typeof each === "string") return this.#builtIn(each);
    return isDigitCollection(each) ? digitsTool(each, this.#digits) : each;
  }

  #builtIn(name: BuiltInTool): Tool {
    switch (name) {
      case "end_call":
        return tool({
          name,
          description:
            "Ends the call, after your goodbye. Use it when the caller says goodbye or has nothing more to ask.",
          parameters: NO_PARAMETERS,
          handler: () => {
            this.sendEvent({ type: "agent.end_call" });
            return { status: "ok" };
          },
        });
      case "transfer_to_supervisor":
        return tool({
          name,
          description: "Hands the caller to a human supervisor. Use it when the caller asks for a person.",
          parameters: TRANSFER_PARAMETERS,
          handler: ({ reason }) => {
            if (!this.transferTarget) return { status: "no_number", message: NO_NUMBER };
            if (this.handOff === null) this.noteHandOver(this.toolReason, true);
            this.handOver(reason ?? null);
            return { status: "ok" };
          },
        });
    }
  }
}

function isDigitCollection(each: Tool | BuiltInTool | DigitCollection): each is DigitCollection {
  return typeof each !== "string" && "kind" in each;
}
