// @ts-check
import { html, useEffect, useRef, useState } from "/assets/vendor/htm.js";
import { isMine } from "./in-hand.js";
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
};

/**
 * The supervisor's hand on the call: beside the agent a note to it, in its place the words to the caller.
 * @param {{ call: import("./live-state.js").LiveCall, you: string | null, allowed: boolean, handedOver: boolean,
 *   transferNumber: string | null, acts: import("./use-acts.js").Acts, steers?: boolean, desk?: boolean,
 *   writer?: { current: ((words: string) => void) | null } | null }} props `you`: the name of one's token. `steers`: may
 *   transfer and end the call. `desk`: for whoever speaks with the caller, who does not whisper. `writer`: gets what puts
 *   words into the field
 */
export function SupervisorPanel(props) {
  const {
    call,
    you,
    allowed,
    handedOver,
    transferNumber,
    acts,
    steers = true,
    desk = false,
    writer = null,
  } = props;
  const draft = useDraft(call.id);
  const [confirming, setConfirming] = useState(/** @type {"transfer" | "end" | null} */ (null));
  const field = useRef(/** @type {HTMLTextAreaElement | null} */ (null));
  const taken = call.muted;
  /** Nobody steers it any more. */
  const over = call.ended !== null || handedOver;
  /** Who speaks to the caller, if that is somebody else: two at once would confuse the caller. */
  const other = taken && !isMine(call, you) ? call.holder : null;
  const silent = over || other !== null;
  const off = !allowed || silent;

  useEffect(() => {
    if (off) setConfirming(null);
    // The field or the button that had the focus is gone.
    if (silent && document.activeElement === document.body) document.getElementById("content")?.focus();
  }, [off, silent]);

  /** @param {Action} action @param {object} [body] */
  const act = async (action, body) => {
    setConfirming(null);
    const done = await acts.act(action, body, DONE[action]);
    field.current?.focus();
    return done;
  };
  /** @param {"whisper" | "say"} action */
  const send = async (action) => {
    const words = draft.text.trim();
    if (!off && words !== "" && (await act(action, { text: words }))) draft.sent(words);
  };
  if (writer) {
    writer.current = (words) => {
      draft.add(words);
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
  const cancel = () => {
    setConfirming(null);
    field.current?.focus();
  };

  const { failed, message } = acts.outcome;
  const used = call.supervisor.findLast(({ action }) => action === "whisper")?.used ?? false;
  const outcome = message === DONE.whisper && used ? "The agent has used this in its answer." : message;

  // The page says so already.
  if (call.ended && draft.text === "") return null;
  return html`<section
    class="panel supervisor ${taken && !silent ? "taken" : ""}"
    aria-label="Supervisor"
    onKeyDown=${(/** @type {KeyboardEvent} */ { key }) => key === "Escape" && confirming && cancel()}
  >
    <h3>${titleOf(call, { handedOver, other, desk })}</h3>
    ${
      !allowed &&
      html`<p class="notice small">
        These buttons are off because anybody who reaches this server could use them. Set <code>AUTH_TOKEN</code> on the server to turn them on.
      </p>`
    }
    ${handedOver && !call.ended && html`<p class="notice small">You can no longer steer it from here.</p>`}
    ${
      // What is half written stays to be read.
      (!silent || draft.text !== "") &&
      html`<label for="words">${silent ? "What you have written" : main === "say" ? "What you say to the caller" : "What you tell the agent"}</label>
        <textarea
          class="field"
          id="words"
          ref=${field}
          rows="2"
          dir="auto"
          maxlength="1000"
          value=${draft.text}
          readonly=${silent}
          disabled=${!allowed}
          onKeyDown=${onKey}
          onInput=${(/** @type {Event & { currentTarget: HTMLTextAreaElement }} */ event) => draft.write(event.currentTarget.value)}
        ></textarea>`
    }
    ${
      !over &&
      html`<div class="buttons">
        ${
          !taken &&
          !desk &&
          html`<button class="button primary" disabled=${off} title="The agent uses it in its next answer; the caller does not hear it (Ctrl+Enter)" onClick=${() => void send("whisper")}>
            Whisper to agent
          </button>`
        }
        ${
          other === null &&
          html`<button class="button ${main === "say" ? "primary" : ""}" disabled=${off} title=${`The caller hears exactly these words now${main === "say" ? " (Ctrl+Enter)" : ""}`} onClick=${() => void send("say")}>
            Say to caller
          </button>`
        }
        ${
          taken && other === null
            ? html`<button key="back" class="button" disabled=${off} onClick=${() => void act("hand_back")}>Hand back to the agent</button>`
            : html`<button key="take" class="button" disabled=${!allowed} title="Mutes the agent; you speak to the caller" onClick=${() => void act("take_over")}>
                Take over${other !== null && ` from ${other}`}
              </button>`
        }
        ${
          steers &&
          other === null &&
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
      </div>`
    }
    ${
      confirming &&
      !off &&
      html`<div class="notice warn" role="group" aria-label="Please confirm">
        <p>${confirming === "end" ? "End this call for the caller?" : `Transfer this caller to ${transferNumber}?`}</p>
        <div class="buttons">
          <button class="button danger" onClick=${() => void act(confirming)}>Yes, ${confirming}</button>
          <button class="button" onClick=${cancel}>Cancel</button>
        </div>
      </div>`
    }
    <p class="small outcome ${failed ? "failed" : "muted"}" role="status">${(!silent || failed) && outcome}</p>
  </section>`;
}

/**
 * Who speaks to the caller.
 * @param {import("./live-state.js").LiveCall} call
 * @param {{ handedOver: boolean, other: string | null, desk: boolean }} now
 */
function titleOf({ ended, muted, holder }, { handedOver, other, desk }) {
  if (ended) return "The call has ended";
  if (handedOver) return "The call has been handed over";
  if (other !== null) return `${other} speaks to the caller`;
  if (muted)
    return holder === null
      ? "The agent is muted, and nobody speaks to the caller"
      : "You speak to the caller";
  return desk ? "The agent speaks to the caller" : "Supervisor";
}
