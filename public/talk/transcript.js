// @ts-check
import { html } from "/assets/vendor/htm.js";
import { milliseconds } from "../shared/format.js";
import { VerdictChip } from "../shared/verdict-chip.js";

/** @param {{ state: import("./talk-state.js").TalkState }} props */
export function Transcript({ state }) {
  const empty = state.lines.length === 0;
  return html`<section class="transcript" tabindex="0" aria-label="Transcript">
    <div>
    ${empty && html`<p class="muted empty">Here you see what you and the agent say, and the mood of everything you say.</p>`}
    <div role="log" aria-live="polite"><ol>
      ${state.lines.map((line) => html`<${Line} key=${line.id} line=${line} />`)}
    </ol></div>
    ${state.interim && html`<p class="line caller interim" dir="auto">${state.interim}…</p>`}
    </div>
  </section>`;
}

/** @param {{ line: import("./talk-state.js").Line }} props */
function Line({ line }) {
  switch (line.who) {
    case "note":
      return html`<li class="note"><span class="chip ${line.tone}" dir="auto">${line.text}</span></li>`;
    case "caller":
      return html`<li class="line caller" dir="auto">
        <span class="visually-hidden">You: </span>${line.text}
        ${line.verdict && html`<span class="verdict"><${VerdictChip} ...${line.verdict} /></span>`}
      </li>`;
    case "agent":
      return html`<li class="line agent" dir="auto">
        <span class="visually-hidden">Agent: </span>${line.spoken ?? line.text}
        ${line.spoken !== null && html`<${Unsaid} text=${line.text.slice(line.spoken.length)} />`}
        ${line.replyMs !== null && html`<span class="reply muted">after ${milliseconds(line.replyMs)}</span>`}
      </li>`;
  }
}

/** @param {{ text: string }} props */
function Unsaid({ text }) {
  return html`<span class="unsaid"><span class="visually-hidden">, interrupted; not said: </span>${text}</span>`;
}
