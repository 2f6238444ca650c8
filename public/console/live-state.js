// @ts-check

/**
 * @typedef {import("./event-stream.js").StreamEvent} StreamEvent
 * @typedef {"positive" | "neutral" | "negative" | "frustrated"} Sentiment
 * @typedef {{ at: number, utterance: number, sentiment: Sentiment, score: number, rough: boolean }} Score
 * @typedef {{ at: number, rule: string, severity: "info" | "warn" | "alert", message: string, evidence: Record<string, unknown> }} Alert
 * @typedef {{ at: number, reason: string, sameTurn: boolean, action: string, outcome: string, frustrationCount: number }} Escalation
 * @typedef {{ at: number, action: string, text: string | null, by: string | null }} SupervisorAct
 * @typedef {{ at: number, number: number, kind: string, outcome: string, tookMs: number | null, returned: boolean }} Transfer
 * @typedef {{ number: number, role: "user" | "agent", speaker: "agent" | "supervisor", utterance: number | null, text: string | null, offsetMs: number, firstChunkMs: number | null, interrupted: boolean }} Turn
 *
 * @typedef {{
 *   id: string, callId: string | null, direction: string | null, conversationType: string, startedAt: number,
 *   muted: boolean, sentiment: Sentiment | null, frustrationCount: number,
 *   scores: readonly Score[], alerts: readonly Alert[], escalation: Escalation | null, supervisor: readonly SupervisorAct[],
 *   transfers: readonly Transfer[],
 *   turns: readonly Turn[] | null, partial: { number: number, text: string } | null,
 *   ended: { at: number, reason: string } | null,
 * }} LiveCall times are ms since 1970; `turns` is null in a list of calls, which shows none
 *
 * @typedef {{ calls: ReadonlyMap<string, LiveCall>, lastEventId: number, canSupervise: boolean }} LiveState
 */

/** As many as the server keeps of each. */
const MAX_SCORES = 200;
const MAX_ALERTS = 50;
const MAX_TURNS = 200;

/** @type {LiveState} */
export const NO_CALLS = { calls: new Map(), lastEventId: 0, canSupervise: false };

/** @param {any} picture what `GET /live/calls` or `GET /live/calls/ID` answers @returns {LiveState} */
export function fromPicture(picture) {
  /** @type {LiveCall[]} */
  const calls = (picture.calls ?? [picture.call]).map(callFromWire);
  return {
    calls: new Map(calls.map((call) => [call.id, call])),
    lastEventId: picture.last_event_id,
    canSupervise: picture.can_supervise,
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
      return call.turns ? addTurn(call, call.turns, turnFromWire(data)) : call;
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
      const muted = data.action === "mute" || (call.muted && data.action !== "unmute");
      return { ...call, supervisor, muted };
    }
    case "call.ended":
      return { ...call, partial: null, ended: { at: Date.parse(data.at), reason: data.reason } };
    default:
      return call;
  }
}

/** Turns come in the order they end, and stand in the order they began. @param {LiveCall} call @param {readonly Turn[]} turns @param {Turn} turn @returns {LiveCall} */
function addTurn(call, turns, turn) {
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

/**
 * How much a call wants a person's eye: escalated first, then alerts and upset remarks.
 * @param {LiveCall} call
 */
export function urgency(call) {
  const alerts = call.alerts.filter(({ severity }) => severity === "alert").length;
  return (call.escalation ? 1_000 : 0) + call.frustrationCount * 10 + alerts * 5;
}

/** @param {any} wire @returns {LiveCall} */
function callFromWire(wire) {
  return {
    id: wire.session_id,
    callId: wire.call_id,
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
function scoreFromWire({ at, utterance, sentiment, score, source }) {
  return { at: Date.parse(at), utterance, sentiment, score, rough: source === "fallback" };
}

/** @param {any} wire @returns {Alert} */
function alertFromWire({ at, rule, severity, message, evidence }) {
  return { at: Date.parse(at), rule, severity, message, evidence };
}

/** @param {any} wire @returns {Escalation} */
function escalationFromWire(wire) {
  const { reason, action, outcome } = wire;
  const { same_turn: sameTurn, frustration_count: frustrationCount } = wire;
  return { at: Date.parse(wire.at), reason, sameTurn, action, outcome, frustrationCount };
}

/** @param {any} wire @returns {Transfer} */
function transferFromWire({ at, number, kind, outcome, took_ms: tookMs, returned }) {
  return { at: Date.parse(at), number, kind, outcome, tookMs, returned };
}

/** What became of a transfer, in a few words. @param {{ kind: string, outcome: string, tookMs: number | null, returned: boolean }} transfer */
export function describeTransfer({ kind, outcome, tookMs, returned }) {
  const took = tookMs === null ? "" : ` after ${Math.round(tookMs / 1_000)} s`;
  return `Transfer (${kind}): ${outcome.replaceAll("_", " ")}${took}${returned ? ", the caller came back" : ""}`;
}

/** @param {any} wire @returns {SupervisorAct} */
function actFromWire({ at, action, text, by }) {
  return { at: Date.parse(at), action, text: text ?? null, by: by ?? null };
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
