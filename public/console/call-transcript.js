// @ts-check
import { html } from "/assets/vendor/htm.js";
import { duration, words } from "../shared/format.js";
import { VerdictChip } from "../shared/verdict-chip.js";
import { verdictsByTurn } from "./live-state.js";

/**
 * @typedef {import("./live-state.js").LiveCall} LiveCall
 * @typedef {{ at: number, key: string, node: unknown }} Entry
 */

/** What has been said and done, in its order. @param {{ call: LiveCall }} props */
export function CallTranscript({ call }) {
  const turns = call.turns ?? [];
  const verdicts = verdictsByTurn(turns, call.scores);
  /** @type {Entry[]} */
  const entries = turns.map((turn) => {
    const verdict = verdicts.get(turn.number);
    return {
      at: call.startedAt + turn.offsetMs,
      key: `turn ${turn.number}`,
      node: html`<${TranscriptLine} ...${turn} verdict=${verdict} />`,
    };
  });
  for (const act of call.supervisor) {
    entries.push({
      at: act.at,
      key: `act ${act.at} ${act.action}`,
      node: html`<${Note} text=${describeAct(act)} />`,
    });
  }
  if (call.escalation) {
    const { at, reason, action } = call.escalation;
    const text = `Escalated: ${words(reason)}; ${action === "none" ? "no number to transfer to" : words(action)}`;
    entries.push({ at, key: "escalation", node: html`<${Note} tone="alert" text=${text} />` });
  }
  entries.sort((a, b) => a.at - b.at);
  const dropped = (turns[0]?.number ?? 1) - 1;
  return html`<section class="transcript panel" tabindex="0" aria-label="Transcript">
    <div>
      ${dropped > 0 && html`<p class="muted small">The first ${dropped} turns are not shown here; they are in the report.</p>`}
      ${entries.length === 0 && html`<p class="muted">Nobody has said anything yet.</p>`}
      <div role="log" aria-live="polite">
        <ol>
          ${entries.map(({ key, node }) => html`<li key=${key}>${node}</li>`)}
        </ol>
      </div>
      ${call.partial && html`<p class="said agent partial" aria-hidden="true">${call.partial.text}<i class="caret"></i></p>`}
    </div>
  </section>`;
}

/**
 * @param {{ role: string, text: string | null, offsetMs: number, firstChunkMs?: number | null, interrupted?: boolean,
 *   verdict?: { sentiment: import("./live-state.js").Sentiment, rough: boolean } }} props
 */
export function TranscriptLine({ role, text, offsetMs, firstChunkMs = null, interrupted = false, verdict }) {
  const who = role === "user" ? "Caller" : "Agent";
  return html`<div class="said ${role === "user" ? "caller" : "agent"}">
    <p class="said-head muted small">
      <b>${who}</b> ${duration(offsetMs)}
      ${firstChunkMs !== null && html`<span title="Time to the first words of the answer">· ${firstChunkMs} ms</span>`}
      ${interrupted && html`<span class="chip warn">interrupted</span>`}
      ${verdict && html`<${VerdictChip} sentiment=${verdict.sentiment} rough=${verdict.rough} />`}
    </p>
    <p>${text ?? html`<span class="muted">(not recorded)</span>`}</p>
  </div>`;
}

/** @param {{ text: string, tone?: string }} props */
function Note({ text, tone = "" }) {
  return html`<p class="note"><span class="chip ${tone}">${text}</span></p>`;
}

/** @param {{ action: string, text: string | null }} act */
function describeAct({ action, text }) {
  switch (action) {
    case "whisper":
      return `Supervisor whispered to the agent: ${text ?? ""}`;
    case "say":
      return "Supervisor let the agent say the next line";
    case "mute":
      return "Supervisor muted the agent";
    case "unmute":
      return "Supervisor unmuted the agent";
    case "transfer":
      return "Supervisor transferred the call";
    default:
      return "Supervisor ended the call";
  }
}
