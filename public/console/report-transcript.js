// @ts-check
import { html } from "/assets/vendor/htm.js";
import { milliseconds } from "../shared/format.js";
import { callEntries, keyOf } from "./call-entries.js";
import { EntryNote, TranscriptLine } from "./call-transcript.js";
import { TurnRemarks } from "./remarks.js";
import { VerdictLabels } from "./verdict-labels.js";

/** @typedef {import("./use-review.js").Review} Review */

/**
 * The whole call: what was said, the tools that were used, the hand-over, what a supervisor did, and what people said of
 * it afterwards.
 * @param {{ call: any, review: Review | null }} props
 */
export function ReportTranscript({ call, review }) {
  const entries = callEntries({
    turns: call.turns.map(fromWire),
    acts: call.supervisor.map(fromWire),
    escalation: call.escalation && fromWire(call.escalation),
    transfers: call.transfers.map(fromWire),
  });
  return html`<section class="panel" aria-label="Transcript">
    <h3>Transcript</h3>
    ${entries.length === 0 && html`<p class="muted">Nobody said anything.</p>`}
    <ol class="whole">
      ${entries.map((entry) => html`<${ReportEntry} key=${keyOf(entry)} entry=${entry} review=${review} />`)}
    </ol>
  </section>`;
}

/** @param {{ entry: import("./call-entries.js").Entry<any, any, any, any>, review: Review | null }} props */
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
export function showTurn(number) {
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
