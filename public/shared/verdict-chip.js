// @ts-check
import { html } from "/assets/vendor/htm.js";
import { percent } from "./format.js";

/** A shape beside the word, so that colour is never the only difference. */
export const MARKS = { positive: "▲", neutral: "●", negative: "▼", frustrated: "◆" };

/**
 * @typedef {keyof typeof MARKS} Sentiment
 * @typedef {{ sentiment: Sentiment, rough: boolean, upset: number | null, cause: string | null }} Verdict
 * @param {{ sentiment: Sentiment, rough?: boolean }} props `rough`: judged by the embedded rules, the model had failed
 */
export function VerdictChip({ sentiment, rough = false }) {
  const title = rough ? "Judged by the embedded rules, because the sentiment model failed" : undefined;
  return html`<span class="chip ${sentiment}" title=${title}>
    <span aria-hidden="true">${MARKS[sentiment]}</span>${sentiment}${rough && " (rules)"}
  </span>`;
}

/** How likely the caller is upset, and what counted for the verdict. @param {Pick<Verdict, "sentiment" | "upset" | "cause">} props */
export function VerdictCause({ sentiment, upset, cause }) {
  if (upset === null) return null;
  // Of a pleased caller nobody wants to know how upset they are.
  if (sentiment === "positive")
    return cause && html`<span class="cause" dir="auto" title="What counted">${cause}</span>`;
  return html`<span class="cause" dir="auto" title="Probability that the caller is upset, and what counted">
    ${percent(upset)} upset${cause && `: ${cause}`}
  </span>`;
}
