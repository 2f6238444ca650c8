import { AgentServerError } from "../errors.ts";

export type SupervisedAction = "whisper" | "say" | "transfer" | "end" | "mute" | "unmute";

/** A talking node as a supervisor can steer it. Every method throws a {@link SupervisionError} when it cannot do it. */
export type Supervised = {
  /** Throws what doing this would throw, and does nothing else. */
  check(action: SupervisedAction): void;
  /** Puts a note into the next prompt, once. The caller never hears it. */
  whisper(note: string): void;
  /** Says exactly this now, cutting off an answer that is being given. */
  say(text: string): void;
  /** Hands the call to the configured number. */
  transfer(): void;
  /**
   * Hands the call over for a reason of nobody's but a rule's. Without a number the wish is noted.
   * @param atOnce whether it may speak now, unless it is speaking; else the hand-over is the next answer.
   */
  escalate(reason: string, atOnce: boolean): void;
  /** Says goodbye and ends the call. */
  end(): void;
  /** Falls silent until {@link unmute}; saying, transferring and ending still work. */
  mute(): void;
  unmute(): void;
};

export type SupervisionErrorCode = "handed_off" | "no_transfer_number" | "too_many_notes" | "not_possible";

/** What a supervisor wants of an agent cannot be done; the message says why. */
export class SupervisionError extends AgentServerError {
  readonly code: SupervisionErrorCode;

  constructor(code: SupervisionErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}
