// @ts-check
import { html, render, useEffect, useRef, useState } from "/assets/vendor/htm.js";
import { SignIn } from "../shared/sign-in.js";
import { authHeader, readToken } from "../shared/token.js";
import { Call } from "./call.js";
import { Ears, findRecogniser } from "./ears.js";
import { measureLevel } from "./level-meter.js";
import { Phone } from "./phone.js";
import { IDLE, talkReducer } from "./talk-state.js";
import { Transcript } from "./transcript.js";

const Recogniser = findRecogniser();
const synth = "speechSynthesis" in window ? window.speechSynthesis : null;

function App() {
  const [state, setState] = useState(IDLE);
  const [microphone, setMicrophone] = useState(Recogniser !== null);
  const [voiceOn, setVoiceOn] = useState(true);
  const [problem, setProblem] = useState("");
  const call = useRef(/** @type {Call | null} */ (null));
  const meter = useRef(/** @type {HTMLElement | null} */ (null));
  const live = state.phase === "connected";

  const dial = () => {
    setProblem("");
    call.current = new Call({
      url: socketUrl(),
      synth,
      dispatch: (action) => setState((before) => talkReducer(before, action)),
      onUnanswered: whyUnanswered,
    });
    call.current.voice.on = voiceOn;
    call.current.voice.unlock();
  };
  const toggleVoice = () => {
    setVoiceOn(!voiceOn);
    if (call.current) call.current.voice.on = !voiceOn;
  };

  useEffect(() => {
    if (!live || !microphone || !Recogniser) return;
    const listening = new AbortController();
    const ears = new Ears(Recogniser, {
      onInterim: (text) => call.current?.hearing(text),
      onFinal: (text) => call.current?.heard(text),
      onSilence: () => call.current?.silence(),
      onProblem: (message) => {
        setProblem(message);
        setMicrophone(false);
      },
    });
    ears.start();
    measureLevel(listening.signal, (level) => {
      meter.current?.style.setProperty("--level", level.toFixed(3));
    }).catch((error) => console.info(`No level meter: ${error.message}`));
    return () => {
      ears.stop();
      listening.abort();
      call.current?.silence();
    };
  }, [live, microphone]);

  return html`
    <header class="bar">
      <h1>Talk to the agent</h1>
      <nav aria-label="Pages"><a href=${state.phase === "connected" ? `/console#/live/${call.current?.callId}` : "/console"} target="_blank" rel="opener">
          ${state.phase === "connected" ? "Watch this call" : "Console"}
        </a></nav>
    </header>
    <main>
      ${
        state.phase === "unauthorised"
          ? html`<${SignIn} what="calls" problem=${state.message} onToken=${dial} />`
          : html`
              <${Phone}
                state=${state}
                meter=${meter}
                microphone=${microphone}
                voiceOn=${voiceOn}
                hasRecogniser=${Recogniser !== null}
                hasVoice=${synth !== null && synth.getVoices().length > 0}
                problem=${problem}
                onDial=${dial}
                onHangUp=${() => call.current?.hangUp()}
                onMicrophone=${() => {
                  setProblem("");
                  setMicrophone(!microphone);
                }}
                onVoice=${toggleVoice}
              />
              <${Transcript} state=${state} />
              <${TextBox} disabled=${!live || state.muted} focus=${!microphone} onSay=${(/** @type {string} */ text) => call.current?.type(text)} />
            `
      }
    </main>
  `;
}

/** @param {{ disabled: boolean, focus: boolean, onSay: (text: string) => void }} props */
function TextBox({ disabled, focus, onSay }) {
  const [text, setText] = useState("");
  const field = useRef(/** @type {HTMLInputElement | null} */ (null));
  useEffect(() => {
    if (!disabled && focus) field.current?.focus();
  }, [disabled, focus]);
  /** @param {SubmitEvent} event */
  const submit = (event) => {
    event.preventDefault();
    if (disabled || text.trim() === "") return;
    onSay(text.trim());
    setText("");
  };
  return html`<form class="text-box" onSubmit=${submit}>
    <label class="visually-hidden" for="words">What you say to the agent</label>
    <input
      class="field"
      id="words"
      ref=${field}
      autocomplete="off"
      placeholder=${disabled ? "Call the agent first, then type here" : "Type what you want to say"}
      value=${text}
      onInput=${(/** @type {InputEvent & { currentTarget: HTMLInputElement }} */ event) => setText(event.currentTarget.value)}
      disabled=${disabled}
    />
    <button class="button primary" disabled=${disabled}>Send</button>
  </form>`;
}

/** A browser cannot give a socket a header, so the token goes into its address. */
function socketUrl() {
  const url = new URL("/ws", location.href);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  const token = readToken();
  if (token) url.searchParams.set("token", token);
  return url.href;
}

/** @returns {Promise<{ phase: "failed" | "unauthorised", message: string }>} */
async function whyUnanswered() {
  try {
    const response = await fetch("/ws", { headers: authHeader() });
    const { status } = response;
    if (status === 401 && readToken() === null) return { phase: "unauthorised", message: "" };
    if (status === 401 || status === 403 || status === 429) {
      const { message } = await response.json();
      return { phase: "unauthorised", message };
    }
    if (status === 503)
      return {
        phase: "failed",
        message: "The server accepts no calls at the moment. Try again in a minute.",
      };
  } catch (error) {
    console.info(`The server cannot be reached: ${error}`);
  }
  return { phase: "failed", message: "The server cannot be reached." };
}

const root = document.getElementById("app");
if (root) render(html`<${App} />`, root);
