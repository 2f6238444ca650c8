import { z } from "zod";
import { SENTIMENTS } from "../../wire/log-events.ts";

/* The JSON of the routes by which calls are reviewed, and its OpenAPI description. */

const by = z.string().describe("who said so");
const at = z.iso.datetime();

export const reviewWire = z.object({
  session_id: z.string(),
  you: z
    .string()
    .nullable()
    .describe("whose token it is; null for one that several people share, and for none"),
  can_review: z.boolean(),
  verdicts: z.array(z.object({ turn: z.number().int(), verdict: z.enum(SENTIMENTS), by, at })),
});
