// @ts-check

/**
 * @typedef {"positive" | "neutral" | "negative" | "frustrated"} Sentiment
 * @typedef {{ sentiment: Sentiment, rough: boolean }} Verdict
 * @typedef {{ id: number, who: "caller", text: string, utterance: number, verdict: Verdict | null }} CallerLine
 * @typedef {{ id: number, who: "agent", text: string, spoken: string | null, replyMs: number | null }} AgentLine
 *   `spoken`: the part that was said, of a line the caller cut short; else null. `replyMs`: from the caller's words to the
 *   first of these, ms; null where nobody was waiting for them
 * @typedef {{ id: number, who: "note", text: string, tone: "info" | "warn" | "alert" }} NoteLine
 * @typedef {CallerLine | AgentLine | NoteLine} Line
 *
 * @typedef {"idle" | "dialling" | "connected" | "transferred" | "ended" | "failed" | "unauthorised"} Phase
 * @typedef {{
 *   phase: Phase, since: number | null, until: number | null, message: string, thinking: boolean, talking: boolean,
 *   muted: boolean, interim: string, utterances: number, lines: readonly Line[], callId: string | null,
 *   silent: boolean, draining: boolean, waitingSince: number | null, replies: readonly number[],
 * }} TalkState `since` and `until`: when the call was answered and when it ended, ms since 1970. `silent`: the server does
 *   not answer; `draining`: it is about to shut down. `waitingSince`: when the caller said what nobody has answered, ms.
 *   `replies`: how long each answer took to begin, ms
 *
 * @typedef {{ type: "dialled", callId: string }
 *   | { type: "answered", at: number }
 *   | { type: "hearing", text: string }
 *   | { type: "said", id: number, text: string, at: number }
 *   | { type: "line", silent: boolean }
 *   | { type: "draining" }
 *   | { type: "thinking", thinking: boolean }
 *   | { type: "talking", talking: boolean }
 *   | { type: "agentSaid", id: number, text: string, at: number }
 *   | { type: "cutShort", id: number, spoken: string }
 *   | { type: "judged", utterance: number, verdict: Verdict }
 *   | { type: "note", id: number, text: string, tone: NoteLine["tone"] }
 *   | { type: "muted", muted: boolean }
 *   | { type: "over", phase: "transferred" | "ended" | "failed" | "unauthorised", at: number, message: string }
 * } TalkAction
 */

/** Lines kept on the page; the oldest go first. */
const MAX_LINES = 500;

/** @type {TalkState} */
export const IDLE = {
  phase: "idle",
  since: null,
  until: null,
  message: "",
  thinking: false,
  talking: false,
  muted: false,
  interim: "",
  utterances: 0,
  lines: [],
  callId: null,
  silent: false,
  draining: false,
  waitingSince: null,
  replies: [],
};

/**
 * What the page shows, after one more thing has happened.
 * @param {TalkState} state
 * @param {TalkAction} action
 * @returns {TalkState}
 */
export function talkReducer(state, action) {
  switch (action.type) {
    case "dialled":
      return { ...IDLE, phase: "dialling", callId: action.callId };
    case "answered":
      return { ...state, phase: "connected", since: action.at };
    case "hearing":
      return { ...state, interim: action.text };
    case "said": {
      const utterance = state.utterances + 1;
      const { id, text } = action;
      return add(
        { ...state, interim: "", utterances: utterance, waitingSince: action.at },
        { id, who: "caller", text, utterance, verdict: null },
      );
    }
    case "line":
      return { ...state, silent: action.silent };
    case "draining":
      return { ...state, draining: true };
    case "thinking":
      return { ...state, thinking: action.thinking };
    case "talking":
      return { ...state, talking: action.talking };
    case "agentSaid":
      return agentSaid({ ...state, thinking: false }, action);
    case "cutShort":
      return change(state, (line) =>
        line.who === "agent" && line.id === action.id ? { ...line, spoken: action.spoken } : line,
      );
    case "judged":
      return change(state, (line) =>
        line.who === "caller" && line.utterance === action.utterance
          ? { ...line, verdict: action.verdict }
          : line,
      );
    case "note":
      return add(state, { id: action.id, who: "note", text: action.text, tone: action.tone });
    case "muted":
      return { ...state, muted: action.muted, interim: "" };
    case "over": {
      const { phase, at, message } = action;
      return {
        ...state,
        phase,
        until: at,
        message,
        thinking: false,
        talking: false,
        muted: false,
        interim: "",
        silent: false,
        draining: false,
        waitingSince: null,
      };
    }
  }
}

/** @param {TalkState} state @param {{ id: number, text: string, at: number }} said */
function agentSaid(state, { id, text, at }) {
  const known = state.lines.some((line) => line.who === "agent" && line.id === id);
  if (!known) {
    const replyMs = state.waitingSince === null ? null : at - state.waitingSince;
    const replies = replyMs === null ? state.replies : [...state.replies, replyMs].slice(-MAX_LINES);
    return add({ ...state, waitingSince: null, replies }, { id, who: "agent", text, spoken: null, replyMs });
  }
  return change(state, (line) =>
    line.who === "agent" && line.id === id ? { ...line, text: line.text + text } : line,
  );
}

/** @param {TalkState} state @param {Line} line @returns {TalkState} */
function add(state, line) {
  return { ...state, lines: [...state.lines, line].slice(-MAX_LINES) };
}

/** @param {TalkState} state @param {(line: Line) => Line} update @returns {TalkState} */
function change(state, update) {
  return { ...state, lines: state.lines.map(update) };
}
