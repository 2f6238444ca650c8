import { countBy } from "./count-by.ts";
import type { CallEnd, CallRecord, Escalation, SummaryItem, TransferRecord } from "./record.ts";
import { type QualityReport, reportQuality } from "./report-quality.ts";
import { reportSentiment, type SentimentReport } from "./report-sentiment.ts";
import { type Findings, findingsOf } from "./topics.ts";

/** For a line that does not tell how a transfer ended: whoever reads the outcome must not take it for more than it says. */
const ESCALATION_NOTE = "The transfer itself happens on the platform and is not visible here.";

type EscalationReport = {
  [K in "utterance" | "offsetMs" | "threshold" | "sameTurn" | "action" | "outcome"]: Escalation[K] | null;
} & { triggered: boolean; note: string | null };

export type Report = {
  sessionId: string;
  /** Epoch, ms. */
  startedAt: number;
  endedAt: number | null;
  endReason: CallEnd | null;
  durationMs: number | null;
  sentiment: SentimentReport;
  escalation: EscalationReport;
  transfers: TransferRecord[];
  quality: QualityReport;
  alertsByRule: Record<string, number>;
  topics: Findings["topics"];
  outcome: Findings["outcome"];
  summary: SummaryItem[] | null;
};

/** The report of a call, ended or still going on. The same record always gives the same report. */
export function reportCall(call: CallRecord): Report {
  return {
    sessionId: call.sessionId,
    startedAt: call.startedAt,
    endedAt: call.endedAt,
    endReason: call.endReason,
    durationMs: call.endedAt === null ? null : call.endedAt - call.startedAt,
    sentiment: reportSentiment(call.turns),
    escalation: reportEscalation(call),
    transfers: call.transfers,
    quality: reportQuality(call),
    alertsByRule: countBy(call.alerts.map(({ rule }) => rule)),
    ...findingsOf(call),
    summary: call.summary,
  };
}

function reportEscalation({ escalation, transfers }: CallRecord): EscalationReport {
  const isKnown = transfers.some(({ outcome }) => outcome !== "requested" && outcome !== "unknown");
  return {
    triggered: escalation !== null,
    utterance: escalation?.utterance ?? null,
    offsetMs: escalation?.offsetMs ?? null,
    threshold: escalation?.threshold ?? null,
    sameTurn: escalation?.sameTurn ?? null,
    action: escalation?.action ?? null,
    outcome: escalation?.outcome ?? null,
    note: escalation && !isKnown ? ESCALATION_NOTE : null,
  };
}
