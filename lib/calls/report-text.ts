import { milliseconds, percent, plural } from "../../public/shared/format.js";
import {
  actName,
  channelName,
  endName,
  escalationName,
  outcomeName,
  ruleName,
  transferName,
  transferOutcomeName,
  trendName,
} from "../../public/shared/names.js";
import type { Quality } from "./quality.ts";
import type { CallRecord, SupervisorAct, TransferRecord } from "./record.ts";
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
  const rows = call.turns.map((turn) => [
    String(turn.number),
    clock(turn.offsetMs),
    turn.role === "user" ? "caller" : (turn.speaker ?? "agent"),
    turn.verdict === null ? "" : `${turn.verdict}${turn.source === "fallback" ? " (rules)" : ""}`,
    percent(turn.upset).replace("–", ""),
    turn.score === null ? "" : signed(turn.score),
    turn.replyMs === null ? "" : milliseconds(turn.replyMs),
    `${shorten(turn.text ?? "(not recorded)")}${turn.interrupted ? " ✂" : ""}`,
    shorten(turn.cause ?? ""),
  ]);
  const head = factsOf(call, report).map(([name, text]) => `${name.padEnd(11)} ${text}`);
  const columns = ["#", "time", "who", "mood", "upset", "score", "reply", "text", "because"];
  return `${head.join("\n")}\n\n${rows.length === 0 ? "Nobody said anything." : table(columns, rows)}`;
}

/** What stands above the words: a name and a text a line. */
function factsOf(call: CallRecord, report: Report): (readonly [string, string])[] {
  const { sentiment, quality, outcome, topics } = report;
  const { lowest, recovered } = sentiment;
  const id = `${call.sessionId}${call.callId ? ` (${plain(call.callId)})` : ""}`;
  const scores = sparkline(sentiment.scores.map(({ score }) => score));
  const said = quality.turns.user + quality.turns.assistant > 0;
  return [
    ["Call", `${id}, ${channelName(call.conversationType)}`],
    ["Time", `${timeOf(call.startedAt)}, ${endOf(report)}`],
    ["Mood", moodOf(report)],
    ...given(scores, (line) => ["Course", `${line}   by ${sentiment.periods.by}: ${scoresOf(report)}`]),
    ...given(lowest, (one) => ["Lowest", `${signed(one.score)} over turns ${one.firstTurn}–${one.lastTurn}`]),
    ...given(recovered, (one) => ["Recovered", `at turn ${one.turn}, ${clock(one.offsetMs)}`]),
    ["Escalation", escalationOf(call, report)],
    ...report.transfers.map((transfer) => ["Transfer", transferOf(transfer)] as const),
    ...call.supervisor.map((act) => ["Supervisor", actOf(act)] as const),
    ...given(outcome.name, (name) => ["Outcome", `${outcomeName(name)}, found by ${finderOf(outcome)}`]),
    ...given(topics.names.join(", "), (names) => ["Topics", `${plain(names)}, found by ${finderOf(topics)}`]),
    ...given(said, () => ["Turns", turnCounts(report)]),
    ...given(quality.replyP95Ms, () => ["Replies", repliesOf(report)]),
    ["Trouble", troubleOf(call, report)],
    ...toolsOf(call).map((tool) => ["Tool", tool] as const),
    ...given(alertsOf(report.alertsByRule), (alerts) => ["Alerts", alerts]),
    ...given(variablesOf(call), (variables) => ["Variables", variables]),
    ...(report.summary ?? [])
      .filter(({ type }) => type === "summary")
      .map(({ value }) => ["Summary", plain(value)] as const),
  ];
}

/** A line where there is something to say, else none. */
function given<T>(
  value: T | null | false | "",
  line: (value: T) => readonly [string, string],
): (readonly [string, string])[] {
  return value === null || value === false || value === "" ? [] : [line(value)];
}

/** Calls and the figures across them, for people; the oldest call first, as the sparkline reads. */
export function renderCalls(
  calls: readonly CallListItem[],
  { from, totals }: Pick<Quality, "from" | "totals">,
): string {
  if (calls.length === 0) return `No calls since ${timeOf(from)}.`;
  const rows = calls.map((call) => [
    timeOf(call.startedAt),
    call.sessionId,
    channelName(call.conversationType),
    call.durationMs === null ? "going on" : clock(call.durationMs),
    String(call.userTurns ?? ""),
    call.label === null || call.label === "none" ? "–" : call.label,
    call.score === null ? "–" : signed(call.score),
    call.escalated ? "yes" : "",
    milliseconds(call.replyP95Ms),
    call.endReason === null ? "" : endName(call.endReason),
  ]);
  const head = [
    "began",
    "call",
    "channel",
    "length",
    "turns",
    "mood",
    "score",
    "escalated",
    "replies*",
    "ended",
  ];
  const alerts = alertsOf(totals.alerts);
  const lines = [
    `${plural(totals.calls, "ended call")} since ${timeOf(from)}: ${percent(totals.escalationRate)} escalated, mean score ${totals.score === null ? "–" : signed(totals.score)}, ${percent(totals.negativeShare)} of the remarks negative`,
    `Replies: half within ${milliseconds(totals.replyP50Ms)}, 95 % within ${milliseconds(totals.replyP95Ms)}`,
    alerts === "" ? "" : `Alerts: ${alerts}`,
    `Scores: ${sparkline(calls.map(({ score }) => score))}`,
    calls.length < totals.calls ? `The latest ${calls.length} calls:` : "",
  ];
  const shown = lines.filter((line) => line !== "").join("\n");
  return `${shown}\n\n${table(head, rows)}\n\n* 95 % of the call's replies came within this time.`;
}

function moodOf({ sentiment }: Report): string {
  const { score, label, shift, trend, modelVerdicts, fallbackVerdicts, negativeShare } = sentiment;
  if (score === null) return "nothing the caller said was judged";
  const course = trend === null ? "" : `, ${trendName(trend)}`;
  const by = shift === null || shift === 0 ? "" : ` by ${Math.abs(shift)}`;
  const verdicts = plural(modelVerdicts, "verdict");
  const from = fallbackVerdicts > 0 ? `${verdicts} of the model and ${fallbackVerdicts} of rules` : verdicts;
  return `${signed(score)} ${label}${course}${by}, ${percent(negativeShare)} of the remarks negative, ${from}`;
}

function escalationOf({ escalation }: CallRecord, report: Report): string {
  if (escalation === null) return "none";
  const { reason, action, outcome, offsetMs } = escalation;
  const how = `${transferName(action)}${outcome === "socket_closed" ? ", but the call ended first" : ""}`;
  const note = report.escalation.note === null ? "" : ` ${report.escalation.note}`;
  return `at ${clock(offsetMs)}, because ${escalationName(reason)}: ${how}.${note}`;
}

function actOf({ offsetMs, action, text, by }: SupervisorAct): string {
  return `at ${clock(offsetMs)}, ${plain(by ?? "a supervisor")} ${actName(action)}${text ? `: ${shorten(text)}` : ""}`;
}

function finderOf({ by }: { by: "rules" | "model" }): string {
  return by === "model" ? "a model" : "rules";
}

function turnCounts({ quality: { turns, talkRatio } }: Report): string {
  return `${turns.user} of the caller, ${turns.assistant} of the agent, who spoke ${percent(talkRatio)} of the words`;
}

function repliesOf({ quality }: Report): string {
  const within = `half within ${milliseconds(quality.replyP50Ms)}, 95 % within ${milliseconds(quality.replyP95Ms)}`;
  return `${within}, the slowest ${milliseconds(quality.replyMaxMs)}, ${quality.gapsOver3s} over 3 s`;
}

function troubleOf({ errors }: CallRecord, { quality }: Report): string {
  const counts = [
    [quality.interruptions, "interruptions"],
    [quality.unanswered, "remarks without an answer"],
    [quality.repeatedRequests, "repeated requests"],
    [quality.toolErrors, "failed tools"],
    [errors.length, "errors"],
  ] as const;
  return counts.flatMap(([count, name]) => (count > 0 ? [`${name}: ${count}`] : [])).join(", ") || "none";
}

function toolsOf({ turns }: CallRecord): string[] {
  return turns.flatMap(({ number, tools }) =>
    tools.map(({ name, outcome, latencyMs }) => {
      const took = latencyMs === null ? "used" : `took ${milliseconds(latencyMs)}`;
      const how = { ok: took, error: "failed", unfinished: "was not finished in time" }[outcome];
      return `${plain(name)} ${how}, turn ${number}`;
    }),
  );
}

function alertsOf(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts)
    .map(([rule, count]) => `${plain(ruleName(rule))} ×${count}`)
    .join(", ");
}

function variablesOf({ variables }: CallRecord): string {
  return Object.entries(variables)
    .map(
      ([name, value]) =>
        `${plain(name)}: ${plain(typeof value === "string" ? value : JSON.stringify(value))}`,
    )
    .join(", ");
}

function transferOf({ kind, requestedAtMs, outcome, tookMs, returned }: TransferRecord): string {
  const took = tookMs === null ? "" : ` after ${Math.round(tookMs / 1_000)} s`;
  const back = returned ? ", the caller came back" : "";
  return `${kind}, asked for at ${clock(requestedAtMs)}: ${transferOutcomeName(outcome)}${took}${back}`;
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
