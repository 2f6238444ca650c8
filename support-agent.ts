import { z } from "zod";
import type { Coach } from "./lib/coach/coach.ts";
import { LiveError } from "./lib/live/errors.ts";
import type { Supervised } from "./lib/live/supervised.ts";
import { Whispers } from "./lib/live/whispers.ts";
import { type ChatRequest, ChatStream } from "./lib/llm/chat.ts";
import type { Llm } from "./lib/llm/client.ts";
import { ToolSet, tool } from "./lib/llm/tools.ts";
import { streamAnswer } from "./lib/nodes/answer.ts";
import { OutputAgentNode } from "./lib/nodes/output-agent-node.ts";
import type { Turn } from "./lib/nodes/turn.ts";
import { type Transfer, transferDraft } from "./lib/session/transfer.ts";
import type { AnyEvent } from "./lib/wire/events.ts";
import { isLog, logDraft } from "./lib/wire/log-events.ts";
import type { SentimentAnalyzer } from "./sentiment-analyzer.ts";

const GREETING = "Hello! I'm here to help. What can I assist you with today?";
const GOODBYE = "Thank you for contacting us. Goodbye!";
const ESCALATION_LINE =
  "I can hear this has been frustrating, and I'm sorry. Let me connect you with a supervisor.";
const NO_TRANSFER_LINE =
  "I can hear this has been frustrating, and I'm sorry. I can't transfer you from here, but I have marked this conversation for a supervisor.";
const TRANSFER_LINE = "Of course. Let me connect you with a supervisor.";
const NO_PERSON_LINE =
  "I can't transfer you from here, but I have marked this conversation for a supervisor.";
const SUPERVISOR_GREETING = "You are now connected with a supervisor, who knows what this is about.";
const AFTER_TRANSFER_LINE = "A supervisor will take it from here.";

const PROMPT = `You are a support agent on the telephone. Your words are spoken aloud:
one to three short sentences, no lists, no markup. Find out what the caller needs and help with it.
Never invent facts about an order or an account; ask for what you need to know.
If the caller is unhappy, acknowledge it in a few words before you go on.
Use transfer_to_supervisor when the caller asks for a person, end_call when the caller says goodbye.`;

export type SupportAgentOptions = {
  llm: Llm;
  model: string;
  sentiment: SentimentAnalyzer;
  /** Null: there is nobody to hand over to, and the agent does not promise it. */
  transfer: Transfer | null;
  /** How long an answer may wait for the verdict that decides about the hand-off, ms. */
  escalationWaitMs: number;
  maxContextMessages: number;
  /** Tells when the caller asks for a person, to be handed over at once; null: the model decides by its tool. */
  coach: Pick<Coach, "personRequested"> | null;
};

const NO_PARAMETERS = z.object({});
const TRANSFER_PARAMETERS = z.object({ reason: z.string().describe("why, in a few words") });

type EscalationReason = "frustration_threshold_exceeded" | "human_request";

/** Holds the conversation, adapts to the caller's mood, and hands an upset caller to a supervisor. */
export class SupportAgent extends OutputAgentNode implements Supervised {
  readonly #options: SupportAgentOptions;
  readonly #sentiment: SentimentAnalyzer;
  readonly #tools: ToolSet;
  readonly #whispers = new Whispers();
  #greeted = false;
  /** Words of the caller that no answer has been asked for yet, and whether an escalation was due before them. */
  #unasked: { wasDue: boolean } | null = null;
  #escalated = false;

  constructor(options: SupportAgentOptions) {
    super({
      name: "support-agent",
      // It also listens to the other nodes, for a verdict that comes after the answer.
      hears: ["client", "agent"],
      maxContextMessages: options.maxContextMessages,
    });
    this.#options = options;
    this.#sentiment = options.sentiment;
    this.#tools = new ToolSet(this.#declareTools());
  }

  whisper(note: string): void {
    this.#refuseAfterHandOff();
    this.#whispers.add(note);
  }

  say(text: string): void {
    this.#refuseAfterHandOff();
    this.stopSpeaking();
    this.speak(text);
  }

  transfer(): void {
    this.#refuseAfterHandOff();
    if (!this.#options.transfer) {
      throw new LiveError("no_transfer_number", "there is nobody to transfer to: set TRANSFER_NUMBER");
    }
    this.say(TRANSFER_LINE);
    this.#handOver();
  }

  end(): void {
    this.say(GOODBYE);
    this.sendEvent({ type: "agent.end_call" });
  }

  override mute(): void {
    this.#refuseAfterHandOff();
    super.mute();
  }

  override unmute(): void {
    this.#refuseAfterHandOff();
    super.unmute();
  }

  protected override onEvent(event: AnyEvent): void {
    if (event.type === "agent.transcript.update" && event.role === "user") {
      this.#unasked ??= { wasDue: this.#reasonToEscalate() === "frustration_threshold_exceeded" };
    } else if (event.type === "system.llm.request") {
      this.#unasked = null;
    } else if (event.type === "system.user.joined" && !this.#greeted) {
      this.#greeted = true;
      this.speak(GREETING);
    } else if (
      isLog(event, "sentiment") &&
      // A wish for a person is met in the answer to it, never before the answer is asked for.
      this.#reasonToEscalate() === "frustration_threshold_exceeded" &&
      !this.responding &&
      // A fast verdict overtakes the request that follows the words: the answer will be the hand-off.
      this.#unasked === null &&
      !this.#sentiment.userIsSpeaking
    ) {
      // The verdict came after the answer, and nobody is talking: this is the moment.
      this.speak(this.#escalate(false));
      this.#handOver();
    }
  }

  protected override async *generateResponse(
    signal: AbortSignal,
    turn: Turn,
  ): AsyncGenerator<string, void, void> {
    // A verdict that is in already, or a wish for a person: there is nothing to ask a model.
    const reason = this.#reasonToEscalate();
    if (reason) {
      yield this.#escalateInTurn(reason === "human_request" || this.#unasked?.wasDue === false);
      return;
    }
    // The answer is asked for before the verdict is waited for: the caller waits for the slower one, not for both.
    const open = (request: ChatRequest) =>
      new ChatStream(this.#options.llm, request, signal, (usage) =>
        this.sendEvent(logDraft("llm.usage", usage)),
      );
    const notes = this.#whispers.waiting;
    const request = this.#request();
    const first = open(request);
    if (this.#sentiment.couldEscalate())
      await this.#sentiment.settled(signal, this.#options.escalationWaitMs);
    if (turn.over) return;
    if (this.#mustEscalate()) {
      first.cancel();
      yield this.#escalateInTurn(true);
      return;
    }
    const answer = streamAnswer({
      request,
      first,
      open,
      turn,
      tools: this.#tools,
      publish: (event) => this.sendEvent(event),
      isDone: () => this.handOff !== null,
    });
    for await (const piece of answer) {
      // An answer that was given up before its first word has not used the notes.
      if (turn.said === "" && !turn.over) this.#whispers.used(notes);
      yield piece;
    }
    if (turn.over) return;
    if (this.handOff !== null) {
      if (turn.said === "") yield this.handOff === "agent.end_call" ? GOODBYE : TRANSFER_LINE;
    } else if (this.#mustEscalate()) {
      yield ` ${this.#escalateInTurn(true)}`;
    }
  }

  protected override answerAfterHandOff(): string {
    const isChat = this.session.context.conversationType === "chat";
    return isChat && this.handOff === "agent.transfer_call" ? AFTER_TRANSFER_LINE : "";
  }

  #request(): ChatRequest {
    const mood = `Current mood of the caller: ${this.#sentiment.current}`;
    return {
      model: this.#options.model,
      temperature: 0.7,
      tools: this.#tools.schemas,
      toolChoice: "auto",
      messages: [
        { role: "system", content: `${PROMPT}\n${mood}${this.#whispers.prompt()}` },
        ...this.conversation.messages(),
      ],
    };
  }

  #mustEscalate(): boolean {
    return this.#reasonToEscalate() !== null;
  }

  #reasonToEscalate(): EscalationReason | null {
    // While it is muted a human speaks through it, and knows.
    if (this.#escalated || this.handOff !== null || this.muted) return null;
    if (this.#sentiment.shouldEscalate()) return "frustration_threshold_exceeded";
    return this.#options.coach?.personRequested ? "human_request" : null;
  }

  #refuseAfterHandOff(): void {
    if (this.handOff === null) return;
    throw new LiveError("handed_off", "the call has been handed off: nothing can be done to it from here");
  }

  /** Decides the hand-off before its line is said, so that an interrupt cannot lose it. */
  #escalateInTurn(sameTurn: boolean): string {
    const line = this.#escalate(sameTurn);
    this.#handOver();
    return line;
  }

  /** Notes the escalation, once, and returns the line to say. */
  #escalate(sameTurn: boolean): string {
    const reason: EscalationReason = this.#sentiment.shouldEscalate()
      ? "frustration_threshold_exceeded"
      : "human_request";
    this.#escalated = true;
    this.session.log.info("[Auto-escalation triggered]");
    const { transfer } = this.#options;
    this.sendEvent(
      logDraft("escalation.triggered", {
        reason,
        frustrationCount: this.#sentiment.frustrationCount,
        threshold: this.#sentiment.threshold,
        sameTurn,
        action: transfer ? `${transfer.type}_transfer` : "none",
        outcome: transfer ? "requested" : "no_number",
      }),
    );
    if (reason === "human_request") return transfer ? TRANSFER_LINE : NO_PERSON_LINE;
    return transfer ? ESCALATION_LINE : NO_TRANSFER_LINE;
  }

  /** Asks the platform for the transfer; the framework holds it back until the line has been sent. */
  #handOver(): void {
    const { transfer } = this.#options;
    if (transfer) this.sendEvent(transferDraft(transfer, this.#briefing(), SUPERVISOR_GREETING));
  }

  /** What is whispered to the supervisor before the caller hears them. */
  #briefing(): string {
    const { overall, current, frustrationCount } = this.#sentiment.getSentimentSummary();
    const [first, last] = [this.conversation.firstUtterance, this.conversation.lastUtterance].map((words) =>
      words.slice(0, 300),
    );
    const mood = `They have been ${overall} overall and are ${current} now, with a frustration count of ${frustrationCount}.`;
    return `The caller began with: "${first}" Their last words were: "${last}" ${mood}`;
  }

  #declareTools() {
    return [
      tool({
        name: "get_customer_sentiment",
        description: "How the caller has sounded so far: overall, now, and the last five utterances.",
        parameters: NO_PARAMETERS,
        handler: () => this.#sentiment.getSentimentSummary(),
      }),
      tool({
        name: "check_escalation_needed",
        description: "Whether the caller is upset enough to be handed to a supervisor.",
        parameters: NO_PARAMETERS,
        handler: () => ({
          escalationNeeded: this.#sentiment.shouldEscalate(),
          frustrationCount: this.#sentiment.frustrationCount,
          threshold: this.#sentiment.threshold,
        }),
      }),
      tool({
        name: "end_call",
        description:
          "Ends the call, after your goodbye. Use it when the caller says goodbye or has nothing more to ask.",
        parameters: NO_PARAMETERS,
        handler: () => {
          this.sendEvent({ type: "agent.end_call" });
          return { status: "ok" };
        },
      }),
      tool({
        name: "transfer_to_supervisor",
        description: "Hands the caller to a human supervisor. Use it when the caller asks for a person.",
        parameters: TRANSFER_PARAMETERS,
        handler: () => {
          if (!this.#options.transfer) {
            return {
              status: "no_number",
              message: "No transfer is possible here. Say so, and offer your own help.",
            };
          }
          this.#handOver();
          return { status: "ok" };
        },
      }),
    ];
  }
}
