// @ts-check
import { html } from "/assets/vendor/htm.js";

/** A shape beside the word, so that colour is never the only difference. */
const MARKS = { positive: "▲", neutral: "●", negative: "▼", frustrated: "◆" };

/**
 * @typedef {keyof typeof MARKS} Sentiment
 * @param {{ sentiment: Sentiment, rough?: boolean }} props `rough`: judged by the embedded rules, the model had failed
 */
export function VerdictChip({ sentiment, rough = false }) {
  const title = rough ? "Judged by the embedded rules, because the sentiment model failed" : undefined;
  return html`<span class="chip ${sentiment}" title=${title}>
    <span aria-hidden="true">${MARKS[sentiment]}</span>${sentiment}${rough && " (rules)"}
  </span>`;
}
