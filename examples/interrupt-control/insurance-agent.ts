import { z } from "zod";
import type { Llm } from "../../lib/llm/client.ts";
import { tool } from "../../lib/llm/tools.ts";
import { LlmAgentNode } from "../../lib/nodes/llm-agent-node.ts";
import type { Turn } from "../../lib/nodes/turn.ts";
import type { AnyEvent } from "../../lib/wire/events.ts";

const LEGAL_NOTICE = [
  "This call is recorded. ",
  "You may withdraw from a contract made on the telephone within fourteen days, without giving a reason. ",
  "A confirmation in writing tells you how.",
];
const ASKS_FOR_NOTICE = /\b(legal notice|terms|withdraw|recorded|recording)\b/i;

const INSTRUCTIONS = `You sell travel insurance on the telephone. Answer in one to three short sentences. Before you
read out a price or a condition that the caller must hear to its end, call set_interruptible with enabled: false,
and after it, in the same answer, with enabled: true.`;

/** Cannot be interrupted, and mutes the caller, while it says what must be heard to its end. */
export class InsuranceAgent extends LlmAgentNode {
  #turn: Turn | null = null;
  #callerMuted = false;

  constructor(llm: Llm) {
    const setInterruptible = tool({
      name: "set_interruptible",
      description: "Whether the caller may interrupt this answer; true again for the next one.",
      parameters: z.object({ enabled: z.boolean() }),
      handler: ({ enabled }) => {
        if (this.#turn) this.#turn.interruptible = enabled;
        this.#muteOrUnmute();
        return { interruptible: enabled && this.settings.interruptible };
      },
    });
    super({
      name: "insurance-agent",
      llm,
      instructions: INSTRUCTIONS,
      greeting: "Hello! Where would you like to travel?",
      goodbye: "Have a good journey. Goodbye!",
      tools: [setInterruptible, "end_call"],
    });
  }

  /** The platform may decide in mid-answer whether the caller can interrupt. */
  protected override onEvent(event: AnyEvent): void {
    super.onEvent(event);
    if (event.type === "system.output_agent.update_settings") this.#muteOrUnmute();
  }

  protected override async *generateResponse(signal: AbortSignal, turn: Turn): AsyncGenerator<string> {
    this.#turn = turn;
    // However an answer ends (said, failed, replaced, handed off), this runs just before its end is sent.
    turn.signal.addEventListener("abort", () => this.#muteOrUnmute(), { once: true });
    // A notice is fixed text, and the whole of it must be heard: no model is asked.
    turn.interruptible = !ASKS_FOR_NOTICE.test(this.conversation.lastUtterance);
    this.#muteOrUnmute();
    yield* turn.interruptible ? super.generateResponse(signal, turn) : LEGAL_NOTICE;
  }

  /** Keeps one rule: the caller is muted exactly while an answer is being given that cannot be interrupted. */
  #muteOrUnmute(): void {
    const turn = this.#turn;
    const mute = turn?.over === false && !(turn.interruptible && this.settings.interruptible);
    if (mute === this.#callerMuted) return;
    this.#callerMuted = mute;
    this.sendEvent(mute ? { type: "agent.control.mute_user" } : { type: "agent.control.unmute_user" });
  }
}
