// @ts-check
import { html } from "/assets/vendor/htm.js";

/** @typedef {{ answers: Record<string, string>, comment: string }} Filled */

const CHOICES = {
  yes_no: /** @type {const} */ ([
    ["yes", "Yes"],
    ["no", "No"],
    ["not_applicable", "Does not apply"],
  ]),
  scale: /** @type {const} */ ([
    ["1", "1"],
    ["2", "2"],
    ["3", "3"],
    ["4", "4"],
    ["5", "5"],
    ["not_applicable", "Does not apply"],
  ]),
};

/**
 * The questions of the form, each with its answers side by side; arrow keys choose.
 * @param {{ form: import("./use-review.js").Form, filled: Filled, keepsWords: boolean, onChange: (filled: Filled) => void,
 *   onSave: (filled: Filled) => void, onCancel: () => void }} props
 */
export function ScoreForm({ form, filled, keepsWords, onChange, onSave, onCancel }) {
  const { answers, comment } = filled;
  /** @param {SubmitEvent} event */
  const submit = (event) => {
    event.preventDefault();
    // A draft may be older than the form.
    const asked = form.questions.flatMap(({ id }) => (answers[id] ? [[id, answers[id]]] : []));
    onSave({ answers: Object.fromEntries(asked), comment });
  };
  return html`<form class="score-form" aria-label=${form.name} onSubmit=${submit}>
    <p class="muted small">${form.name}. 1 is worst, 5 is best.</p>
    ${form.questions.map(
      ({ id, text, type }) => html`<fieldset key=${id}>
        <legend>${text}</legend>
        <div class="choices">
          ${CHOICES[type].map(
            ([value, name]) => html`<label key=${value}>
              <input type="radio" name=${id} value=${value} checked=${answers[id] === value}
                onChange=${() => onChange({ answers: { ...answers, [id]: value }, comment })} />
              <span>${name}</span>
            </label>`,
          )}
        </div>
      </fieldset>`,
    )}
    ${
      keepsWords &&
      html`<label>Comment
        <textarea class="field" rows="2" maxlength="5000" dir="auto" value=${comment}
          onInput=${(/** @type {Event & { currentTarget: HTMLTextAreaElement }} */ event) => onChange({ answers, comment: event.currentTarget.value })}></textarea>
      </label>`
    }
    <div class="buttons">
      <button class="button primary">Save the score</button>
      <button class="button" type="button" onClick=${onCancel}>Cancel</button>
    </div>
  </form>`;
}
