import { z } from "zod";

/** Longest text of a supervisor, characters: more than anybody says in one breath. */
const MAX_TEXT = 1_000;

export const supervisorText = z.string().trim().min(1).max(MAX_TEXT);

const by = z.string().nullable().default(null);

export const supervisorCommand = z.discriminatedUnion("action", [
  z.object({ action: z.enum(["whisper", "say"]), text: supervisorText, by }),
  z.object({ action: z.enum(["transfer", "end", "mute", "unmute"]), by }),
]);

/** What a supervisor wants done to a call. `by`: the name of whose token it was. */
export type SupervisorCommand = z.output<typeof supervisorCommand>;
