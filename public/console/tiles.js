// @ts-check
import { html } from "/assets/vendor/htm.js";

/** Figures side by side. @param {{ figures: readonly (readonly [name: string, value: unknown, note?: string])[] }} props */
export function Tiles({ figures }) {
  return html`<dl class="tiles">
    ${figures.map(
      ([name, value, note]) => html`<div class="tile">
        <dt>${name}</dt>
        <dd>${value}${note && html` <span class="muted small">${note}</span>`}</dd>
      </div>`,
    )}
  </dl>`;
}
