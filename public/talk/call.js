// @ts-check
import { escalationName } from "../shared/names.js";
import { isEcho } from "./echo.js";
import { LineWatch } from "./line-watch.js";
import { Voice } from "./voice.js";

const LOST = "The line was lost.";

/** How each way of closing the line is said to a person. */
const CLOSED = new Map([
  [1000, "The agent hung up."],
  [1001, "The server was shut down, which ended the call."],
  [1006, LOST],
  [1008, "The server refused the call:"],
  [1011, "The call failed on the server."],
  [1013, "The server is busy."],
]);

/**
 * @typedef {import("./talk-state.js").TalkAction} TalkAction
 * @typedef {{ phase: "transferred" | "ended", message: string }} HandOff
 */

/** One call over the agent's WebSocket: a voice platform, as far as a browser can be one. */
export class Call {
  /** What the call is called on the console. */
  callId = `web-${crypto.getRandomValues(new Uint32Array(1))[0]?.toString(16).padStart(8, "0")}`;
  /** @type {Voice} */
  voice;
  #socket;
  /** @type {(action: TalkAction) => void} */
  #dispatch;
  #ids = 0;
  /** The answer being received; `cut` once the caller has spoken into it. @type {{ id: number, cut: boolean } | null} */
  #answer = null;
  /** Carried out when the last words have been said. @type {HandOff | null} */
  #handOff = null;
  #speaking = false;
  #muted = false;
  #answered = false;
  #over = false;
  #watch;

  /**
   * @param {{ url: string, synth: SpeechSynthesis | null, dispatch: (action: TalkAction) => void,
   *   onUnanswered: () => Promise<{ phase: "failed" | "unauthorised", message: string }> }} options
   *   `onUnanswered`: finds out why the server did not take the call, which a browser's socket does not tell
   */
  constructor({ url, synth, dispatch, onUnanswered }) {
    this.#dispatch = dispatch;
    this.voice = new Voice({
      synth,
      onChange: () => dispatch({ type: "talking", talking: this.voice.talking }),
      onSpoken: ({ spoken }) => {
        if (spoken.trim() !== "") this.#report(spoken);
        this.#leaveWhenSilent();
      },
    });
    this.#watch = new LineWatch({
      onSilent: (silent) => dispatch({ type: "line", silent }),
      onDraining: () => dispatch({ type: "draining" }),
      onLost: () => this.#finish({ phase: "failed", message: LOST }),
    });
    dispatch({ type: "dialled", callId: this.callId });
    this.#socket = new WebSocket(url);
    this.#socket.addEventListener("open", () => this.#init());
    this.#socket.addEventListener("message", ({ data }) => this.#receive(JSON.parse(data)));
    this.#socket.addEventListener("close", async ({ code, reason }) => {
      if (this.#over) return;
      if (code === 1006 && !this.#answered) {
        this.#finish(await onUnanswered());
        return;
      }
      const message = CLOSED.get(code) ?? `The line was closed (${code}).`;
      // What was wrong with a call that is refused only the server can say.
      this.#finish({
        phase: code === 1000 ? "ended" : "failed",
        message: code === 1008 ? `${message} ${reason}.` : message,
      });
    });
  }

  /** Words still being recognised. The first begin an utterance, and cut the agent short. @param {string} text */
  hearing(text) {
    if (!this.#listens || isEcho(text, this.voice.saying)) return;
    if (!this.#speaking) {
      this.#speaking = true;
      this.#send("system.user.started_speaking");
      this.#bargeIn();
    }
    this.#dispatch({ type: "hearing", text });
  }

  /** A spoken utterance is complete. @param {string} text */
  heard(text) {
    if (!this.#listens || text === "" || (!this.#speaking && isEcho(text, this.voice.saying))) return;
    this.hearing(text);
    this.silence();
    this.#utter(text);
  }

  /** The microphone hears nothing any more. */
  silence() {
    if (!this.#speaking) return;
    this.#speaking = false;
    this.#send("system.user.stopped_speaking");
    this.#dispatch({ type: "hearing", text: "" });
  }

  /** A typed utterance. @param {string} text */
  type(text) {
    if (!this.#listens) return;
    this.#bargeIn();
    this.#utter(text);
  }

  hangUp() {
    this.#finish({ phase: "ended", message: "You hung up." });
  }

  get #listens() {
    return this.#answered && !this.#over && !this.#muted;
  }

  #init() {
    this.#send("system.init", {
      version: "1.0",
      session_context: {
        initial_variables: {},
        conversation_type: "webcall",
        caller: { user_number: null, agent_number: null, direction: "inbound", call_id: this.callId },
      },
    });
  }

  /** @param {string} text */
  #utter(text) {
    this.#dispatch({ type: "said", id: this.#nextId(), text, at: performance.now() });
    this.#send("agent.transcript.update", { role: "user", content: text });
    this.#send("system.llm.request", { messages: null });
    this.#dispatch({ type: "thinking", thinking: true });
  }

  /** Cuts off what is being said, and tells the agent how much of it was heard. */
  #bargeIn() {
    if (this.#answer === null && !this.voice.busy) return;
    this.#send("system.control.interrupt");
    this.#fallSilent();
  }

  #fallSilent() {
    if (this.#answer) this.#answer.cut = true;
    for (const { id, spoken } of this.voice.stop()) {
      this.#report(spoken);
      this.#dispatch({ type: "cutShort", id, spoken });
    }
    this.#leaveWhenSilent();
  }

  /** @param {{ type: string, [field: string]: any }} frame */
  #receive(frame) {
    if (this.#over) return;
    switch (frame.type) {
      case "agent.ready":
        this.#answered = true;
        this.#send("system.user.joined");
        this.#dispatch({ type: "answered", at: Date.now() });
        this.#watch.start();
        break;
      case "agent.speak":
        this.#speakLine(frame.text);
        break;
      case "agent.llm.response.start":
        this.#answer = { id: this.#nextId(), cut: false };
        this.voice.begin(this.#answer.id);
        break;
      case "agent.llm.response.chunk":
        if (!this.#answer || this.#answer.cut) break;
        this.#dispatch({ type: "agentSaid", id: this.#answer.id, text: frame.text, at: performance.now() });
        this.voice.add(this.#answer.id, frame.text);
        break;
      case "agent.llm.response.end":
        if (this.#answer) this.voice.finish(this.#answer.id);
        this.#answer = null;
        this.#dispatch({ type: "thinking", thinking: false });
        break;
      case "agent.control.interrupt":
        this.#fallSilent();
        break;
      case "agent.control.mute_user":
      case "agent.control.unmute_user":
        this.#mute(frame.type === "agent.control.mute_user");
        break;
      case "agent.end_call":
        this.#leave({ phase: "ended", message: "The agent ended the call." });
        break;
      case "agent.transfer_call":
        this.#leave({ phase: "transferred", message: describeTransfer(frame) });
        break;
      case "agent.log":
        this.#log(frame.name, frame.payload);
        break;
      case "agent.error":
        this.#note("The agent had a problem with its last answer.", "warn");
        break;
    }
  }

  /** @param {string} text */
  #speakLine(text) {
    const id = this.#nextId();
    this.#dispatch({ type: "agentSaid", id, text, at: performance.now() });
    this.voice.begin(id);
    this.voice.add(id, text);
    this.voice.finish(id);
  }

  /** @param {string} name @param {Record<string, any>} payload */
  #log(name, payload) {
    if (name === "sentiment") {
      const verdict = { sentiment: payload.sentiment, rough: payload.source === "fallback" };
      this.#dispatch({ type: "judged", utterance: payload.utterance, verdict });
    } else if (name === "escalation.triggered") {
      this.#note(`Handed over to a supervisor: ${escalationName(payload.reason)}`, "alert");
    }
  }

  /** @param {boolean} muted */
  #mute(muted) {
    if (muted) this.silence();
    this.#muted = muted;
    this.#dispatch({ type: "muted", muted });
  }

  /** @param {string} text @param {"info" | "warn" | "alert"} tone */
  #note(text, tone) {
    this.#dispatch({ type: "note", id: this.#nextId(), text, tone });
  }

  /** @param {HandOff} handOff */
  #leave(handOff) {
    this.#handOff = handOff;
    this.#leaveWhenSilent();
  }

  #leaveWhenSilent() {
    if (this.#handOff && !this.voice.busy && this.#answer === null) this.#finish(this.#handOff);
  }

  /** @param {{ phase: "transferred" | "ended" | "failed" | "unauthorised", message: string }} end */
  #finish(end) {
    if (this.#over) return;
    this.#over = true;
    this.#watch.stop();
    this.voice.stop();
    this.#socket.close(1000);
    this.#dispatch({ type: "over", at: Date.now(), ...end });
  }

  /** @param {string} spoken */
  #report(spoken) {
    this.#send("agent.transcript.update", { role: "assistant", content: spoken });
  }

  #nextId() {
    this.#ids += 1;
    return this.#ids;
  }

  /** @param {string} type @param {object} [fields] */
  #send(type, fields = {}) {
    if (this.#socket.readyState !== WebSocket.OPEN) return;
    this.#socket.send(JSON.stringify({ type, timestamp: new Date().toISOString(), ...fields }));
  }
}

/** @param {Record<string, any>} transfer */
function describeTransfer({ transfer_call_number: number, transfer_options: options }) {
  const how = options?.type === "warm_transfer" ? "with a briefing for the supervisor" : "directly";
  return `You are being put through to ${number}, ${how}. A browser cannot follow a telephone transfer, so the call ends here.`;
}
