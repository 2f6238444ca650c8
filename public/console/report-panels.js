// @ts-check
import { html } from "/assets/vendor/htm.js";
import { duration, percent, plural, score } from "../shared/format.js";
import { escalationName, outcomeName, transferName } from "../shared/names.js";
import { describeTransfer } from "./live-state.js";
import { formatRoute } from "./route.js";

/** Who spoke how much. @param {{ quality: any }} props */
export function TalkRatio({ quality: { talk_ratio: ratio, words: said } }) {
  if (ratio === null) return null;
  return html`<section class="panel" aria-label="Talk ratio">
    <h3>Talk ratio</h3>
    <p class="talk-ratio" aria-hidden="true"><span style=${{ width: `${ratio * 100}%` }}></span></p>
    <p>The agent spoke ${percent(ratio)} of the words: ${said.assistant} of ${said.assistant + said.user}.</p>
  </section>`;
}

/** The three remarks in a row with the lowest scores. @param {{ lowest: any, onTurn: (number: number) => void }} props */
export function LowestStretch({ lowest, onTurn }) {
  if (lowest === null) return null;
  const { first_turn: first, last_turn: last } = lowest;
  const turns = first === last ? `Turn ${first}` : `Turns ${first} to ${last}`;
  return html`<section class="panel" aria-label="Lowest stretch">
    <h3>Lowest stretch</h3>
    <p>
      ${turns}, ${score(lowest.score)} on average.
      ${" "}<button class="link" onClick=${() => onTurn(first)}>Show it in the transcript</button>
    </p>
  </section>`;
}

/** What came of the call and what it was about; each leads to the calls of its kind. @param {{ report: any }} props */
export function Findings({ report: { outcome, topics } }) {
  if (outcome.name === null && topics.names.length === 0) return null;
  return html`<section class="panel" aria-label="Outcome and topics">
    <h3>Outcome and topics</h3>
    ${
      outcome.name !== null &&
      html`<p>
        <a href=${formatRoute("calls", null, { outcome: outcome.name })}>${outcomeName(outcome.name)}</a>
        ${" "}<span class="muted small">${foundBy(outcome.by)}</span>
      </p>`
    }
    ${
      topics.names.length > 0 &&
      html`<p class="topics">
        ${topics.names.map((/** @type {string} */ name) => html`<a key=${name} class="chip" dir="auto" href=${formatRoute("calls", null, { topic: name })}>${name}</a> `)}
        <span class="muted small">${foundBy(topics.by)}</span>
      </p>`
    }
  </section>`;
}

/** @param {"rules" | "model"} by */
function foundBy(by) {
  return by === "model" ? "found by a model" : "found by rules";
}

/** What the model found after the call. @param {{ summary: any[] | null }} props */
export function CallSummary({ summary }) {
  if (summary === null) return null;
  return html`<section class="panel" aria-label="Summary">
    <h3>Summary <span class="chip">written by a model</span></h3>
    ${summary.map(
      ({ identifier, value, reasoning, confidence }) => html`<div key=${identifier} class="finding">
        <p dir="auto"><b>${value}</b></p>
        <p class="muted small" dir="auto">${[reasoning, `${percent(confidence)} sure`].filter(Boolean).join(" · ")}</p>
      </div>`,
    )}
  </section>`;
}

/** @param {{ variables: Record<string, unknown> }} props */
export function Variables({ variables }) {
  const entries = Object.entries(variables);
  if (entries.length === 0) return null;
  return html`<section class="panel" aria-label="Variables">
    <h3>Variables of the call</h3>
    <dl class="pairs">
      ${entries.map(
        ([name, value]) => html`<div key=${name}>
          <dt>${name}</dt>
          <dd dir="auto">${typeof value === "string" ? value : JSON.stringify(value)}</dd>
        </div>`,
      )}
    </dl>
  </section>`;
}

/** @param {{ escalation: any, reason: string }} props */
export function EscalationPanel({ escalation, reason }) {
  return html`<section class="panel" aria-label="Escalation">
    <h3>Escalation</h3>
    <p>
      At ${duration(escalation.offset_ms)}, ${escalation.same_turn ? "in the answer to" : "after"} the caller's remark ${escalation.utterance},
      because ${escalationName(reason)}: ${transferName(escalation.action)}${escalation.outcome === "socket_closed" && ", but the call ended first"}.
    </p>
    <p class="muted small">${escalation.note}</p>
  </section>`;
}

/** @param {{ errors: any[] }} props */
export function CallErrors({ errors }) {
  if (errors.length === 0) return null;
  return html`<section class="panel" aria-label="Errors">
    <h3>${plural(errors.length, "error")}</h3>
    <ol>
      ${errors.map(({ offset_ms, message }) => html`<li>${duration(offset_ms)} ${message}</li>`)}
    </ol>
  </section>`;
}

/** @param {{ transfers: any[] }} props */
export function Transfers({ transfers }) {
  return html`<section class="panel" aria-label="Transfers">
    <h3>Transfers</h3>
    <ol>
      ${transfers.map(
        (one) =>
          html`<li key=${one.number}>${duration(one.requested_at_ms)} ${describeTransfer({ ...one, tookMs: one.took_ms })}</li>`,
      )}
    </ol>
  </section>`;
}
