import type { Answer } from "../session/conversation.ts";

/** Why a turn's signal is aborted; one for all, for an error of its own would write down a stack for every turn. */
const OVER = new DOMException("the answer is over", "AbortError");

/** One answer of the agent, from `system.llm.request` to its end. */
export class Turn {
  /** The `request_id` of its frames, unique in the call. */
  readonly id: string;
  /** From 1. */
  readonly number: number;
  /** Aborted when the answer is over for whatever reason: interrupt, replacement, failure, end of the session. */
  readonly signal: AbortSignal;
  /** Set to false while the answer must be heard to its end, as a legal notice must. */
  interruptible = true;
  /** What has been sent of it so far. */
  said = "";
  /** What the model wrote of it, where that is not what is said. */
  written: string | null = null;
  /** The language model that spoke; null while none has. */
  model: string | null = null;
  /** Its place in the conversation. */
  readonly answer: Answer;
  readonly #controller = new AbortController();

  constructor(number: number, sessionSignal: AbortSignal, answer: Answer) {
    this.number = number;
    this.answer = answer;
    this.id = `turn-${number}`;
    this.signal = AbortSignal.any([sessionSignal, this.#controller.signal]);
  }

  /** Whether nothing of it may be sent any more. */
  get over(): boolean {
    return this.signal.aborted;
  }

  /** Ends it: everything that hangs on its signal stops. */
  abandon(): void {
    this.#controller.abort(OVER);
  }
}
