// @ts-check
import { html, useEffect, useRef, useState } from "/assets/vendor/htm.js";
import { useDraft } from "./use-draft.js";

/** @typedef {import("./use-acts.js").Action} Action */

/** @type {Partial<Record<Action, string>>} */
const DONE = {
  whisper: "The agent will use this in its next answer.",
  say: "Said to the caller.",
  transfer: "The call is being transferred.",
  end: "The agent says goodbye.",
  take_over: "The agent is muted. Write what you want to say to the caller.",
  hand_back: "The agent answers again.",
  mute: "The agent is muted.",
  unmute: "The agent answers again.",
};

/**
 * The supervisor's hand on the call: beside the agent a note to it, in its place the words to the caller.
 * @param {{ call: import("./live-state.js").LiveCall, allowed: boolean, handedOver: boolean, transferNumber: string | null,
 *   acts: import("./use-acts.js").Acts, desk?: boolean, writer?: { current: ((words: string) => void) | null } | null }} props
 *   `desk`: for whoever speaks with the caller, who neither whispers nor ends the call. `writer`: gets what puts words
 *   into the field
 */
export function SupervisorPanel(props) {
  const { call, allowed, handedOver, transferNumber, acts, desk = false, writer = null } = props;
  const [text, setText] = useDraft(call.id);
  const [confirming, setConfirming] = useState(/** @type {"transfer" | "end" | null} */ (null));
  const field = useRef(/** @type {HTMLTextAreaElement | null} */ (null));
  const taken = call.muted;
  const off = !allowed || call.ended !== null || handedOver;

  useEffect(() => {
    if (off) setConfirming(null);
  }, [off]);

  /** @param {Action} action @param {object} [body] */
  const act = async (action, body) => {
    setConfirming(null);
    const done = await acts.act(action, body, DONE[action]);
    field.current?.focus();
    return done;
  };
  /** @param {"whisper" | "say"} action */
  const send = async (action) => {
    const words = text.trim();
    if (words !== "" && (await act(action, { text: words }))) setText("");
  };
  if (writer) {
    writer.current = (words) => {
      setText(words);
      field.current?.focus();
    };
  }
  const main = taken || desk ? "say" : "whisper";
  /** @param {KeyboardEvent} event */
  const onKey = (event) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    void send(main);
  };

  return html`<section class="panel supervisor ${taken ? "taken" : ""}" aria-label="Supervisor">
    <h3>${taken ? "You speak to the caller" : desk ? "The agent speaks to the caller" : "Supervisor"}</h3>
    ${
      !allowed &&
      html`<p class="notice small">
        These buttons are off because anybody who reaches this server could use them. Set <code>AUTH_TOKEN</code> on the server to turn them on.
      </p>`
    }
    ${handedOver && !call.ended && html`<p class="notice small">The call has been handed over. You can no longer steer it from here.</p>`}
    <label for="words">${taken || desk ? "What you say to the caller" : "What you tell the agent"}</label>
    <textarea
      class="field"
      id="words"
      ref=${field}
      rows="2"
      dir="auto"
      maxlength="1000"
      value=${text}
      disabled=${off}
      onKeyDown=${onKey}
      onInput=${(/** @type {Event & { currentTarget: HTMLTextAreaElement }} */ event) => setText(event.currentTarget.value)}
    ></textarea>
    <div class="buttons">
      ${
        !taken &&
        !desk &&
        html`<button class="button primary" disabled=${off} title="The agent uses it in its next answer; the caller does not hear it (Ctrl+Enter)" onClick=${() => void send("whisper")}>
          Whisper to agent
        </button>`
      }
      <button class="button ${main === "say" ? "primary" : ""}" disabled=${off} title=${`The caller hears exactly these words now${main === "say" ? " (Ctrl+Enter)" : ""}`} onClick=${() => void send("say")}>
        Say to caller
      </button>
      ${
        taken
          ? html`<button key="back" class="button" disabled=${off} onClick=${() => void act("hand_back")}>Hand back to the agent</button>`
          : html`<button key="take" class="button" disabled=${off} title="Mutes the agent; you speak to the caller" onClick=${() => void act("take_over")}>Take over</button>`
      }
      ${
        !desk &&
        html`<button
          class="button"
          disabled=${off || transferNumber === null}
          title=${transferNumber === null ? "There is no number to transfer to: set TRANSFER_NUMBER on the server" : undefined}
          onClick=${() => setConfirming("transfer")}
        >
          Transfer${transferNumber === null ? "" : ` to ${transferNumber}`}…
        </button>
        <button class="button danger" disabled=${off} onClick=${() => setConfirming("end")}>End call…</button>`
      }
    </div>
    ${
      confirming &&
      !off &&
      html`<div class="notice warn" role="group" aria-label="Please confirm">
        <p>${confirming === "end" ? "End this call for the caller?" : `Transfer this caller to ${transferNumber}?`}</p>
        <div class="buttons">
          <button class="button danger" onClick=${() => void act(confirming)}>Yes, ${confirming}</button>
          <button class="button" onClick=${() => setConfirming(null)}>Cancel</button>
        </div>
      </div>`
    }
    <p class="small outcome ${acts.outcome.failed ? "failed" : "muted"}" role="status">${acts.outcome.message}</p>
  </section>`;
}
