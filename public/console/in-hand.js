// @ts-check
import { html } from "/assets/vendor/htm.js";
import { readName } from "../shared/me.js";
import { AskName } from "./ask-name.js";

/** Whether the one at this page has the call. @param {{ holder: string | null }} call @param {string | null} you the name of one's token */
export function isMine({ holder }, you) {
  return holder !== null && holder === (you ?? readName());
}

/** Who has claimed the call, if anybody. @param {{ call: import("./live-state.js").LiveCall, you: string | null }} props */
export function HolderChip({ call, you }) {
  if (call.holder === null) return null;
  return html`<span class="chip held">claimed by ${isMine(call, you) ? "you" : call.holder}</span>`;
}

/**
 * Whose the call is, and the acts by which a team shares calls out: what is claimed or seen by one is so for all.
 * @param {{ call: import("./live-state.js").LiveCall, you: string | null, open: boolean, allowed: boolean, acts: import("./use-acts.js").Acts }} props
 *   `open`: something in the call wants somebody
 */
export function InHand({ call, you, open, allowed, acts }) {
  const mine = isMine(call, you);
  // Who speaks to the caller hands back, and others take over: nobody is left with a muted agent.
  const speaking = call.muted && call.holder !== null;
  return html`<div class="in-hand">
    <${HolderChip} call=${call} you=${you} />
    ${
      allowed &&
      !speaking &&
      (mine
        ? html`<button class="button small" onClick=${() => void acts.act("release", {}, "You have released the call.")}>Release</button>`
        : html`<button class="button small" onClick=${() => void acts.act("claim", {}, "The others see that you take care of this call.")}>Claim</button>`)
    }
    ${
      allowed &&
      open &&
      html`<button class="button small" onClick=${() => void acts.act("acknowledge", {}, "You have marked the alerts as seen.")}>
        Mark alerts as seen
      </button>`
    }
    ${acts.asking && html`<${AskName} onName=${acts.answer} />`}
  </div>`;
}
