// @ts-check
import { html, useState } from "/assets/vendor/htm.js";
import { ApiError } from "./api.js";
import { download } from "./download.js";

const FORMATS = /** @type {const} */ ([
  ["csv", "CSV"],
  ["jsonl", "JSON"],
]);

/** Every call that the filter in force lets through, as a file. @param {{ parameters: URLSearchParams }} props */
export function ExportButtons({ parameters }) {
  const [state, setState] = useState(
    /** @type {{ busy: boolean, problem: string | null }} */ ({ busy: false, problem: null }),
  );
  /** @param {string} format */
  const save = async (format) => {
    setState({ busy: true, problem: null });
    try {
      await download(`/calls.${format}?${parameters}`, `calls.${format}`);
      setState({ busy: false, problem: null });
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      setState({ busy: false, problem: error.message });
    }
  };
  return html`<span class="exports" role="group" aria-label="Export these calls">
    <span class="small" role="status">${state.busy ? "Exporting…" : state.problem}</span>
    ${FORMATS.map(
      ([format, name]) =>
        html`<button key=${format} type="button" class="button" disabled=${state.busy} onClick=${() => save(format)}>Export ${name}</button>`,
    )}
  </span>`;
}
