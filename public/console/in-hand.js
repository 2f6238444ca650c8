// @ts-check
import { html } from "/assets/vendor/htm.js";
import { readName } from "../shared/me.js";

/**
 * Whose the call is, and the acts by which a team shares calls out: what is claimed or seen by one is so for all.
 * @param {{ call: import("./live-state.js").LiveCall, you: string | null, open: boolean, allowed: boolean, acts: import("./use-acts.js").Acts }} props
 *   `open`: something in the call wants somebody
 */
export function InHand({ call, you, open, allowed, acts }) {
  const mine = call.holder !== null && call.holder === (you ?? readName());
  return html`<div class="in-hand">
    ${call.holder && html`<span class="chip held">${mine ? "You have it" : `${call.holder} has it`}</span>`}
    ${
      allowed &&
      (mine
        ? html`<button class="button small" onClick=${() => void acts.act("release", {}, "Anybody may take the call.")}>Release</button>`
        : html`<button class="button small" onClick=${() => void acts.act("claim", {}, "The others see that you see to it.")}>Claim</button>`)
    }
    ${
      allowed &&
      open &&
      html`<button class="button small" onClick=${() => void acts.act("acknowledge", {}, "The alerts so far are marked as seen.")}>
        Mark alerts as seen
      </button>`
    }
    ${acts.asking && html`<${AskName} onName=${acts.answer} />`}
  </div>`;
}

/** Asked once in a browser. @param {{ onName: (name: string) => void }} props */
function AskName({ onName }) {
  /** @param {SubmitEvent} event */
  const submit = (event) => {
    event.preventDefault();
    const field = /** @type {HTMLFormElement} */ (event.currentTarget).elements.namedItem("me");
    if (field instanceof HTMLInputElement && field.value.trim() !== "") onName(field.value.trim());
  };
  return html`<form class="notice ask-name" onSubmit=${submit}>
    <label for="me">Your name, for the others to see</label>
    <input
      class="field"
      id="me"
      name="me"
      maxlength="60"
      autocomplete="name"
      required
      ref=${(/** @type {HTMLInputElement | null} */ field) => field?.focus()}
    />
    <button class="button primary">Go on</button>
  </form>`;
}
