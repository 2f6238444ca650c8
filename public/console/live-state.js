// @ts-check
import { transferOutcomeName } from "../shared/names.js";

/**
 * @typedef {import("./event-stream.js").StreamEvent} StreamEvent
 * @typedef {"positive" | "neutral" | "negative" | "frustrated"} Sentiment
 * @typedef {{ at: number, utterance: number, sentiment: Sentiment, upset: number | null, cause: string | null, score: number, rough: boolean }} Score
 * @typedef {"helpful" | "not_helpful" | "dismissed"} Feedback
 * @typedef {{ at: number, rule: string, severity: "info" | "warn" | "alert", message: string,
 *   evidence: Record<string, unknown>, feedback: Feedback | null }} Alert
 * @typedef {{ at: number, reason: string, sameTurn: boolean, action: string, outcome: string, frustrationCount: number | null }} Escalation
 * @typedef {{ at: number, action: string, text: string | null, by: string | null, used: boolean }} SupervisorAct
 *   `used`: a whisper that is in an answer
 * @typedef {{ number: number, kind: string, offsetMs: number, outcome: string, tookMs: number | null, returned: boolean }} Transfer
 *   `offsetMs`: when it was asked for, since the call began
 * @typedef {{ number: number, role: "user" | "agent", speaker: "agent" | "supervisor", utterance: number | null, text: string | null, offsetMs: number, firstChunkMs: number | null, interrupted: boolean }} Turn
 *
 * @typedef {{
 *   id: string, callId: string | null, callerNumber: string | null, direction: string | null, conversationType: string,
 *   agent: string | null, startedAt: number, holder: string | null, acknowledgedAt: number | null,
 *   lastWords: { at: number, text: string } | null, lastSaidAt: number | null,
 *   muted: boolean, sentiment: Sentiment | null, frustrationCount: number,
 *   scores: readonly Score[], alerts: readonly Alert[], escalation: Escalation | null, supervisor: readonly SupervisorAct[],
 *   transfers: readonly Transfer[],
 *   turns: readonly Turn[] | null, partial: { number: number, text: string } | null,
 *   ended: { at: number, reason: string } | null,
 * }} LiveCall `holder`: who has the call in hand. `lastSaidAt`: when either side last said something. Times are ms since 1970; `turns` is null in a list of calls, which shows none
 *
 * @typedef {{ calls: ReadonlyMap<string, LiveCall>, lastEventId: number, canSupervise: boolean, canSpeak: boolean, you: string | null,
 *   transferNumber: string | null, canSuggest: boolean }} LiveState
 */

/** As many as the server keeps of each. */
const MAX_SCORES = 200;
const MAX_ALERTS = 50;
const MAX_TURNS = 200;

/** @type {LiveState} */
export const NO_CALLS = {
  calls: new Map(),
  lastEventId: 0,
  canSupervise: false,
  canSpeak: false,
  you: null,
  transferNumber: null,
  canSuggest: false,
};

/** @param {any} picture what `GET /live/calls` or `GET /live/calls/ID` answers @returns {LiveState} */
export function fromPicture(picture) {
  /** @type {LiveCall[]} */
  const calls = (picture.calls ?? [picture.call]).map(callFromWire);
  return {
    calls: new Map(calls.map((call) => [call.id, call])),
    lastEventId: picture.last_event_id,
    canSupervise: picture.can_supervise,
    canSpeak: picture.can_speak ?? picture.can_supervise,
    you: picture.you ?? null,
    transferNumber: picture.transfer_number ?? null,
    canSuggest: picture.can_suggest ?? false,
  };
}

/**
 * The state after these events. A call that none of them is about stays the same object, so that its row need not be
 * drawn again.
 * @param {LiveState} state
 * @param {readonly StreamEvent[]} events
 * @param {"keep" | "drop"} ended what becomes of a call that has ended
 * @returns {LiveState}
 */
export function applyEvents(state, events, ended) {
  const calls = new Map(state.calls);
  let { lastEventId } = state;
  for (const { id, type, data } of events) {
    // Seen before: the picture was newer than the stream's beginning.
    if (id !== null && id <= lastEventId) continue;
    if (id !== null) lastEventId = id;
    if (type === "call.started") calls.set(data.session_id, callFromWire(data));
    const call = calls.get(data.session_id);
    if (!call) continue;
    if (type === "call.ended" && ended === "drop") calls.delete(call.id);
    else calls.set(call.id, applyToCall(call, type, data));
  }
  return { ...state, calls, lastEventId };
}

/** @param {LiveCall} call @param {string} type @param {any} data @returns {LiveCall} */
function applyToCall(call, type, data) {
  switch (type) {
    case "turn":
      return addTurn(withLastWords(call, data), turnFromWire(data));
    case "turn.partial":
      return call.turns ? { ...call, partial: { number: data.number, text: data.text } } : call;
    case "verdict": {
      const scores = [...call.scores, scoreFromWire(data)].slice(-MAX_SCORES);
      return { ...call, scores, sentiment: data.sentiment, frustrationCount: data.frustration_count };
    }
    case "alert":
      return { ...call, alerts: [...call.alerts, alertFromWire(data)].slice(-MAX_ALERTS) };
    case "escalation":
      return { ...call, escalation: escalationFromWire(data) };
    case "transfer": {
      const others = call.transfers.filter(({ number }) => number !== data.number);
      return { ...call, transfers: [...others, transferFromWire(data)] };
    }
    case "supervisor": {
      const supervisor = [...call.supervisor, actFromWire(data)].slice(-MAX_ALERTS);
      return { ...call, supervisor, ...standAfter(call, data) };
    }
    case "whisper.used":
      return { ...call, supervisor: markUsed(call.supervisor, data.count) };
    case "feedback": {
      const alertAt = Date.parse(data.alert_at);
      const alerts = call.alerts.map((alert) =>
        alert.rule === data.rule && alert.at === alertAt ? { ...alert, feedback: data.feedback } : alert,
      );
      return { ...call, alerts };
    }
    case "call.ended":
      return { ...call, partial: null, ended: { at: Date.parse(data.at), reason: data.reason } };
    default:
      return call;
  }
}

/**
 * What an act of a supervisor makes of the call.
 * @param {LiveCall} call @param {any} act @returns {Partial<LiveCall>}
 */
function standAfter(call, { action, by, at }) {
  switch (action) {
    case "mute":
      return { muted: true };
    case "unmute":
      return { muted: false };
    case "take_over":
      return { muted: true, holder: by ?? call.holder };
    case "hand_back":
      return { muted: false, holder: null };
    case "claim":
      return { holder: by };
    case "release":
      return { holder: null };
    case "acknowledge":
      return { acknowledgedAt: Date.parse(at) };
    default:
      return {};
  }
}

/** @param {readonly SupervisorAct[]} acts @param {number} count so many of the oldest whispers that wait */
function markUsed(acts, count) {
  let left = count;
  return acts.map((act) => {
    if (left === 0 || act.action !== "whisper" || act.used) return act;
    left -= 1;
    return { ...act, used: true };
  });
}

/** @param {LiveCall} call @param {any} turn @returns {LiveCall} */
function withLastWords(call, { role, text, at }) {
  const lastSaidAt = Date.parse(at);
  return role === "user"
    ? { ...call, lastSaidAt, lastWords: { at: lastSaidAt, text } }
    : { ...call, lastSaidAt };
}

/** Turns come in the order they end, and stand in the order they began. @param {LiveCall} call @param {Turn} turn @returns {LiveCall} */
function addTurn(call, turn) {
  const { turns } = call;
  if (!turns) return call;
  const others = turns.filter(({ number }) => number !== turn.number);
  const sorted = [...others, turn].sort((a, b) => a.number - b.number).slice(-MAX_TURNS);
  return { ...call, turns: sorted, partial: call.partial?.number === turn.number ? null : call.partial };
}

/**
 * The verdict on each of the caller's turns, by the turn's number.
 * @param {readonly Turn[]} turns
 * @param {readonly Score[]} scores
 * @returns {Map<number, Score>}
 */
export function verdictsByTurn(turns, scores) {
  const byUtterance = new Map(scores.map((score) => [score.utterance, score]));
  /** @type {Map<number, Score>} */
  const verdicts = new Map();
  for (const { number, utterance } of turns) {
    const score = utterance === null ? undefined : byUtterance.get(utterance);
    if (score) verdicts.set(number, score);
  }
  return verdicts;
}

/** @param {any} wire @returns {LiveCall} */
function callFromWire(wire) {
  return {
    id: wire.session_id,
    callId: wire.call_id,
    callerNumber: wire.caller_number ?? null,
    agent: wire.agent ?? null,
    holder: wire.holder ?? null,
    acknowledgedAt: wire.acknowledged ? Date.parse(wire.acknowledged.at) : null,
    lastWords: wire.last_words ? { at: Date.parse(wire.last_words.at), text: wire.last_words.text } : null,
    lastSaidAt: wire.last_said_at ? Date.parse(wire.last_said_at) : null,
    direction: wire.direction,
    conversationType: wire.conversation_type,
    startedAt: Date.parse(wire.started_at),
    muted: wire.muted ?? false,
    sentiment: wire.sentiment ?? null,
    frustrationCount: wire.frustration_count ?? 0,
    scores: (wire.scores ?? []).map(scoreFromWire),
    alerts: (wire.alerts ?? []).map(alertFromWire),
    escalation: wire.escalation ? escalationFromWire(wire.escalation) : null,
    supervisor: (wire.supervisor ?? []).map(actFromWire),
    transfers: (wire.transfers ?? []).map(transferFromWire),
    turns: wire.turns ? wire.turns.map(turnFromWire) : null,
    partial: null,
    ended: null,
  };
}

/** @param {any} wire @returns {Score} */
function scoreFromWire({ at, utterance, sentiment, upset = null, cause = null, score, source }) {
  return { at: Date.parse(at), utterance, sentiment, upset, cause, score, rough: source === "fallback" };
}

/** @param {any} wire @returns {Alert} */
function alertFromWire({ at, rule, severity, message, evidence, feedback }) {
  return { at: Date.parse(at), rule, severity, message, evidence, feedback: feedback ?? null };
}

/** @param {any} wire @returns {Escalation} */
function escalationFromWire(wire) {
  const { reason, action, outcome } = wire;
  const { same_turn: sameTurn, frustration_count: frustrationCount } = wire;
  return { at: Date.parse(wire.at), reason, sameTurn, action, outcome, frustrationCount };
}

/** @param {any} wire @returns {Transfer} */
function transferFromWire({ number, kind, requested_at_ms: offsetMs, outcome, took_ms: tookMs, returned }) {
  return { number, kind, offsetMs, outcome, tookMs, returned };
}

/** What became of a transfer, in a few words. @param {{ kind: string, outcome: string, tookMs: number | null, returned: boolean }} transfer */
export function describeTransfer({ kind, outcome, tookMs, returned }) {
  const took = tookMs === null ? "" : ` after ${Math.round(tookMs / 1_000)} s`;
  const what = kind === "warm" ? "Warm transfer" : "Transfer";
  return `${what}: ${transferOutcomeName(outcome)}${took}${returned ? ", the caller came back" : ""}`;
}

/** @param {any} wire @returns {SupervisorAct} */
function actFromWire({ at, action, text, by, used }) {
  return { at: Date.parse(at), action, text: text ?? null, by: by ?? null, used: used ?? false };
}

/** @param {any} wire @returns {Turn} */
function turnFromWire(wire) {
  const { number, role, text, offset_ms: offsetMs } = wire;
  return {
    number,
    role,
    speaker: wire.speaker ?? "agent",
    utterance: wire.utterance ?? null,
    text,
    offsetMs,
    firstChunkMs: wire.first_chunk_ms ?? null,
    interrupted: wire.interrupted ?? false,
  };
}
