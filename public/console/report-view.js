// @ts-check
import { html } from "/assets/vendor/htm.js";
import { duration, milliseconds, percent, plural, score, words } from "../shared/format.js";
import { VerdictChip } from "../shared/verdict-chip.js";
import { TranscriptLine } from "./call-transcript.js";
import { CoachingCards } from "./coaching-cards.js";
import { nameOf } from "./name-of.js";
import { formatRoute } from "./route.js";
import { ScoreChart } from "./score-chart.js";
import { Empty, Loading, Problem } from "./states.js";
import { Tiles } from "./tiles.js";
import { useFetched } from "./use-fetched.js";

/** What is left of a call after its end. @param {{ id: string, onUnauthorised: () => void }} props */
export function ReportView({ id, onUnauthorised }) {
  const path = `/calls/${encodeURIComponent(id)}`;
  const { answers, error, retry } = useFetched([path, `${path}/report`], onUnauthorised, hasEnded);
  if (error?.status === 404) {
    return html`<${Empty} title="No such call">
      <p>${error.message}. <a href=${formatRoute("calls")}>Show all calls</a></p>
    <//>`;
  }
  if (error) return html`<${Problem} error=${error} onRetry=${retry} />`;
  if (!answers) return html`<${Loading} what="the report" />`;
  const [call, report] = answers;
  const ended = call.ended_at === null ? "still live" : words(call.end_reason);
  return html`<article class="report">
    <header class="call-head">
      <a class="back always" href=${formatRoute("calls")}>← Recent calls</a>
      <h2>${nameOf({ id: call.session_id, callId: call.call_id })}</h2>
      ${call.label && call.label !== "none" && html`<${VerdictChip} sentiment=${call.label} />`}
      ${call.escalated && html`<span class="chip alert">escalated</span>`}
      <span class="muted">
        ${[when(call.started_at), words(call.conversation_type), ended].join(", ")}
      </span>
    </header>
    ${
      call.ended_at === null &&
      html`<p class="notice">This call is going on. <a href=${formatRoute("live", id)}>Watch it live</a></p>`
    }
    <${Tiles} figures=${figuresOf(call, report)} />
    <div class="call-body">
      <section class="panel" aria-label="Transcript">
        <h3>Transcript</h3>
        <ol class="whole">
          ${call.turns.map(
            (/** @type {any} */ turn) =>
              html`<li key=${turn.number}><${TranscriptLine} ...${lineOf(turn)} /></li>`,
          )}
        </ol>
      </section>
      <div class="call-side">
        <${ScoreChart}
          startedAt=${0}
          scores=${report.sentiment.scores.map((/** @type {any} */ one) => ({ at: one.offset_ms, score: one.score }))}
          escalatedAt=${report.escalation.offset_ms}
        />
        ${report.escalation.triggered && html`<${EscalationPanel} escalation=${report.escalation} />`}
        <${CoachingCards} startedAt=${0} alerts=${call.alerts.map(alertOf)} />
        ${call.supervisor.length > 0 && html`<${SupervisorActs} acts=${call.supervisor} />`}
        ${call.errors.length > 0 && html`<${CallErrors} errors=${call.errors} />`}
      </div>
    </div>
  </article>`;
}

/** @param {any[]} answers */
function hasEnded([call]) {
  return call.ended_at !== null;
}

/** @param {string} time */
function when(time) {
  return new Date(time).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
}

/** @param {any} call @param {any} report @returns {[string, unknown, string?][]} */
function figuresOf(call, { sentiment, quality }) {
  const rough = sentiment.source === "fallback" ? "(embedded rules)" : undefined;
  return [
    ["Score", score(sentiment.score), rough],
    [
      "Trend",
      sentiment.trend === null ? "–" : words(sentiment.trend),
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

/** @param {any} turn */
function lineOf(turn) {
  return {
    role: turn.role,
    text: turn.text,
    offsetMs: turn.offset_ms,
    firstChunkMs: turn.first_chunk_ms,
    interrupted: turn.interrupted,
    verdict: turn.verdict ? { sentiment: turn.verdict, rough: turn.source === "fallback" } : undefined,
  };
}

/** @param {any} alert */
function alertOf({ offset_ms, ...alert }) {
  return { at: offset_ms, ...alert };
}

/** @param {{ escalation: any }} props */
function EscalationPanel({ escalation }) {
  return html`<section class="panel" aria-label="Escalation">
    <h3>Escalation</h3>
    <p>
      At ${duration(escalation.offset_ms)}, on utterance ${escalation.utterance}
      ${escalation.same_turn ? " (in the same turn)" : " (after it)"}: ${words(escalation.action)}, ${words(escalation.outcome)}.
    </p>
    <p class="muted small">${escalation.note}</p>
  </section>`;
}

/** @param {{ acts: any[] }} props */
function SupervisorActs({ acts }) {
  return html`<section class="panel" aria-label="Supervisor">
    <h3>${plural(acts.length, "act")} of a supervisor</h3>
    <ol>
      ${acts.map(({ offset_ms, action, text }) => html`<li>${duration(offset_ms)} <b>${action}</b> ${text}</li>`)}
    </ol>
  </section>`;
}

/** @param {{ errors: any[] }} props */
function CallErrors({ errors }) {
  return html`<section class="panel" aria-label="Errors">
    <h3>${plural(errors.length, "error")}</h3>
    <ol>
      ${errors.map(({ offset_ms, message }) => html`<li>${duration(offset_ms)} ${message}</li>`)}
    </ol>
  </section>`;
}
