import type { CallRecord } from "./record.ts";
import type { Report } from "./report.ts";

type PeriodScore = { BeginOffsetMillis: number; EndOffsetMillis: number; Score: number };

/** The part of an Amazon Connect Contact Lens output file that a record of text can fill. */
export type ContactLens = {
  Version: "1.1.0";
  Channel: "VOICE" | "CHAT";
  Participants: { ParticipantId: string; ParticipantRole: "CUSTOMER" | "AGENT" }[];
  ConversationCharacteristics: {
    TotalConversationDurationMillis: number;
    Sentiment: {
      OverallSentiment: { CUSTOMER?: number };
      SentimentByPeriod: { QUARTER: { CUSTOMER: PeriodScore[] } };
    };
  };
};

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
