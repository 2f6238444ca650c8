// @ts-check
import { Component, html, useEffect, useMemo } from "/assets/vendor/htm.js";
import { milliseconds } from "../shared/format.js";
import { callEntries, keyOf } from "./call-entries.js";
import { EntryNote, TranscriptLine } from "./call-transcript.js";
import { TurnRemarks } from "./remarks.js";
import { useSteps } from "./use-steps.js";
import { VerdictLabels } from "./verdict-labels.js";

/**
 * @typedef {import("./use-review.js").Review} Review
 * @typedef {import("./call-entries.js").Entry<any, any, any, any>} Entry
 */

/** Entries drawn at a time. Hundreds at once would keep the page from answering for a second on a phone. */
const AT_ONCE = 10;

/**
 * The whole call: what was said, the tools that were used, the hand-over, what a supervisor did, and what people said of
 * it afterwards.
 * @param {{ call: any, review: Review | null, sought: { turn: number } | null }} props `sought`: where to take the reader
 */
export function ReportTranscript({ call, review, sought }) {
  const stretches = useMemo(() => stretchesOf(call), [call]);
  const wanted = sought
    ? stretches.findIndex((entries) => entries.some((entry) => isTurn(entry, sought.turn)))
    : -1;
  const drawn = useSteps(stretches.length, wanted + 1);
  useEffect(() => {
    if (sought) showTurn(sought.turn);
  }, [sought]);
  return html`<section class="panel" aria-label="Transcript">
    <h3>Transcript</h3>
    ${stretches.length === 0 && html`<p class="muted">Nobody said anything.</p>`}
    <ol class="whole">
      ${stretches.slice(0, drawn).map((entries, index) => html`<${Stretch} key=${index} entries=${entries} review=${review} />`)}
    </ol>
  </section>`;
}

/** @param {any} call @returns {Entry[][]} */
function stretchesOf(call) {
  const entries = callEntries({
    turns: call.turns.map(fromWire),
    acts: call.supervisor.map(fromWire),
    escalation: call.escalation && fromWire(call.escalation),
    transfers: call.transfers.map(fromWire),
  });
  return Array.from({ length: Math.ceil(entries.length / AT_ONCE) }, (_, index) =>
    entries.slice(index * AT_ONCE, (index + 1) * AT_ONCE),
  );
}

/** @param {Entry} entry @param {number} number */
function isTurn(entry, number) {
  return entry.kind === "turn" && entry.turn.number === number;
}

/** @typedef {{ entries: readonly Entry[], review: Review | null }} StretchProps */

/** @extends {Component<StretchProps>} */
class Stretch extends Component {
  /** @override @param {StretchProps} next */
  shouldComponentUpdate({ entries, review }) {
    return entries !== this.props.entries || review !== this.props.review;
  }

  /** @override @param {StretchProps} props */
  render({ entries, review }) {
    return html`${entries.map((entry) => html`<${ReportEntry} key=${keyOf(entry)} entry=${entry} review=${review} />`)}`;
  }
}

/** @param {{ entry: Entry, review: Review | null }} props */
function ReportEntry({ entry, review }) {
  if (entry.kind !== "turn") return html`<li><${EntryNote} entry=${entry} /></li>`;
  return html`<${ReportTurn} turn=${entry.turn} bySupervisor=${entry.bySupervisor} review=${review} />`;
}

/** @param {{ turn: any, bySupervisor: boolean, review: Review | null }} props */
function ReportTurn({ turn, bySupervisor, review }) {
  const { verdict: sentiment, upset, cause, source } = turn;
  const verdict = sentiment ? { sentiment, upset, cause, rough: source === "fallback" } : undefined;
  return html`<li id=${turnId(turn.number)} class="turn" tabindex="-1">
    <${TranscriptLine} ...${turn} verdict=${verdict} bySupervisor=${bySupervisor} />
    ${
      turn.tools.length > 0 &&
      html`<ul class="tools small">
        ${turn.tools.map(
          (/** @type {any} */ tool) => html`<li>
            <span class="chip ${tool.outcome === "ok" ? "" : "warn"}">tool</span> <code>${tool.name}</code>
            <span class="muted"> ${describeTool(tool)}</span>
          </li>`,
        )}
      </ul>`
    }
    ${review && turn.role === "user" && html`<${VerdictLabels} turn=${turn} review=${review} />`}
    ${review && html`<${TurnRemarks} number=${turn.number} review=${review} />`}
  </li>`;
}

/** Takes the reader to a turn, and the keyboard with it. @param {number} number */
function showTurn(number) {
  const turn = document.getElementById(turnId(number));
  turn?.scrollIntoView({ block: "center" });
  turn?.focus({ preventScroll: true });
}

/** @param {number} number */
function turnId(number) {
  return `turn-${number}`;
}

/** @param {{ outcome: string, latency_ms: number | null }} tool */
function describeTool({ outcome, latency_ms }) {
  if (outcome === "error") return "failed";
  if (outcome === "unfinished") return "was not finished in time";
  return latency_ms === null ? "" : `took ${milliseconds(latency_ms)}`;
}

/** The fields that the live view has too, under the same names. @param {any} wire */
function fromWire({
  requested_at_ms: requestedAtMs,
  offset_ms: offsetMs = requestedAtMs,
  first_chunk_ms: firstChunkMs,
  same_turn: sameTurn,
  took_ms: tookMs,
  ...rest
}) {
  return { ...rest, offsetMs, firstChunkMs, sameTurn, tookMs };
}
