// @ts-check
import { html, useState } from "/assets/vendor/htm.js";
import { plural, words } from "../shared/format.js";
import { useKept } from "../shared/kept.js";
import { ScoreForm } from "./score-form.js";

/**
 * @typedef {import("./use-review.js").Review} Review
 * @typedef {import("./use-review.js").Scorecard} Scorecard
 * @typedef {import("./use-review.js").Form} Form
 */

/** What a call was scored, by whom and why, and the form to score it by. @param {{ id: string, review: Review }} props */
export function Scorecards({ id, review }) {
  const { form, scorecards, canReview } = review;
  const [open, setOpen] = useState(false);
  const mine = scorecards.find(({ source, by }) => source === "person" && review.mine(by));
  const [draft, setDraft] = useKept(
    `voice-agent-score ${id}`,
    /** @type {{ answers: Record<string, string>, comment: string } | null} */ (null),
    sessionStorage,
  );
  const [problem, setProblem] = useState("");
  // A draft that was left behind is shown where its author left it.
  const shown = canReview && (open || draft !== null);
  const own = mine && mine.form === form.name ? { answers: mine.answers, comment: mine.comment } : null;
  const filled = draft ?? own ?? { answers: {}, comment: "" };

  /** @param {object} body */
  const send = async (body) => {
    const failure = await review.send("PUT", "scorecard", body);
    setProblem(failure ?? "");
    if (failure !== null) return;
    setDraft(null);
    setOpen(false);
  };
  const cancel = () => {
    setDraft(null);
    setOpen(false);
    setProblem("");
  };
  return html`<section class="panel" aria-label="Score of the call">
    <h3>Score of the call</h3>
    ${scorecards.length === 0 && !shown && html`<p class="muted small">Nobody has scored this call.</p>`}
    <ul class="scorecards">
      ${scorecards.map(
        (card) =>
          html`<li key=${`${card.source} ${card.by}`}>
            <${Card} card=${card} form=${form} mine=${card === mine} onAdopt=${canReview && card.form === form.name && card.source === "model" ? () => setDraft({ answers: card.answers, comment: own?.comment ?? "" }) : null} />
          </li>`,
      )}
    </ul>
    ${
      canReview &&
      !shown &&
      html`<div class="buttons">
        <button class="button small" onClick=${() => setOpen(true)}>${mine ? "Change your score" : "Score this call"}</button>
        ${mine && html`<button class="button small" onClick=${() => void send({ answers: null })}>Take it back</button>`}
      </div>`
    }
    ${shown && html`<${ScoreForm} form=${form} filled=${filled} keepsWords=${review.keepsWords} onChange=${setDraft} onSave=${send} onCancel=${cancel} />`}
    ${problem && html`<p class="small outcome failed" role="alert">${problem}</p>`}
  </section>`;
}

/** @param {{ card: Scorecard, form: Form, mine: boolean, onAdopt: (() => void) | null }} props */
function Card({ card, form, mine, onAdopt }) {
  const { by, source, answers, reasons, comment, score } = card;
  const other = card.form !== form.name;
  const given = Object.entries(answers);
  const text = (/** @type {string} */ id) =>
    (other ? undefined : form.questions.find((one) => one.id === id))?.text ?? words(id);
  return html`<details>
    <summary>
      <b>${score === null ? "–" : `${score} of 100`}</b>
      ${" "}${source === "model" ? html`<span class="chip warn">proposed by a model</span> <bdi class="muted">${by}</bdi>` : html`<bdi>${mine ? "you" : by}</bdi>`}
      ${other && html` <span class="chip">${card.form}</span>`}
    </summary>
    <dl class="answers small">
      ${given.map(
        ([id, answer]) => html`<div key=${id}>
          <dt>${text(id)}</dt>
          <dd><b>${words(answer)}</b>${reasons[id] && html` <span class="muted" dir="auto">${reasons[id]}</span>`}</dd>
        </div>`,
      )}
    </dl>
    ${!other && given.length < form.questions.length && html`<p class="muted small">${plural(form.questions.length - given.length, "question")} not answered</p>`}
    ${comment && html`<p class="small comment" dir="auto">${comment}</p>`}
    ${onAdopt && html`<div class="buttons"><button class="button small" onClick=${onAdopt}>Start from this proposal</button></div>`}
  </details>`;
}
