import { z } from "zod";
import { FEEDBACK } from "../wire/log-events.ts";
import { personName } from "../wire/person-name.ts";

/** Longest text of a supervisor, characters: more than anybody says in one breath. */
const MAX_TEXT = 1_000;

export const supervisorText = z.string().trim().min(1).max(MAX_TEXT);

const by = personName.nullable().default(null);

/** An alert is named by its rule and the time it was told. */
export const alertFeedback = z.object({
  rule: z.string().min(1).max(100),
  alertAt: z.iso.datetime(),
  feedback: z.enum(FEEDBACK),
});

export const supervisorCommand = z.discriminatedUnion("action", [
  z.object({ action: z.enum(["whisper", "say"]), text: supervisorText, by }),
  z.object({
    action: z.enum(["transfer", "end", "mute", "unmute", "take_over", "hand_back", "release", "acknowledge"]),
    by,
  }),
  /** Seen by all, so it is nobody's without a name. */
  z.object({ action: z.literal("claim"), by: personName }),
  z.object({ action: z.literal("feedback"), ...alertFeedback.shape, by }),
]);

/** What somebody beside a call wants. `by`: who it is. */
export type SupervisorCommand = z.output<typeof supervisorCommand>;
