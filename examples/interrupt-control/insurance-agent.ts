import { z } from "zod";
import { type ChatRequest, ChatStream } from "../../lib/llm/chat.ts";
import type { Llm } from "../../lib/llm/client.ts";
import { ToolSet, tool } from "../../lib/llm/tools.ts";
import { streamAnswer } from "../../lib/nodes/answer.ts";
import { OutputAgentNode } from "../../lib/nodes/output-agent-node.ts";
import type { Turn } from "../../lib/nodes/turn.ts";
import type { AnyEvent } from "../../lib/wire/events.ts";

const LEGAL_NOTICE = [
  "This call is recorded. ",
  "You may withdraw from a contract made on the telephone within fourteen days, without giving a reason. ",
  "A confirmation in writing tells you how.",
];
const ASKS_FOR_NOTICE = /\b(legal notice|terms|withdraw|recorded|recording)\b/i;

const PROMPT = `You sell travel insurance on the telephone. Answer in one to three short sentences.
Before you read out a price or a condition that the caller must hear to its end, call set_interruptible with
enabled: false, and after it, in the same answer, with enabled: true.`;

/** Cannot be interrupted, and mutes the caller, while it says what must be heard to its end. */
export class InsuranceAgent extends OutputAgentNode {
  readonly #llm: Llm;
  readonly #model: string;
  #turn: Turn | null = null;
  #muted = false;
  #greeted = false;

  constructor(llm: Llm, model: string) {
    super({ name: "insurance-agent" });
    this.#llm = llm;
    this.#model = model;
  }

  protected override onEvent(event: AnyEvent): void {
    if (event.type === "system.user.joined" && !this.#greeted) {
      this.#greeted = true;
      this.speak("Hello! Where would you like to travel?");
    }
    // The platform may have decided in mid-answer whether the caller can interrupt.
    if (event.type === "system.output_agent.update_settings") this.#muteOrUnmute();
  }

  protected override async *generateResponse(signal: AbortSignal, turn: Turn): AsyncGenerator<string> {
    this.#turn = turn;
    // However an answer ends (said, failed, replaced, handed off), this runs just before its end is sent.
    turn.signal.addEventListener("abort", () => this.#muteOrUnmute(), { once: true });
    // A notice is fixed text, and the whole of it must be heard: no model is asked.
    const notice = ASKS_FOR_NOTICE.test(this.conversation.lastUtterance);
    turn.interruptible = !notice;
    this.#muteOrUnmute();
    if (notice) yield* LEGAL_NOTICE;
    else yield* this.#answer(signal, turn);
    if (turn.said === "" && this.handOff !== null) yield "Have a good journey. Goodbye!";
  }

  #answer(signal: AbortSignal, turn: Turn): AsyncIterable<string> {
    const tools = new ToolSet([this.#setInterruptible(turn), this.#endCall()]);
    const request: ChatRequest = {
      model: this.#model,
      temperature: 0.7,
      tools: tools.schemas,
      toolChoice: "auto",
      messages: [{ role: "system", content: PROMPT }, ...this.conversation.messages()],
    };
    const open = (next: ChatRequest) => new ChatStream(this.#llm, next, signal);
    return streamAnswer({
      request,
      first: open(request),
      open,
      turn,
      tools,
      publish: (event) => this.sendEvent(event),
      isDone: () => this.handOff !== null,
    });
  }

  #setInterruptible(turn: Turn) {
    return tool({
      name: "set_interruptible",
      description:
        "Whether the caller may interrupt the rest of this answer. It is true again for the next one.",
      parameters: z.object({ enabled: z.boolean() }),
      handler: ({ enabled }) => {
        turn.interruptible = enabled;
        this.#muteOrUnmute();
        return { interruptible: enabled && this.settings.interruptible };
      },
    });
  }

  #endCall() {
    return tool({
      name: "end_call",
      description: "Ends the call when the caller says goodbye.",
      parameters: z.object({}),
      handler: () => {
        this.sendEvent({ type: "agent.end_call" });
        return { status: "ok" };
      },
    });
  }

  /** Keeps one rule: the caller is muted exactly while an answer is being given that cannot be interrupted. */
  #muteOrUnmute(): void {
    const turn = this.#turn;
    const mute = turn !== null && !turn.over && !(turn.interruptible && this.settings.interruptible);
    if (mute === this.#muted) return;
    this.#muted = mute;
    this.sendEvent(mute ? { type: "agent.control.mute_user" } : { type: "agent.control.unmute_user" });
  }
}
