// @ts-check
import { html, useEffect, useRef } from "/assets/vendor/htm.js";
import { useKept } from "../shared/kept.js";
import { isInHand, urgency } from "./attention.js";
import { nameOf } from "./name-of.js";

/** @typedef {{ call: import("./live-state.js").LiveCall, needs: readonly import("./attention.js").Need[] }} Entry */

const SOUND = "voice-agent-sound";
const NOTICE = "voice-agent-notice";
/** What a call's weightiest need weighs at least for a call to be counted, heard and announced. */
const URGENT = 200;

/** The calls that want somebody now and have nobody. @param {readonly Entry[]} entries */
export function callingForHelp(entries) {
  return entries.filter(({ call, needs }) => !isInHand(call) && urgency(call, needs) >= URGENT);
}

/** Sounds and notifies, as the reader has chosen, when one more call wants somebody. @param {readonly Entry[]} entries */
export function useAlarms(entries) {
  const known = useRef(/** @type {Set<string> | null} */ (null));
  const calling = callingForHelp(entries);
  useEffect(() => {
    const before = known.current;
    known.current = new Set(calling.map(({ call }) => call.id));
    // What was there when the page was opened is on it.
    const fresh = before ? calling.filter(({ call }) => !before.has(call.id)) : [];
    if (fresh.length === 0) return;
    if (localStorage.getItem(SOUND) === "true") beep();
    if (localStorage.getItem(NOTICE) === "true" && canNotify() && Notification.permission === "granted") {
      for (const { call, needs } of fresh.slice(0, 3)) notify(call, needs[0]?.text ?? "");
    }
  }, [calling.map(({ call }) => call.id).join(" ")]);
}

/** Whether a call that wants somebody is heard and announced. */
export function AlarmChoices() {
  const [sound, setSound] = useKept(SOUND, false);
  const [notice, setNotice] = useKept(NOTICE, false);
  const askToNotify = async () => {
    setNotice(!notice && (await Notification.requestPermission()) === "granted");
  };
  return html`<div class="alarms" role="group" aria-label="When a call needs help">
    <button
      class="button small"
      aria-pressed=${String(sound)}
      onClick=${() => {
        setSound(!sound);
        if (!sound) beep();
      }}
    >
      Sound ${sound ? "on" : "off"}
    </button>
    ${
      canNotify() &&
      html`<button class="button small" aria-pressed=${String(notice)} onClick=${() => void askToNotify()}>
        Notifications ${notice ? "on" : "off"}
      </button>`
    }
  </div>`;
}

/** A browser on plain http that is not this machine's has none. */
function canNotify() {
  return "Notification" in window;
}

/** @param {import("./live-state.js").LiveCall} call @param {string} reason */
function notify(call, reason) {
  const notice = new Notification(`${nameOf(call)}: ${reason}`, {
    body: call.lastWords?.text ?? "",
    tag: call.id,
  });
  notice.addEventListener("click", () => {
    window.focus();
    location.hash = `#/live/${call.id}`;
  });
}

/** Two short tones, made here: there is no file to load. */
function beep() {
  const audio = new AudioContext();
  const volume = audio.createGain();
  volume.gain.value = 0.08;
  volume.connect(audio.destination);
  for (const [index, hertz] of [660, 880].entries()) {
    const tone = audio.createOscillator();
    tone.frequency.value = hertz;
    tone.connect(volume);
    tone.start(audio.currentTime + index * 0.18);
    tone.stop(audio.currentTime + index * 0.18 + 0.15);
    if (index === 1) tone.addEventListener("ended", () => void audio.close());
  }
}
