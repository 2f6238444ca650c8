// @ts-check

/*
 * What the words of the wire are called on the pages and in the report of the command line. One that is not here, such as a rule of one's own, is shown with
 * blanks in place of its underscores.
 */

/** @type {Readonly<Record<string, string>>} */
const ENDS = {
  client_closed: "the caller hung up",
  end_call: "the agent said goodbye",
  transferred: "handed over",
  error: "an error on the server",
  drain: "the server shut down",
  idle: "nothing was heard for too long",
  refused: "the call was refused",
  slow_client: "the caller's line was too slow",
  crashed: "the server failed",
};

/** @type {Readonly<Record<string, string>>} */
const ESCALATIONS = {
  frustration_threshold_exceeded: "the caller is upset",
  human_request: "the caller asked for a person",
  model: "the agent decided so",
  supervisor: "a supervisor decided so",
};

/** @type {Readonly<Record<string, string>>} */
const TRANSFERS = {
  cold_transfer: "transferred directly",
  warm_transfer: "transferred with a briefing",
  none: "no number to transfer to",
};

/** @type {Readonly<Record<string, string>>} */
const TRANSFER_OUTCOMES = {
  requested: "requested",
  no_answer: "nobody answered",
  voicemail: "a voicemail answered",
  caller_left: "the caller hung up",
  unknown: "this line does not tell how it went",
};

/** @type {Readonly<Record<string, string>>} */
const RULES = {
  frustration_threshold: "Out of patience",
  negative_sustained: "Unhappy for a while",
  sentiment_drop: "Mood has dropped",
  human_request: "Asks for a person",
  churn_or_legal: "Wants to leave or sue",
  interruptions: "Keeps interrupting",
  slow_reply: "Slow answers",
  unanswered: "Waiting for an answer",
  dead_air: "Silence on the line",
  monologue: "Long answer",
  no_empathy: "No empathy shown",
  recovered: "Pleased again",
};

/** @type {Readonly<Record<string, string>>} */
const CHANNELS = {
  telephonyInbound: "incoming call",
  telephonyOutbound: "outgoing call",
  chat: "chat",
  webcall: "web call",
  supervisor_agent: "supervisor's call",
};

/** @type {Readonly<Record<string, string>>} */
const ACTS = {
  whisper: "whispered to the agent",
  say: "spoke through the agent",
  transfer: "transferred the call",
  end: "ended the call",
  mute: "muted the agent",
  unmute: "unmuted the agent",
  take_over: "took over the call",
  hand_back: "handed the call back to the agent",
  claim: "claimed this call",
  release: "released this call",
  acknowledge: "marked the alerts as seen",
};

/** @type {Readonly<Record<string, string>>} */
const OUTCOMES = { resolved: "resolved", not_resolved: "not resolved", handed_over: "handed over" };

/** @type {Readonly<Record<string, string>>} */
const TRENDS = { UP: "rising", DOWN: "falling", FLAT: "steady" };

/** How the caller's mood went. @param {string} trend */
export const trendName = (trend) => TRENDS[trend] ?? plain(trend);

/** What came of a call. @param {string} outcome */
export const outcomeName = (outcome) => OUTCOMES[outcome] ?? plain(outcome);

/** Why a call ended: client_closed → the caller hung up. @param {string} reason */
export const endName = (reason) => ENDS[reason] ?? plain(reason);

/** Why a caller is handed over. @param {string} reason */
export const escalationName = (reason) =>
  ESCALATIONS[reason] ?? RULES[reason]?.toLowerCase() ?? plain(reason);

/** What was done about it. @param {string} action */
export const transferName = (action) => TRANSFERS[action] ?? plain(action);

/** How a transfer went. @param {string} outcome */
export const transferOutcomeName = (outcome) => TRANSFER_OUTCOMES[outcome] ?? plain(outcome);

/** A rule of the coach. @param {string} rule */
export const ruleName = (rule) => RULES[rule] ?? plain(rule);

/** How a caller came in. @param {string} type */
export const channelName = (type) => CHANNELS[type] ?? plain(type);

/** What a supervisor did, after the name: "Ann muted the agent". @param {string} action */
export const actName = (action) => ACTS[action] ?? plain(action);

/** @param {string} word */
function plain(word) {
  return word.replaceAll("_", " ");
}
