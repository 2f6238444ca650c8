// @ts-check
import { html, useEffect, useMemo, useState } from "/assets/vendor/htm.js";
import { duration, milliseconds, percent, score } from "../shared/format.js";
import { channelName, endName, trendName } from "../shared/names.js";
import { when } from "../shared/time.js";
import { VerdictChip } from "../shared/verdict-chip.js";
import { AskNameDialog } from "./ask-name.js";
import { CoachingCards } from "./coaching-cards.js";
import { cameFromCalls } from "./kept-rows.js";
import { nameOf } from "./name-of.js";
import { CallRemarks } from "./remarks.js";
import {
  CallErrors,
  CallSummary,
  EscalationPanel,
  Findings,
  LowestStretch,
  TalkRatio,
  Transfers,
  Variables,
} from "./report-panels.js";
import { ReportTranscript } from "./report-transcript.js";
import { formatRoute, isSessionId } from "./route.js";
import { SaveScenario } from "./save-scenario.js";
import { ScoreChart } from "./score-chart.js";
import { Scorecards } from "./scorecards.js";
import { Empty, Loading, Problem } from "./states.js";
import { Tiles } from "./tiles.js";
import { useFetched } from "./use-fetched.js";
import { useReview } from "./use-review.js";

/**
 * What is left of a call after its end.
 * @param {{ id: string, query: Record<string, string>, onUnauthorised: (problem: string) => void }} props
 *   `id`: the server's or the platform's, `query.turn`: the turn to show
 */
export function ReportView(props) {
  return isSessionId(props.id) ? html`<${Report} ...${props} />` : html`<${ByCallId} ...${props} />`;
}

/**
 * @param {{ id: string, query: Record<string, string>, onUnauthorised: (problem: string) => void }} props
 */
function Report({ id, query, onUnauthorised }) {
  const path = `/calls/${encodeURIComponent(id)}`;
  const { answers, error, retry } = useFetched([path, `${path}/report`], onUnauthorised, hasEnded);
  const { review, name, isLoading } = useReview(id, onUnauthorised);
  const [sought, setSought] = useState(/** @type {{ turn: number } | null} */ (null));
  const showTurn = (/** @type {number} */ turn) => setSought({ turn });
  useEffect(() => scrollTo(0, 0), [id]);
  useEffect(() => {
    if (query.turn) showTurn(Number(query.turn));
  }, [query.turn]);
  // Some platforms' ids look like the server's.
  if (error?.status === 404) return html`<${ByCallId} id=${id} onUnauthorised=${onUnauthorised} />`;
  if (error) return html`<${Problem} error=${error} onRetry=${retry} />`;
  // Drawn once, and not a second time with the reviewer's buttons, which would move every line.
  if (!answers || isLoading) return html`<${Loading} what="the report" />`;
  const [call, report] = answers;
  const ended = call.ended_at === null ? "still live" : endName(call.end_reason);
  return html`<article class="report">
    <header class="call-head">
      <${BackToCalls} />
      <h2>${nameOf({ id: call.session_id, callId: call.call_id })}</h2>
      ${call.label && call.label !== "none" && html`<${VerdictChip} sentiment=${call.label} />`}
      ${call.escalated && html`<span class="chip alert">escalated</span>`}
      <span class="muted">
        ${[when(call.started_at), channelName(call.conversation_type), ended].join(", ")}
      </span>
      ${hasWords(call) && html`<${SaveScenario} id=${id} onUnauthorised=${onUnauthorised} />`}
    </header>
    ${
      call.ended_at === null &&
      html`<p class="notice">This call is going on. <a href=${formatRoute("live", id)}>Watch it live</a></p>`
    }
    <${Tiles} figures=${figuresOf(call, report)} />
    <div class="call-body">
      <${ReportTranscript} call=${call} review=${review} sought=${sought} />
      <div class="call-side">
        <${CallSummary} summary=${call.summary} />
        <${Findings} report=${report} />
        ${review && html`<${Scorecards} id=${id} review=${review} />`}
        ${review && html`<${CallRemarks} review=${review} />`}
        ${report.sentiment.scores.length > 0 && html`<${Course} report=${report} onTurn=${showTurn} />`}
        <${LowestStretch} lowest=${report.sentiment.lowest} onTurn=${showTurn} />
        ${report.escalation.triggered && html`<${EscalationPanel} escalation=${report.escalation} reason=${call.escalation.reason} />`}
        ${report.transfers.length > 0 && html`<${Transfers} transfers=${report.transfers} />`}
        <${TalkRatio} quality=${report.quality} />
        ${call.alerts.length > 0 && html`<${CoachingCards} startedAt=${0} alerts=${call.alerts.map(alertOf)} />`}
        <${Variables} variables=${call.variables} />
        <${CallErrors} errors=${call.errors} />
      </div>
    </div>
    ${name.asking && html`<${AskNameDialog} onName=${name.answer} onCancel=${name.cancel} />`}
  </article>`;
}

/** Back to the list as it was, if this page was opened from one. */
function BackToCalls() {
  /** @param {Event} event */
  const back = (event) => {
    if (!cameFromCalls()) return;
    event.preventDefault();
    history.back();
  };
  return html`<a class="back always" href=${formatRoute("calls")} onClick=${back}>← Recent calls</a>`;
}

/** The link may carry the platform's id of the call. @param {{ id: string, onUnauthorised: (problem: string) => void }} props */
function ByCallId({ id, onUnauthorised }) {
  const { answers, error, retry } = useFetched(
    [`/calls?limit=200&id=${encodeURIComponent(id)}`],
    onUnauthorised,
  );
  const call = answers?.[0].calls.find((/** @type {any} */ one) => one.call_id === id);
  useEffect(() => {
    if (call) location.replace(formatRoute(call.ended_at === null ? "live" : "calls", call.session_id));
  }, [call]);
  if (error) return html`<${Problem} error=${error} onRetry=${retry} />`;
  if (!answers || call) return html`<${Loading} what="the report" />`;
  return html`<${Empty} title="No such call">
    <p>There is no call ${id}. <a href=${formatRoute("calls")}>Show all calls</a></p>
  <//>`;
}

/** The line of the caller's mood; a click on a point leads to its turn. @param {{ report: any, onTurn: (number: number) => void }} props */
function Course({ report: { sentiment, escalation }, onTurn }) {
  const scores = useMemo(
    () => sentiment.scores.map((/** @type {any} */ one) => ({ at: one.offset_ms, score: one.score })),
    [sentiment],
  );
  return html`<${ScoreChart}
    startedAt=${0}
    scores=${scores}
    escalatedAt=${escalation.offset_ms}
    onPoint=${(/** @type {number} */ index) => onTurn(sentiment.scores[index].turn)}
  />`;
}

/** Whether the record has words of the caller, without which there is nothing to rehearse. @param {any} call */
function hasWords({ turns }) {
  return turns.some((/** @type {any} */ { role, text }) => role === "user" && text !== null);
}

/** @param {any[]} answers */
function hasEnded([call]) {
  return call.ended_at !== null;
}

/** @param {any} call @param {any} report @returns {[string, unknown, string?][]} */
function figuresOf(call, { sentiment, quality }) {
  const rough = sentiment.source === "fallback" ? "(embedded rules)" : undefined;
  return [
    ["Mood score", score(sentiment.score), rough],
    [
      "Trend",
      sentiment.trend === null ? "–" : trendName(sentiment.trend),
      sentiment.shift === null ? undefined : `shift ${score(sentiment.shift)}`,
    ],
    ["Negative", percent(sentiment.negative_share), "of utterances"],
    ["Peak frustration", sentiment.peak_frustration],
    ["Reply, p95", milliseconds(quality.reply_p95_ms)],
    ["Length", call.duration_ms === null ? "–" : duration(call.duration_ms)],
    ["Turns", quality.turns.user + quality.turns.assistant],
    ["Interruptions", quality.interruptions],
  ];
}

/** @param {any} alert */
function alertOf({ offset_ms, ...alert }) {
  return { at: offset_ms, ...alert };
}
