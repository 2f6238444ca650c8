// @ts-check
import { html, useEffect, useRef } from "/assets/vendor/htm.js";

/** Asked once in a browser. @param {{ onName: (name: string) => void }} props */
export function AskName({ onName }) {
  const field = useRef(/** @type {HTMLInputElement | null} */ (null));
  useEffect(() => field.current?.focus(), []);
  /** @param {SubmitEvent} event */
  const submit = (event) => {
    event.preventDefault();
    const name = field.current?.value.trim() ?? "";
    if (name !== "") onName(name);
  };
  return html`<form class="notice ask-name" onSubmit=${submit}>
    <label for="me">Your name, as others will see it</label>
    <input
      class="field"
      id="me"
      name="me"
      maxlength="60"
      autocomplete="name"
      required
      ref=${field}
    />
    <button class="button primary">Continue</button>
  </form>`;
}

/** The same over the page; the focus goes back to where it was. @param {{ onName: (name: string) => void, onCancel: () => void }} props */
export function AskNameDialog({ onName, onCancel }) {
  const dialog = useRef(/** @type {HTMLDialogElement | null} */ (null));
  useEffect(() => dialog.current?.showModal(), []);
  /** @param {string} name */
  const answer = (name) => {
    // Before it is taken away, for then nothing would give the focus back.
    dialog.current?.close();
    onName(name);
  };
  return html`<dialog ref=${dialog} aria-label="Your name" onCancel=${onCancel}>
    <${AskName} onName=${answer} />
  </dialog>`;
}
