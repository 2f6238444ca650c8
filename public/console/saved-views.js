// @ts-check
import { html, useState } from "/assets/vendor/htm.js";

/** @typedef {{ name: string, address: string }} View */

const KEY = "voice-agent-views";
/** More would not fit the bar. */
const MAX_VIEWS = 20;

/** Views that this person has given a name, kept in this browser. @param {{ address: string }} props `address`: of the view that is shown */
export function SavedViews({ address }) {
  const [views, setViews] = useState(read);
  const [naming, setNaming] = useState(false);
  /** @param {View[]} next */
  const keep = (next) => {
    localStorage.setItem(KEY, JSON.stringify(next));
    setViews(next);
  };
  /** @param {SubmitEvent & { currentTarget: HTMLFormElement }} event */
  const save = (event) => {
    event.preventDefault();
    const name = String(new FormData(event.currentTarget).get("name") ?? "").trim();
    if (name === "") return;
    keep([...views.filter((view) => view.name !== name), { name, address }].slice(-MAX_VIEWS));
    setNaming(false);
  };
  return html`<div class="views">
    ${views.length > 0 && html`<${ViewLinks} views=${views} address=${address} onForget=${(/** @type {View} */ gone) => keep(views.filter((view) => view !== gone))} />`}
    ${
      naming
        ? html`<form onSubmit=${save}>
            <input class="field" name="name" aria-label="Name of this view" maxlength="60" required ref=${focus} />
            <button class="button primary">Save</button>
            <button type="button" class="button" onClick=${() => setNaming(false)}>Cancel</button>
          </form>`
        : html`<button type="button" class="button" onClick=${() => setNaming(true)}>Save this view…</button>`
    }
  </div>`;
}

/** @param {{ views: View[], address: string, onForget: (view: View) => void }} props */
function ViewLinks({ views, address, onForget }) {
  return html`<ul aria-label="Saved views">
    ${views.map(
      (view) => html`<li key=${view.name}>
        <a href=${view.address} aria-current=${view.address === address ? "true" : undefined}>${view.name}</a>
        <button type="button" class="link" aria-label=${`Forget the view ${view.name}`} onClick=${() => onForget(view)}>✕</button>
      </li>`,
    )}
  </ul>`;
}

/** @param {HTMLInputElement | null} field */
function focus(field) {
  field?.focus();
}

/** @returns {View[]} none where something else has written there */
function read() {
  try {
    const views = JSON.parse(localStorage.getItem(KEY) ?? "[]");
    return Array.isArray(views)
      ? views.filter(({ name, address }) => name && /^#\/(calls|quality)/.test(address))
      : [];
  } catch {
    return [];
  }
}
