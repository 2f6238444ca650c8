// @ts-check
import { html } from "/assets/vendor/htm.js";
import { duration } from "../shared/format.js";
import { actName, escalationName, transferName } from "../shared/names.js";
import { VerdictCause, VerdictChip } from "../shared/verdict-chip.js";
import { callEntries, keyOf } from "./call-entries.js";
import { describeTransfer, verdictsByTurn } from "./live-state.js";

/**
 * @typedef {import("./live-state.js").LiveCall} LiveCall
 * @typedef {import("./live-state.js").Transfer} Transfer
 * @typedef {import("./call-entries.js").EntryEscalation & { reason: string, action: string }} Escalation
 * @typedef {import("./call-entries.js").EntryAct & { used?: boolean }} Act
 * @typedef {import("./call-entries.js").Entry<import("./live-state.js").Turn, Act, Escalation, Transfer>} Entry
 */

/** What has been said and done, in its order. @param {{ call: LiveCall }} props */
export function CallTranscript({ call }) {
  const turns = call.turns ?? [];
  const verdicts = verdictsByTurn(turns, call.scores);
  const since = (/** @type {number} */ at) => at - call.startedAt;
  const entries = callEntries({
    turns,
    acts: call.supervisor.map((act) => ({ ...act, offsetMs: since(act.at) })),
    escalation: call.escalation && { ...call.escalation, offsetMs: since(call.escalation.at) },
    transfers: call.transfers,
  });
  const dropped = (turns[0]?.number ?? 1) - 1;
  return html`<section class="transcript panel" tabindex="0" aria-label="Transcript">
    <div>
      ${dropped > 0 && html`<p class="muted small">The first ${dropped} turns are not shown here; they are in the report.</p>`}
      ${entries.length === 0 && html`<p class="muted">Nobody has said anything yet.</p>`}
      <div role="log" aria-live="polite">
        <ol>
          ${entries.map((entry) => html`<li key=${keyOf(entry)}><${LiveEntry} entry=${entry} verdicts=${verdicts} /></li>`)}
        </ol>
      </div>
      ${call.partial && html`<p class="said agent partial" aria-hidden="true" dir="auto">${call.partial.text}<i class="caret"></i></p>`}
    </div>
  </section>`;
}

/** @param {{ entry: Entry, verdicts: ReturnType<typeof verdictsByTurn> }} props */
function LiveEntry({ entry, verdicts }) {
  if (entry.kind !== "turn") return html`<${EntryNote} entry=${entry} />`;
  const { turn, bySupervisor } = entry;
  return html`<${TranscriptLine} ...${turn} bySupervisor=${bySupervisor} verdict=${verdicts.get(turn.number)} />`;
}

/**
 * @param {{ role: string, text: string | null, offsetMs: number, firstChunkMs?: number | null, interrupted?: boolean,
 *   bySupervisor?: boolean, verdict?: import("../shared/verdict-chip.js").Verdict }} props
 *   `bySupervisor`: the agent's voice, a supervisor's words
 */
export function TranscriptLine(props) {
  const {
    role,
    text,
    offsetMs,
    firstChunkMs = null,
    interrupted = false,
    bySupervisor = false,
    verdict,
  } = props;
  const who = role === "user" ? "Caller" : bySupervisor ? "Supervisor" : "Agent";
  return html`<div class="said ${role === "user" ? "caller" : "agent"}">
    <p class="said-head muted small">
      <b>${who}</b> ${duration(offsetMs)}
      ${firstChunkMs !== null && html`<span title="Time to the first words of the answer">· ${firstChunkMs} ms</span>`}
      ${interrupted && html`<span class="chip warn">interrupted</span>`}
      ${verdict && html`<${VerdictChip} ...${verdict} />`}
      ${verdict && html`<${VerdictCause} ...${verdict} />`}
    </p>
    <p class="words" dir="auto">${text ?? html`<span class="muted">(not recorded)</span>`}</p>
  </div>`;
}

/** What stands between the turns. @param {{ entry: Exclude<Entry, { kind: "turn" }> }} props */
export function EntryNote({ entry }) {
  switch (entry.kind) {
    case "act":
      return html`<${Note} text=${describeAct(entry.act)} />`;
    case "transfer":
      return html`<${Note} tone="warn" text=${describeTransfer(entry.transfer)} />`;
    case "escalation": {
      const { reason, action } = entry.escalation;
      const text = `Handed over because ${escalationName(reason)}: ${transferName(action)}`;
      return html`<${Note} tone="alert" text=${text} />`;
    }
  }
}

/** @param {{ text: string, tone?: string }} props */
function Note({ text, tone = "" }) {
  return html`<p class="note" dir="auto"><span class="chip ${tone}">${text}</span></p>`;
}

/** @param {{ action: string, text: string | null, by?: string | null, used?: boolean }} act `used`: a whisper that is in an answer */
function describeAct({ action, text, by, used = false }) {
  const what = `${by ?? "A supervisor"} ${actName(action)}`;
  if (action !== "whisper") return what;
  return `${what}: ${text ?? "(not recorded)"}${used ? " ✓ used in the answer" : ""}`;
}
