// @ts-check
import { html, useState } from "/assets/vendor/htm.js";
import { ApiError, post } from "./api.js";

/** @typedef {"whisper" | "say" | "transfer" | "end" | "mute" | "unmute"} Action */

/** @type {Record<Action, string>} */
const DONE = {
  whisper: "The agent has your note for its next answer.",
  say: "The agent says it now.",
  transfer: "The call is being transferred.",
  end: "The agent says goodbye.",
  mute: "The agent is silent.",
  unmute: "The agent answers again.",
};

/**
 * The supervisor's hand on the call.
 * @param {{ call: import("./live-state.js").LiveCall, allowed: boolean, onUnauthorised: (problem: string) => void }} props
 */
export function SupervisorPanel({ call, allowed, onUnauthorised }) {
  const [text, setText] = useState("");
  const [outcome, setOutcome] = useState({ failed: false, message: "" });
  const [asking, setAsking] = useState(/** @type {"transfer" | "end" | null} */ (null));
  const off = !allowed || call.ended !== null;

  /** @param {Action} action @param {object} [body] */
  const act = async (action, body) => {
    setAsking(null);
    try {
      await post(`/live/${encodeURIComponent(call.id)}/${action}`, body);
      if (body) setText("");
      setOutcome({ failed: false, message: DONE[action] });
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (error.status === 401) onUnauthorised(error.message);
      setOutcome({ failed: true, message: error.message });
    }
  };
  /** @param {SubmitEvent} event */
  const submit = (event) => {
    event.preventDefault();
    if (text.trim() === "") return;
    const action = event.submitter?.getAttribute("value") === "say" ? "say" : "whisper";
    void act(action, { text: text.trim() });
  };

  return html`<section class="panel supervisor" aria-label="Supervisor">
    <h3>Supervisor</h3>
    ${
      !allowed &&
      html`<p class="notice small">
        These are off: anybody who reaches this server could use them. Set <code>AUTH_TOKEN</code> on the server to steer calls.
      </p>`
    }
    <form onSubmit=${submit}>
      <label for="words">Words for the agent</label>
      <textarea
        class="field"
        id="words"
        rows="2"
        maxlength="1000"
        value=${text}
        disabled=${off}
        onInput=${(/** @type {Event & { currentTarget: HTMLTextAreaElement }} */ event) => setText(event.currentTarget.value)}
      ></textarea>
      <div class="buttons">
        <button class="button primary" value="whisper" disabled=${off} title="Into the agent's next prompt; the caller never hears it">
          Whisper
        </button>
        <button class="button" value="say" disabled=${off} title="The agent says exactly this to the caller, now">Say to caller</button>
      </div>
    </form>
    <div class="buttons">
      <button class="button" disabled=${off} aria-pressed=${String(call.muted)} onClick=${() => act(call.muted ? "unmute" : "mute")}>
        ${call.muted ? "Unmute agent" : "Mute agent"}
      </button>
      <button class="button" disabled=${off} onClick=${() => setAsking("transfer")}>Transfer…</button>
      <button class="button danger" disabled=${off} onClick=${() => setAsking("end")}>End call…</button>
    </div>
    ${
      asking &&
      !off &&
      html`<div class="notice warn" role="group" aria-label="Please confirm">
        <p>${asking === "end" ? "End this call for the caller?" : "Transfer this caller to the configured number?"}</p>
        <div class="buttons">
          <button class="button danger" onClick=${() => act(asking)}>Yes, ${asking}</button>
          <button class="button" onClick=${() => setAsking(null)}>Cancel</button>
        </div>
      </div>`
    }
    <p class="small outcome ${outcome.failed ? "failed" : "muted"}" role="status">${outcome.message}</p>
  </section>`;
}
