// @ts-check
import { html } from "/assets/vendor/htm.js";
import { Duration } from "../shared/duration.js";

/**
 * @typedef {import("./talk-state.js").TalkState} TalkState
 * @typedef {{
 *   state: TalkState, meter: { current: HTMLElement | null }, microphone: boolean, voiceOn: boolean,
 *   hasRecogniser: boolean, hasVoice: boolean, problem: string,
 *   onDial: () => void, onHangUp: () => void, onMicrophone: () => void, onVoice: () => void,
 * }} PhoneProps
 */

/** The upper half of the page: how the call stands, and the buttons a phone has. @param {PhoneProps} props */
export function Phone(props) {
  const { state, meter, microphone, voiceOn } = props;
  const inCall = state.phase === "connected" || state.phase === "dialling";
  return html`<section class="phone" aria-label="Call">
    <div class="lamp ${lampOf(state)}" ref=${meter} aria-hidden="true"><i></i><i></i><i></i><i></i><i></i></div>
    <p class="status" role="status">${statusOf(state, microphone)}</p>
    <p class="muted timer">
      ${state.since === null ? " " : html`<${Duration} from=${state.since} to=${state.until} />`}
    </p>
    ${state.message && html`<p class="notice ${state.phase === "failed" ? "alert" : ""}">${state.message}</p>`}
    <div class="buttons">
      ${
        inCall
          ? html`<button key="hang-up" class="button danger" onClick=${props.onHangUp}>Hang up</button>`
          : html`<button key="dial" class="button primary" onClick=${props.onDial}>
              ${state.phase === "idle" ? "Call the agent" : "Call again"}
            </button>`
      }
      <button
        class="button"
        aria-pressed=${String(microphone)}
        disabled=${!props.hasRecogniser}
        onClick=${props.onMicrophone}
      >
        Microphone ${microphone ? "on" : "off"}
      </button>
      <button class="button" aria-pressed=${String(voiceOn && props.hasVoice)} disabled=${!props.hasVoice} onClick=${props.onVoice}>
        Voice ${voiceOn && props.hasVoice ? "on" : "off"}
      </button>
    </div>
    <${Limits} ...${props} />
  </section>`;
}

/** What this browser cannot do, said plainly. @param {PhoneProps} props */
function Limits({ state, hasRecogniser, hasVoice, problem }) {
  return html`
    ${problem && html`<p class="notice warn" role="alert">${problem}</p>`}
    ${state.muted && html`<p class="notice warn" role="alert">The agent has muted you. It cannot hear you now.</p>`}
    ${
      !hasRecogniser &&
      html`<p class="notice small">This browser has no speech recognition. Type below what you would say.</p>`
    }
    ${!hasVoice && html`<p class="notice small">This browser has no voice installed. The answers are shown only.</p>`}
  `;
}

/** @param {TalkState} state @param {boolean} microphone */
function statusOf({ phase, interim, talking, thinking, muted }, microphone) {
  switch (phase) {
    case "idle":
      return "Ready to call";
    case "dialling":
      return "Calling…";
    case "transferred":
      return "Transferred";
    case "ended":
      return "Call ended";
    case "failed":
      return "Call failed";
    case "unauthorised":
      return "Not signed in";
    case "connected":
      if (muted) return "You are muted";
      if (interim) return "Hearing you";
      if (talking) return "The agent is speaking";
      if (thinking) return "The agent is thinking";
      return microphone ? "Listening" : "Your turn";
  }
}

/** @param {TalkState} state */
function lampOf({ phase, interim, talking, thinking }) {
  if (phase !== "connected") return phase;
  if (interim) return "hearing";
  if (talking) return "talking";
  return thinking ? "thinking" : "listening";
}
