import { z } from "zod";
import type { CallRecord } from "./record.ts";
import type { Report } from "./report.ts";

const periodScore = z.object({
  BeginOffsetMillis: z.number().int(),
  EndOffsetMillis: z.number().int(),
  Score: z.number().min(-5).max(5),
});

/** The part of an Amazon Connect Contact Lens output file that a record of text can fill. */
export const contactLensWire = z.object({
  Version: z.literal("1.1.0"),
  Channel: z.enum(["VOICE", "CHAT"]),
  Participants: z.array(
    z.object({ ParticipantId: z.string(), ParticipantRole: z.enum(["CUSTOMER", "AGENT"]) }),
  ),
  ConversationCharacteristics: z.object({
    TotalConversationDurationMillis: z.number().int(),
    Sentiment: z.object({
      OverallSentiment: z.object({ CUSTOMER: z.number().min(-5).max(5).optional() }),
      SentimentByPeriod: z.object({ QUARTER: z.object({ CUSTOMER: z.array(periodScore) }) }),
    }),
  }),
});
export type ContactLens = z.output<typeof contactLensWire>;

/**
 * The sentiment of a report in the shape of Contact Lens' output file. The agent's own sentiment is not judged, so
 * `AGENT` is left out; a period without a score is left out too, for its `Score` is a number there.
 */
export function toContactLens(report: Report, call: CallRecord): ContactLens {
  const { score, periods } = report.sentiment;
  return {
    Version: "1.1.0",
    Channel: call.conversationType === "chat" ? "CHAT" : "VOICE",
    Participants: [
      { ParticipantId: `${report.sessionId}-customer`, ParticipantRole: "CUSTOMER" },
      { ParticipantId: `${report.sessionId}-agent`, ParticipantRole: "AGENT" },
    ],
    ConversationCharacteristics: {
      TotalConversationDurationMillis: report.durationMs ?? call.turns.at(-1)?.offsetMs ?? 0,
      Sentiment: {
        OverallSentiment: score === null ? {} : { CUSTOMER: score },
        SentimentByPeriod: {
          QUARTER: {
            CUSTOMER: periods.values.flatMap((period) =>
              period.score === null
                ? []
                : [
                    {
                      BeginOffsetMillis: period.beginMs,
                      EndOffsetMillis: period.endMs,
                      Score: period.score,
                    },
                  ],
            ),
          },
        },
      },
    },
  };
}
