// @ts-check
import { html, useRef, useState } from "/assets/vendor/htm.js";
import { Duration } from "../shared/duration.js";
import { readToken } from "../shared/token.js";
import { VerdictChip } from "../shared/verdict-chip.js";
import { ApiError, post } from "./api.js";
import { groupOf, needsOf } from "./attention.js";
import { CallNotices } from "./call-notices.js";
import { CallTranscript } from "./call-transcript.js";
import { CoachingCards } from "./coaching-cards.js";
import { HolderChip, InHand } from "./in-hand.js";
import { nameOf } from "./name-of.js";
import { formatRoute } from "./route.js";
import { Empty, Loading } from "./states.js";
import { SupervisorPanel } from "./supervisor-panel.js";
import { useActs } from "./use-acts.js";
import { useLive } from "./use-live.js";

/** @typedef {import("./live-state.js").Alert} Alert */

/**
 * The call of a human who speaks with the caller through the agent, or is coached: what to do and to say comes first.
 * @param {{ id: string | null, live: import("./live-state.js").LiveState, onUnauthorised: (problem: string) => void }} props
 */
export function DeskView({ id, live: { calls, you }, onUnauthorised }) {
  if (id !== null) return html`<${Desk} key=${id} id=${id} onUnauthorised=${onUnauthorised} />`;
  if (calls.size === 0)
    return html`<${Empty} title="No live calls">Your call appears here when it begins.<//>`;
  return html`<section class="desk-list">
    <h2>Which call is yours?</h2>
    <ul>
      ${[...calls.values()].map(
        (call) => html`<li key=${call.id}>
          <a class="panel" href=${formatRoute("desk", call.id)}>
            <b>${nameOf(call)}</b> ${call.callerNumber}
            <${HolderChip} call=${call} you=${you} />
            ${call.lastWords && html`<span class="words muted small" dir="auto">“${call.lastWords.text}”</span>`}
          </a>
        </li>`,
      )}
    </ul>
  </section>`;
}

/** @param {{ id: string, onUnauthorised: (problem: string) => void }} props */
function Desk({ id, onUnauthorised }) {
  const { state, feed } = useLive(id, onUnauthorised);
  const acts = useActs(id, state.you, onUnauthorised);
  const say = useRef(/** @type {((words: string) => void) | null} */ (null));
  const call = state.calls.get(id);
  if (!call || feed.status === "gone") {
    if (feed.status !== "gone") return html`<${Loading} what="the call" />`;
    return html`<${Empty} title="This call has ended"><a href=${formatRoute("desk")}>Choose another call</a><//>`;
  }
  const handedOver = groupOf(call, needsOf(call)) === "handedOver";
  const acting = state.canSpeak && !call.ended;
  const use = acting && !handedOver ? (/** @type {string} */ words) => say.current?.(words) : null;
  const desk = {
    onUse: use,
    onFeedback: acting
      ? (/** @type {Alert} */ { rule, at }, /** @type {string} */ feedback) =>
          void acts.act(
            "feedback",
            { rule, alert_at: new Date(at).toISOString(), feedback },
            "Thank you, your opinion is saved.",
          )
      : null,
  };
  return html`<div class="desk-call">
    <header class="call-head">
      <a class="back always" href=${formatRoute("desk")}>← Another call</a>
      <h2>${nameOf(call)}</h2>
      ${call.callerNumber && html`<span class="muted">${call.callerNumber}</span>`}
      ${call.sentiment && html`<${VerdictChip} sentiment=${call.sentiment} />`}
      <span class="muted"><${Duration} from=${call.startedAt} to=${call.ended?.at ?? feed.lostAt} /></span>
      ${!call.ended && html`<${InHand} call=${call} you=${state.you} open=${false} allowed=${state.canSpeak} acts=${acts} />`}
    </header>
    <${CallNotices} call=${call} feed=${feed} />
    <div class="desk-body">
      <div class="desk-hand">
        <${CoachingCards} alerts=${call.alerts} startedAt=${call.startedAt} desk=${desk} />
        ${state.canSuggest && use && html`<${Suggestion} id=${id} onUse=${use} />`}
        ${
          // A viewer is not offered what a viewer may not do.
          (state.canSpeak || readToken() === null) &&
          html`<${SupervisorPanel}
            call=${call}
            you=${state.you}
            allowed=${state.canSpeak}
            handedOver=${handedOver}
            transferNumber=${state.transferNumber}
            acts=${acts}
            steers=${state.canSupervise}
            desk=${true}
            writer=${say}
          />`
        }
      </div>
      <${CallTranscript} call=${call} />
    </div>
  </div>`;
}

/** Wording by the model, when it is asked for; it is sent only by whoever reads it. @param {{ id: string, onUse: (words: string) => void }} props */
function Suggestion({ id, onUse }) {
  const [state, setState] = useState({ text: "", problem: "", asking: false });
  const ask = async () => {
    setState({ text: "", problem: "", asking: true });
    try {
      const { text } = await post(`/live/${encodeURIComponent(id)}/suggest`);
      setState({ text, problem: "", asking: false });
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      setState({ text: "", problem: error.message, asking: false });
    }
  };
  return html`<section class="panel" aria-label="Suggested reply">
    <div class="buttons">
      <button class="button" disabled=${state.asking} onClick=${() => void ask()}>
        ${state.asking ? "Asking the model…" : "Suggest a reply"}
      </button>
    </div>
    <div role="status">
      ${state.text && html`<p class="say-next" dir="auto">“${state.text}” <button class="button small" onClick=${() => onUse(state.text)}>Use these words</button></p>`}
      ${state.problem && html`<p class="small outcome failed">${state.problem}</p>`}
    </div>
  </section>`;
}
