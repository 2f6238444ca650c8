// @ts-check
import { html, useState } from "/assets/vendor/htm.js";
import { ApiError } from "./api.js";
import { download } from "./download.js";

/**
 * Saves the call as a scenario file for a rehearsal.
 * @param {{ id: string, onUnauthorised: (problem: string) => void }} props
 */
export function SaveScenario({ id, onUnauthorised }) {
  const [problem, setProblem] = useState("");
  const save = async () => {
    setProblem("");
    try {
      await download(`/calls/${encodeURIComponent(id)}/scenario`, `call_${id.slice(0, 8)}.yaml`);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (error.wantsToken) onUnauthorised(error.message);
      else setProblem(error.message);
    }
  };
  return html`<button type="button" class="button" onClick=${save}>Save as scenario</button>
    ${problem && html`<span class="muted" role="alert">${problem}</span>`}`;
}
