// @ts-check
import { html, useState } from "/assets/vendor/htm.js";
import { ApiError, request } from "./api.js";

/**
 * Saves the call as a scenario file for a rehearsal.
 * @param {{ id: string, onUnauthorised: (problem: string) => void }} props
 */
export function SaveScenario({ id, onUnauthorised }) {
  const [problem, setProblem] = useState("");
  const save = async () => {
    setProblem("");
    try {
      const response = await request(`/calls/${encodeURIComponent(id)}/scenario`);
      download(await response.blob(), `call_${id.slice(0, 8)}.yaml`);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (error.wantsToken) onUnauthorised(error.message);
      else setProblem(error.message);
    }
  };
  return html`<button type="button" onClick=${save}>Save as scenario</button>
    ${problem && html`<span class="muted" role="alert">${problem}</span>`}`;
}

/** @param {Blob} blob @param {string} name */
function download(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}
