// @ts-check
import { html, useEffect } from "/assets/vendor/htm.js";
import { Duration } from "../shared/duration.js";
import { channelName } from "../shared/names.js";
import { readToken } from "../shared/token.js";
import { VerdictChip } from "../shared/verdict-chip.js";
import { groupOf, needsOf } from "./attention.js";
import { CallNotices } from "./call-notices.js";
import { CallTranscript } from "./call-transcript.js";
import { CoachingCards } from "./coaching-cards.js";
import { InHand } from "./in-hand.js";
import { nameOf } from "./name-of.js";
import { formatRoute, isSessionId } from "./route.js";
import { ScoreChart } from "./score-chart.js";
import { Loading } from "./states.js";
import { SupervisorPanel } from "./supervisor-panel.js";
import { useActs } from "./use-acts.js";
import { useLive } from "./use-live.js";

/** A link to a live call that has ended is a link to its report. @param {{ id: string }} props */
function ToReport({ id }) {
  useEffect(() => location.replace(formatRoute("calls", id)), [id]);
  return html`<${Loading} what="its report" />`;
}

/**
 * One live call, as it happens; by the platform's id it is looked up as a recorded one.
 * @param {{ id: string, onUnauthorised: (problem: string) => void }} props
 */
export function CallView(props) {
  return isSessionId(props.id) ? html`<${Live} ...${props} />` : html`<${ToReport} ...${props} />`;
}

/** @param {{ id: string, onUnauthorised: (problem: string) => void }} props */
function Live({ id, onUnauthorised }) {
  const { state, feed } = useLive(id, onUnauthorised);
  const call = state.calls.get(id);
  const acts = useActs(id, state.you, onUnauthorised);
  if (!call || feed.status === "gone") {
    if (feed.status !== "gone") return html`<${Loading} what="the call" />`;
    return html`<${ToReport} id=${id} />`;
  }
  const needs = call.ended ? [] : needsOf(call);
  const handedOver = groupOf(call, needs) === "handedOver";
  const allowed = state.canSpeak && call.ended === null;
  return html`<div class="call">
    <header class="call-head">
      <a class="back" href=${formatRoute("live")}>← All live calls</a>
      <h2>${nameOf(call)}</h2>
      ${call.callerNumber && html`<span class="muted">${call.callerNumber}</span>`}
      ${call.sentiment && html`<${VerdictChip} sentiment=${call.sentiment} />`}
      ${handedOver && html`<span class="chip">handed over</span>`}
      ${needs.map(({ kind, text, weight }) => html`<span key=${kind} class="chip ${weight >= 200 ? "alert" : "warn"}">${text}</span>`)}
      ${call.muted && !call.ended && html`<span class="chip">agent muted</span>`}
      <span class="muted">
        ${channelName(call.conversationType)}, <${Duration} from=${call.startedAt} to=${call.ended?.at ?? feed.lostAt} />
      </span>
      ${!call.ended && html`<${InHand} call=${call} you=${state.you} open=${needs.length > 0} allowed=${allowed} acts=${acts} />`}
    </header>
    <${CallNotices} call=${call} feed=${feed} />
    <div class="call-body">
      <div class="call-main">
        <${CallTranscript} call=${call} />
        ${
          // A viewer is not offered what a viewer may not do.
          (state.canSupervise || readToken() === null) &&
          html`<${SupervisorPanel}
            call=${call}
            you=${state.you}
            allowed=${state.canSupervise}
            handedOver=${handedOver}
            transferNumber=${state.transferNumber}
            acts=${acts}
          />`
        }
      </div>
      <div class="call-side">
        <${ScoreChart} startedAt=${call.startedAt} scores=${call.scores} escalatedAt=${call.escalation?.at ?? null} />
        <${CoachingCards} alerts=${call.alerts} startedAt=${call.startedAt} />
      </div>
    </div>
  </div>`;
}
