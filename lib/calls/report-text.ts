import { endName } from "../../public/shared/names.js";
import type { QualityFigures } from "./quality.ts";
import type { CallRecord, TransferRecord } from "./record.ts";
import type { Report } from "./report.ts";
import type { CallListItem } from "./store/rows.ts";

/** Characters of a text or a message in a table. */
const MAX_TEXT = 60;
const BARS = "▁▂▃▄▅▆▇█";

/** Scores of −5…5 as bars, one character each; a dot where there is none. */
export function sparkline(scores: readonly (number | null)[]): string {
  return scores
    .map((score) => {
      if (score === null) return "·";
      const step = Math.round(((score + 5) / 10) * (BARS.length - 1));
      return BARS[Math.min(BARS.length - 1, Math.max(0, step))];
    })
    .join("");
}

/** The report of one call, for people. */
export function renderReport(call: CallRecord, report: Report): string {
  const { sentiment, quality, escalation } = report;
  const rows = call.turns.map((turn) => [
    String(turn.number),
    clock(turn.offsetMs),
    turn.role === "user" ? "caller" : "agent",
    turn.verdict === null ? "" : `${turn.verdict}${turn.source === "fallback" ? " (rules)" : ""}`,
    percent(turn.upset).replace("–", ""),
    turn.score === null ? "" : signed(turn.score),
    turn.replyMs === null ? "" : `${turn.replyMs} ms`,
    `${shorten(turn.text ?? "(not recorded)")}${turn.interrupted ? " ✂" : ""}`,
    shorten(turn.cause ?? ""),
  ]);
  const facts: (readonly [string, string] | null)[] = [
    ["Call", `${call.sessionId}${call.callId ? ` (${plain(call.callId)})` : ""}, ${call.conversationType}`],
    ["Time", `${timeOf(call.startedAt)}, ${endOf(report)}`],
    ["Sentiment", sentimentOf(report)],
    [
      "Score",
      `${sparkline(sentiment.scores.map(({ score }) => score)) || "–"}   by ${sentiment.periods.by}: ${scoresOf(report)}`,
    ],
    sentiment.lowest && [
      "Lowest",
      `${signed(sentiment.lowest.score)} over turns ${sentiment.lowest.firstTurn}–${sentiment.lowest.lastTurn}`,
    ],
    sentiment.recovered && [
      "Recovered",
      `at turn ${sentiment.recovered.turn}, ${clock(sentiment.recovered.offsetMs)}`,
    ],
    [
      "Escalation",
      escalation.triggered
        ? `${escalation.outcome} (${escalation.action}) at ${clock(escalation.offsetMs ?? 0)}${escalation.note ? `. ${escalation.note}` : ""}`
        : "none",
    ],
    ...report.transfers.map((transfer) => ["Transfer", transferOf(transfer)] as const),
    [
      "Quality",
      `${quality.turns.user} caller and ${quality.turns.assistant} agent turns, agent spoke ${percent(quality.talkRatio)} of the words`,
    ],
    [
      "Replies",
      `p50 ${msOf(quality.replyP50Ms)}, p95 ${msOf(quality.replyP95Ms)}, max ${msOf(quality.replyMaxMs)}, over 3 s: ${quality.gapsOver3s}`,
    ],
    [
      "Trouble",
      `${quality.interruptions} interruptions, ${quality.unanswered} unanswered, ${quality.repeatedRequests} repeated, ${quality.toolErrors} tool errors, ${call.errors.length} errors`,
    ],
    call.alerts.length > 0
      ? [
          "Alerts",
          Object.entries(report.alertsByRule)
            .map(([rule, n]) => `${plain(rule)} ×${n}`)
            .join(", "),
        ]
      : null,
    ...(report.summary ?? []).map(({ identifier, value }) => [plain(identifier), plain(value)] as const),
  ];
  const head = facts.flatMap((fact) => (fact ? [`${fact[0].padEnd(11)} ${fact[1]}`] : [])).join("\n");
  return `${head}\n\n${table(["#", "time", "who", "mood", "upset", "score", "reply", "text", "because"], rows)}`;
}

/** Calls and the figures across them, for people; the oldest call first, as the sparkline reads. */
export function renderCalls(calls: readonly CallListItem[], totals: QualityFigures): string {
  const rows = calls.map((call) => [
    timeOf(call.startedAt),
    call.sessionId,
    call.conversationType,
    call.durationMs === null ? "going on" : clock(call.durationMs),
    String(call.userTurns ?? ""),
    call.score === null ? "–" : signed(call.score),
    call.label ?? "",
    call.escalated ? "yes" : "",
    msOf(call.replyP95Ms),
    call.endReason ?? "",
  ]);
  const head = ["started", "call", "type", "length", "turns", "score", "label", "escalated", "p95", "ended"];
  const alerts = Object.entries(totals.alerts).map(([rule, n]) => `${plain(rule)} ×${n}`);
  const lines = [
    `${totals.calls} ended calls, ${percent(totals.escalationRate)} escalated, mean score ${totals.score === null ? "–" : signed(totals.score)}, ${percent(totals.negativeShare)} of the turns negative`,
    `Replies: p50 ${msOf(totals.replyP50Ms)}, p95 ${msOf(totals.replyP95Ms)}`,
    alerts.length > 0 ? `Alerts: ${alerts.join(", ")}` : "",
    `Score: ${sparkline(calls.map(({ score }) => score))}`,
  ];
  return `${lines.filter((line) => line !== "").join("\n")}\n\n${table(head, rows)}`;
}

function sentimentOf({ sentiment }: Report): string {
  const { score, label, shift, trend, modelVerdicts, fallbackVerdicts, negativeShare } = sentiment;
  if (score === null) return "none: nothing the caller said was judged";
  const from =
    fallbackVerdicts > 0
      ? `${modelVerdicts} model and ${fallbackVerdicts} rule-based verdicts`
      : `${modelVerdicts} verdicts`;
  return `${signed(score)} ${label}, ${trend} (${signed(shift ?? 0)}), ${percent(negativeShare)} negative, ${from}`;
}

function transferOf({ kind, requestedAtMs, outcome, tookMs, returned }: TransferRecord): string {
  const took = tookMs === null ? "" : ` after ${Math.round(tookMs / 1_000)} s`;
  const back = returned ? ", the caller came back" : "";
  return `${kind}, asked for at ${clock(requestedAtMs)}: ${outcome.replaceAll("_", " ")}${took}${back}`;
}

function scoresOf({ sentiment }: Report): string {
  return sentiment.periods.values.map(({ score }) => (score === null ? "–" : signed(score))).join(" ") || "–";
}

function endOf({ durationMs, endReason }: Report): string {
  if (durationMs === null || endReason === null) return "going on";
  return `${clock(durationMs)} long, ended: ${endName(endReason)}`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((name, column) =>
    Math.max(name.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd();
  return [line(head), line(widths.map((width) => "─".repeat(width))), ...rows.map(line)].join("\n");
}

function shorten(text: string): string {
  const clean = plain(text);
  return clean.length > MAX_TEXT ? `${clean.slice(0, MAX_TEXT - 1)}…` : clean;
}

/** A caller's words must not steer the terminal. */
function plain(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}]+/gu, " ");
}

function timeOf(epochMs: number): string {
  return `${new Date(epochMs).toISOString().slice(0, 19).replace("T", " ")} UTC`;
}

function clock(ms: number): string {
  const seconds = Math.floor(ms / 1_000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

function signed(score: number): string {
  return score > 0 ? `+${score}` : String(score).replace("-", "−");
}

function percent(share: number | null): string {
  return share === null ? "–" : `${Math.round(share * 100)} %`;
}

function msOf(ms: number | null): string {
  return ms === null ? "–" : `${ms} ms`;
}
