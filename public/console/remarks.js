// @ts-check
import { html, useEffect, useRef, useState } from "/assets/vendor/htm.js";
import { when } from "../shared/time.js";
import { formatRoute } from "./route.js";

/**
 * @typedef {import("./use-review.js").Review} Review
 * @typedef {import("./use-review.js").Remark} Remark
 */

/** Longest label, characters. */
const MAX_LABEL = 60;

/** Labels and notes on the call as a whole. @param {{ review: Review }} props */
export function CallRemarks({ review }) {
  const remarks = review.remarks.filter(({ turn }) => turn === null);
  return html`<section class="panel" aria-label="Labels and notes">
    <h3>Labels and notes</h3>
    ${remarks.length === 0 && html`<p class="muted small">This call has no labels or notes.</p>`}
    <${RemarkList} remarks=${remarks} review=${review} />
    ${review.canReview && review.keepsWords && html`<${Writer} turn=${null} name="the call" review=${review} />`}
    ${!review.keepsWords && html`<p class="muted small">This server does not record words (<code>RECORD_TEXT=none</code>), so you cannot write notes.</p>`}
  </section>`;
}

/** Those on a turn, below what was said. @param {{ number: number, review: Review }} props */
export function TurnRemarks({ number, review }) {
  const remarks = review.remarks.filter(({ turn }) => turn === number);
  return html`<${RemarkList} remarks=${remarks} review=${review} />
    ${review.canReview && review.keepsWords && html`<${Writer} turn=${number} name=${`turn ${number}`} review=${review} />`}`;
}

/** @param {{ remarks: readonly Remark[], review: Review }} props */
function RemarkList({ remarks, review }) {
  const [problem, setProblem] = useState("");
  if (remarks.length === 0 && !problem) return null;
  /** @param {Remark} remark */
  const remove = async ({ id }) => setProblem((await review.send("DELETE", `remarks/${id}`, {})) ?? "");
  return html`<ul class="remarks small">
    ${remarks.map((remark) => {
      const { id, kind, text, by, at } = remark;
      return html`<li key=${id} title=${when(at)}>
        ${
          kind === "label"
            ? html`<a class="chip" dir="auto" href=${formatRoute("calls", null, { tag: text })}>${text}</a>`
            : html`<span class="comment" dir="auto">${text}</span>`
        }
        <bdi class="muted">${review.mine(by) ? "you" : by}</bdi>
        ${
          review.canReview &&
          (review.mine(by) || review.canManage) &&
          html`<button class="link" aria-label=${`Delete the ${kind} “${text}”`} onClick=${() => void remove(remark)}>Delete</button>`
        }
      </li>`;
    })}
    ${problem && html`<li class="outcome failed" role="alert">${problem}</li>`}
  </ul>`;
}

/** @param {{ turn: number | null, name: string, review: Review }} props */
function Writer({ turn, name, review }) {
  const [open, setOpen] = useState(false);
  const [text, setText] = useState("");
  const [problem, setProblem] = useState("");
  const opener = useRef(/** @type {HTMLButtonElement | null} */ (null));
  const field = useRef(/** @type {HTMLTextAreaElement | null} */ (null));
  const wasOpen = useRef(false);
  useEffect(() => {
    if (open) field.current?.focus();
    else if (wasOpen.current) opener.current?.focus();
    wasOpen.current = open;
  }, [open]);
  const close = () => {
    setOpen(false);
    setText("");
    setProblem("");
  };
  /** @param {"label" | "note"} kind */
  const add = async (kind) => {
    if (text.trim() === "") return;
    const failure = await review.send("POST", "remarks", { kind, text, turn });
    if (failure === null) close();
    else setProblem(failure);
  };
  /** @param {KeyboardEvent} event */
  const onKey = (event) => {
    if (event.key === "Escape" && text.trim() === "") close();
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    void add("note");
  };
  if (!open) {
    return html`<button class="link small write" ref=${opener} aria-label=${`Write a note or a label on ${name}`} onClick=${() => setOpen(true)}>
      ${turn === null ? "Note or label" : "Note"}
    </button>`;
  }
  return html`<div class="writer" role="group" aria-label=${`Note or label on ${name}`} onKeyDown=${onKey}>
    <textarea
      class="field"
      rows="2"
      dir="auto"
      maxlength="2000"
      aria-label=${`Note or label on ${name}`}
      value=${text}
      ref=${field}
      onInput=${(/** @type {Event & { currentTarget: HTMLTextAreaElement }} */ event) => setText(event.currentTarget.value)}
    ></textarea>
    <div class="buttons">
      <button class="button small primary" title="Ctrl+Enter" onClick=${() => void add("note")}>Save as note</button>
      <button class="button small" title="A word or two by which you can find calls" disabled=${text.trim().length > MAX_LABEL} onClick=${() => void add("label")}>
        Save as label
      </button>
      <button class="button small" onClick=${close}>Cancel</button>
    </div>
    ${problem && html`<p class="small outcome failed" role="alert">${problem}</p>`}
  </div>`;
}
