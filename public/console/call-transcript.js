// @ts-check
import { Component, html, useState } from "/assets/vendor/htm.js";
import { duration } from "../shared/format.js";
import { actName, escalationName, transferName } from "../shared/names.js";
import { VerdictCause, VerdictChip } from "../shared/verdict-chip.js";
import { callEntries, keyOf } from "./call-entries.js";
import { describeTransfer, verdictsByTurn } from "./live-state.js";
import { useSteps } from "./use-steps.js";

/**
 * @typedef {import("./live-state.js").LiveCall} LiveCall
 * @typedef {import("./live-state.js").Transfer} Transfer
 * @typedef {import("./call-entries.js").EntryEscalation & { reason: string, action: string }} Escalation
 * @typedef {import("./call-entries.js").EntryAct & { used?: boolean }} Act
 * @typedef {import("./call-entries.js").Entry<import("./live-state.js").Turn, Act, Escalation, Transfer>} Entry
 */

/** The lowest an entry can be, px. */
const ENTRY_HEIGHT = 52;

/** What has been said and done, in its order; the latest is drawn first. @param {{ call: LiveCall }} props */
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
  // More at a time than can be seen at once: those that come above must not move what is seen.
  const [atOnce] = useState(() => Math.ceil(innerHeight / ENTRY_HEIGHT));
  const [steps] = useState(Math.ceil(entries.length / atOnce));
  const done = useSteps(steps);
  const whole = done >= steps;
  const dropped = whole ? (turns[0]?.number ?? 1) - 1 : 0;
  return html`<section class="transcript panel" tabindex="0" aria-label="Transcript">
    <div>
      ${dropped > 0 && html`<p class="muted small">The first ${dropped} turns are not shown here; they are in the report.</p>`}
      ${entries.length === 0 && html`<p class="muted">Nobody has said anything yet.</p>`}
      <div role="log" aria-live=${whole ? "polite" : "off"}>
        <ol>
          ${(whole ? entries : entries.slice(-done * atOnce)).map((entry) => {
            const verdict = entry.kind === "turn" ? verdicts.get(entry.turn.number) : undefined;
            return html`<${LiveEntry} key=${keyOf(entry)} entry=${entry} verdict=${verdict} />`;
          })}
        </ol>
      </div>
      ${call.partial && html`<p class="said agent partial" aria-hidden="true" dir="auto">${call.partial.text}<i class="caret"></i></p>`}
    </div>
  </section>`;
}

/** @typedef {{ entry: Entry, verdict: import("./live-state.js").Score | undefined }} LiveEntryProps */

/**
 * A turn that has been said is drawn once: the words that come ten times a second are not its own.
 * @extends {Component<LiveEntryProps>}
 */
class LiveEntry extends Component {
  /** @override @param {LiveEntryProps} next */
  shouldComponentUpdate({ entry, verdict }) {
    const now = this.props;
    if (entry.kind !== "turn" || now.entry.kind !== "turn") return true;
    const { turn, bySupervisor } = now.entry;
    return entry.turn !== turn || entry.bySupervisor !== bySupervisor || verdict !== now.verdict;
  }

  /** @override @param {LiveEntryProps} props */
  render({ entry, verdict }) {
    if (entry.kind !== "turn") return html`<li><${EntryNote} entry=${entry} /></li>`;
    const { turn, bySupervisor } = entry;
    return html`<li><${TranscriptLine} ...${turn} bySupervisor=${bySupervisor} verdict=${verdict} /></li>`;
  }
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
