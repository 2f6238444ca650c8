// @ts-check
import { html } from "/assets/vendor/htm.js";
import { Duration } from "../shared/duration.js";
import { milliseconds, plural } from "../shared/format.js";

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
  return html`<section class="phone ${inCall || state.lines.length > 0 ? "flat" : ""}" aria-label="Call">
    <div class="lamp ${lampOf(state)}" ref=${meter} aria-hidden="true"><i></i><i></i><i></i><i></i><i></i></div>
    <p class="status" role="status">${statusOf(state, microphone)}</p>
    <p class="muted timer">
      ${state.since === null ? " " : html`<${Duration} from=${state.since} to=${state.until} />`}
    </p>
    ${state.message && html`<p class="notice ${state.phase === "failed" ? "alert" : ""}">${state.message}</p>`}
    <${After} state=${state} />
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

/** What is left of a call that is over: how quick the answers were, and where it is told in full. @param {{ state: TalkState }} props */
function After({ state: { until, since, callId, replies } }) {
  if (until === null || since === null || callId === null) return null;
  const mean = replies.reduce((sum, each) => sum + each, 0) / replies.length;
  return html`<p class="after">
    ${
      replies.length > 0 &&
      html`<span>
        ${plural(replies.length, "answer")}, the first words after ${milliseconds(mean)}${
          replies.length > 1 && ` on average, ${milliseconds(Math.max(...replies))} at most`
        }.${" "}
      </span>`
    }
    <a href=${`/console#/calls/${callId}`} target="_blank" rel="opener">Report of this call</a>
  </p>`;
}

/** What goes wrong, and what this browser cannot do, said plainly. @param {PhoneProps} props */
function Limits({ state, hasRecogniser, hasVoice, problem }) {
  return html`
    ${state.silent && html`<p class="notice alert" role="alert">The server does not answer. The call continues if it comes back within ten seconds.</p>`}
    ${state.draining && html`<p class="notice warn" role="alert">The server is about to shut down. Please finish the call soon.</p>`}
    ${problem && state.until === null && html`<p class="notice warn" role="alert">${problem}</p>`}
    ${state.muted && html`<p class="notice warn" role="alert">The agent has muted you. It cannot hear you now.</p>`}
    ${
      !hasRecogniser &&
      html`<p class="notice small limit">This browser has no speech recognition. Type what you want to say.</p>`
    }
    ${!hasVoice && html`<p class="notice small limit">This browser has no voice installed. You can read the answers.</p>`}
  `;
}

/** @param {TalkState} state @param {boolean} microphone */
function statusOf({ phase, interim, talking, thinking, muted, silent }, microphone) {
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
      if (silent) return "Line lost";
      if (muted) return "You are muted";
      if (interim) return "Hearing you";
      if (talking) return "The agent is speaking";
      if (thinking) return "The agent is thinking";
      return microphone ? "Listening" : "Your turn";
  }
}

/** @param {TalkState} state */
function lampOf({ phase, interim, talking, thinking, silent }) {
  if (phase !== "connected") return phase;
  if (silent) return "failed";
  if (interim) return "hearing";
  if (talking) return "talking";
  return thinking ? "thinking" : "listening";
}
