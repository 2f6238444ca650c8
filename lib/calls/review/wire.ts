import { z } from "zod";
import { SENTIMENTS } from "../../wire/log-events.ts";
import { ANSWERS, formSchema } from "./form.ts";
import { REMARK_KINDS } from "./remarks.ts";

/* The JSON of the routes by which calls are reviewed, and its OpenAPI description. */

const by = z.string().describe("who said so");
const at = z.iso.datetime();
const turn = z.number().int();

/** Of the form, in percent. */
export const reviewScoreWire = z.number().int().min(0).max(100);

export const scorecardWire = z.object({
  by: by.describe("a person, or the model that proposes it"),
  source: z.enum(["person", "model"]),
  form: z.string(),
  answers: z.record(z.string(), z.enum(ANSWERS)),
  reasons: z.record(z.string(), z.string()).describe("a model's, by question"),
  comment: z.string(),
  score: reviewScoreWire.nullable(),
  at,
});

export const reviewWire = z.object({
  session_id: z.string(),
  you: z
    .string()
    .nullable()
    .describe("whose token it is; null for one that several people share, and for none"),
  can_review: z.boolean(),
  can_manage: z.boolean().describe("whether you may delete what others wrote"),
  keeps_words: z.boolean().describe("false with RECORD_TEXT=none: there are no notes, labels and comments"),
  form: formSchema,
  verdicts: z.array(z.object({ turn, verdict: z.enum(SENTIMENTS), by, at })),
  scorecards: z.array(scorecardWire),
  remarks: z.array(
    z.object({
      id: z.string(),
      turn: turn.nullable().describe("null: on the call"),
      by,
      kind: z.enum(REMARK_KINDS),
      text: z.string(),
      at,
    }),
  ),
});

const count = z.number().int().min(0);
const agreement = {
  answers: count,
  equal: z.number().min(0).max(1).nullable(),
  kappa: z.number().min(-1).max(1).nullable().describe("pooled Cohen's kappa: 1 full agreement, 0 chance"),
};
const counts = z.record(z.string(), count);

export const reviewsWire = z.object({
  scored: z.object({ calls: count, score: reviewScoreWire.nullable() }),
  pairs: z.array(
    z.object({ one: z.string(), other: z.string(), other_is: z.enum(["person", "model"]), ...agreement }),
  ),
  people: z.object(agreement),
  model: z.object(agreement),
  verdicts: z.object({ given: z.object(agreement), people: z.object(agreement) }),
  outcomes: counts,
  topics: counts,
  labels: counts,
});
