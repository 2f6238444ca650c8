import { z } from "zod";
import type { Coach } from "./lib/coach/coach.ts";
import { tool } from "./lib/llm/tools.ts";
import { LlmAgentNode, type LlmAgentNodeOptions } from "./lib/nodes/llm-agent-node.ts";
import type { Turn } from "./lib/nodes/turn.ts";
import { Utterances } from "./lib/session/utterances.ts";
import type { AnyEvent } from "./lib/wire/events.ts";
import { isLog } from "./lib/wire/log-events.ts";
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
const AFTER_TRANSFER_LINE = "A supervisor will take it from here.";

const PROMPT = `You are a support agent on the telephone. Your words are spoken aloud:
one to three short sentences, no lists, no markup. Find out what the caller needs and help with it.
Never invent facts about an order or an account; ask for what you need to know.
If the caller is unhappy, acknowledge it in a few words before you go on.
Use transfer_to_supervisor when the caller asks for a person, end_call when the caller says goodbye.`;

export type SupportAgentOptions = Pick<
  LlmAgentNodeOptions,
  "llm" | "model" | "transfer" | "maxContextMessages"
> & {
  sentiment: SentimentAnalyzer;
  /** What the agent is told, in place of its own prompt; null: its own. */
  prompt?: string | null;
  /** How long an answer may wait for the verdict that decides about the hand-off, ms. */
  escalationWaitMs: number;
  /** Tells when the caller asks for a person; null: nobody does. */
  coach: Pick<Coach, "personRequested"> | null;
  /** Whether such a caller is handed over at once; false: the model decides by its tool. */
  escalateOnRequest?: boolean;
};

const NO_PARAMETERS = z.object({});

/** Why this agent hands over by itself; its model and a supervisor may, too. */
type EscalationReason = "frustration_threshold_exceeded" | "human_request";

/** Holds the conversation, adapts to the caller's mood, and hands an upset caller to a supervisor. */
export class SupportAgent extends LlmAgentNode {
  readonly #sentiment: SentimentAnalyzer;
  readonly #coach: SupportAgentOptions["coach"];
  readonly #escalateOnRequest: boolean;
  readonly #escalationWaitMs: number;
  readonly #utterances = new Utterances();
  /** Utterances that an answer has been asked for. */
  #asked = 0;
  #escalated = false;

  constructor(options: SupportAgentOptions) {
    const {
      sentiment,
      coach,
      escalationWaitMs,
      prompt = null,
      escalateOnRequest = false,
      ...others
    } = options;
    super({
      ...others,
      name: "support-agent",
      // It also listens to the other nodes, for a verdict that comes after the answer.
      hears: ["client", "agent"],
      greeting: GREETING,
      goodbye: GOODBYE,
      instructions: () => `${prompt ?? PROMPT}\nCurrent mood of the caller: ${sentiment.current}`,
      tools: [...sentimentTools(sentiment), "end_call", "transfer_to_supervisor"],
    });
    this.#sentiment = sentiment;
    this.#coach = coach;
    this.#escalateOnRequest = escalateOnRequest;
    this.#escalationWaitMs = escalationWaitMs;
  }

  protected override onEvent(event: AnyEvent): void {
    super.onEvent(event);
    this.#utterances.take(event);
    if (event.type === "system.llm.request") {
      this.#asked = this.#utterances.count;
    } else if (
      isLog(event, "sentiment") &&
      // A wish for a person is met in the answer to it, never before the answer is asked for.
      this.#reasonToEscalate() === "frustration_threshold_exceeded" &&
      !this.responding &&
      // A fast verdict overtakes the request that follows the words: the answer will be the hand-off.
      this.#utterances.count === this.#asked &&
      !this.#sentiment.userIsSpeaking
    ) {
      // The verdict came after the answer, and nobody is talking: this is the moment.
      this.speak(this.#escalate(false));
      this.handOver();
    }
  }

  /** A verdict that is in already, or a wish for a person: there is nothing to ask a model. */
  protected override beforeAnswer(): string | null {
    const reason = this.#reasonToEscalate();
    if (reason === null) return null;
    // The verdict on these words may be in before they are answered; one on earlier words was too late for its own answer.
    const isOnTheseWords = (this.#sentiment.dueSince ?? 0) > this.#asked;
    return this.#escalateInTurn(reason === "human_request" || isOnTheseWords);
  }

  /** Only a verdict that could decide about the hand-off is waited for. */
  protected override beforeFirstWord(turn: Turn): Promise<string | null> | null {
    return this.#sentiment.couldEscalate() ? this.#escalateUnlessCalm(turn) : this.#nowOrNever();
  }

  protected override afterAnswer(): string | null {
    return this.#reasonToEscalate() === null ? null : this.#escalateInTurn(true);
  }

  protected override answerAfterHandOff(): string {
    const isChat = this.session.context.conversationType === "chat";
    return isChat && this.handOff === "agent.transfer_call" ? AFTER_TRANSFER_LINE : "";
  }

  protected override get toolReason(): string {
    return this.#coach?.personRequested ? "human_request" : super.toolReason;
  }

  protected override get frustration() {
    const { frustrationCount: count, threshold } = this.#sentiment;
    return { count, threshold };
  }

  protected override briefing(): string {
    const { overall, current, frustrationCount } = this.#sentiment.getSentimentSummary();
    const mood = `They have been ${overall} overall and are ${current} now, with a frustration count of ${frustrationCount}.`;
    return `${super.briefing()} ${mood}`;
  }

  async #escalateUnlessCalm(turn: Turn): Promise<string | null> {
    await this.#sentiment.settled(turn.signal, this.#escalationWaitMs);
    if (turn.over || this.#reasonToEscalate() === null) return null;
    return this.#escalateInTurn(true);
  }

  #nowOrNever(): Promise<string | null> | null {
    return this.#reasonToEscalate() === null ? null : Promise.resolve(this.#escalateInTurn(true));
  }

  #reasonToEscalate(): EscalationReason | null {
    // While it is muted a human speaks through it, and knows.
    if (this.#escalated || this.handOff !== null || this.muted) return null;
    if (this.#sentiment.shouldEscalate()) return "frustration_threshold_exceeded";
    return this.#escalateOnRequest && this.#coach?.personRequested ? "human_request" : null;
  }

  /** Decides the hand-off before its line is said, so that an interrupt cannot lose it. */
  #escalateInTurn(sameTurn: boolean): string {
    const line = this.#escalate(sameTurn);
    this.handOver();
    return line;
  }

  /** Notes the escalation, once, and returns the line to say. */
  #escalate(sameTurn: boolean): string {
    const reason: EscalationReason = this.#sentiment.shouldEscalate()
      ? "frustration_threshold_exceeded"
      : "human_request";
    this.#escalated = true;
    this.session.log.info("[Auto-escalation triggered]");
    this.noteHandOver(reason, sameTurn);
    const transfer = this.transferTarget;
    if (reason === "human_request") return transfer ? TRANSFER_LINE : NO_PERSON_LINE;
    return transfer ? ESCALATION_LINE : NO_TRANSFER_LINE;
  }
}

function sentimentTools(sentiment: SentimentAnalyzer) {
  return [
    tool({
      name: "get_customer_sentiment",
      description: "How the caller has sounded so far: overall, now, and the last five utterances.",
      parameters: NO_PARAMETERS,
      handler: () => sentiment.getSentimentSummary(),
    }),
    tool({
      name: "check_escalation_needed",
      description: "Whether the caller is upset enough to be handed to a supervisor.",
      parameters: NO_PARAMETERS,
      handler: () => ({
        escalationNeeded: sentiment.shouldEscalate(),
        frustrationCount: sentiment.frustrationCount,
        threshold: sentiment.threshold,
      }),
    }),
  ];
}
