// @ts-check
import { html } from "/assets/vendor/htm.js";

/** Nothing to show, and what would be shown. @param {{ title: string, children?: unknown }} props */
export function Empty({ title, children }) {
  return html`<div class="state"><h2>${title}</h2><div class="muted">${children}</div></div>`;
}

/** @param {{ what: string }} props */
export function Loading({ what }) {
  return html`<div class="state" role="status"><span class="spinner" aria-hidden="true"></span><p class="muted">Loading ${what}…</p></div>`;
}

/** What went wrong; there is a second try where it could go better. @param {{ error: import("./api.js").ApiError, onRetry: () => void }} props */
export function Problem({ error, onRetry }) {
  return html`<div class="state" role="alert">
    <h2>This did not work</h2>
    <p class="muted">${error.message}</p>
    ${error.status !== 400 && html`<button class="button" onClick=${onRetry}>Try again</button>`}
  </div>`;
}
