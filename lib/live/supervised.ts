import { z } from "zod";

/** Longest text of a supervisor, characters: more than anybody says in one breath. */
const MAX_TEXT = 1_000;

export const supervisorText = z.string().trim().min(1).max(MAX_TEXT);

export const supervisorCommand = z.discriminatedUnion("action", [
  z.object({ action: z.enum(["whisper", "say"]), text: supervisorText }),
  z.object({ action: z.enum(["transfer", "end", "mute", "unmute"]) }),
]);

/** What a supervisor wants done to a call. */
export type SupervisorCommand = z.output<typeof supervisorCommand>;

/** A talking node as a supervisor can steer it. Every method throws a `LiveError` when it cannot do it. */
export type Supervised = {
  /** Puts a note into the next prompt, once. The caller never hears it. */
  whisper(note: string): void;
  /** Says exactly this now, cutting off an answer that is being given. */
  say(text: string): void;
  /** Hands the call to the configured number. */
  transfer(): void;
  /** Says goodbye and ends the call. */
  end(): void;
  /** Falls silent until {@link unmute}; saying, transferring and ending still work. */
  mute(): void;
  unmute(): void;
};
