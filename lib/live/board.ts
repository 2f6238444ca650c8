import { type JsonObject, snakeKeys } from "../wire/events.ts";
import type { Feedback } from "../wire/log-events.ts";
import type { LiveEvent } from "./live-event.ts";

/** Longest beginning of the caller's last words in a list, characters. */
const MAX_LAST_WORDS = 300;

/** Most entries of each list in the picture of one call. */
const MAX_SCORES = 200;
const MAX_TURNS = 200;
const MAX_ALERTS = 50;
const MAX_SUPERVISOR_ACTS = 50;
const MAX_TRANSFERS = 20;

type News<T extends LiveEvent["type"]> = Omit<Extract<LiveEvent, { type: T }>, "type" | "sessionId">;

type Picture = {
  started: Extract<LiveEvent, { type: "call.started" }>;
  muted: boolean;
  latest: News<"verdict"> | null;
  escalation: News<"escalation"> | null;
  turnCount: number;
  scores: Omit<News<"verdict">, "frustrationCount">[];
  turns: News<"turn">[];
  alerts: (News<"alert"> & { feedback: Feedback | null })[];
  supervisor: (News<"supervisor"> & { used: boolean })[];
  /** Who has taken the call in hand. */
  holder: string | null;
  acknowledged: { at: string; by: string | null } | null;
  lastWords: { at: string; text: string } | null;
  /** When either side last said something. */
  lastSaidAt: string | null;
  transfers: News<"transfer">[];
};

/** How the live calls stand, made from their events alone: a viewer who starts from it and adds what follows has it all. */
export class Board {
  readonly #calls = new Map<string, Picture>();

  apply(event: LiveEvent): void {
    if (event.type === "call.started") {
      this.#calls.set(event.sessionId, blank(event));
    } else if (event.type === "call.ended") {
      this.#calls.delete(event.sessionId);
    } else {
      const call = this.#calls.get(event.sessionId);
      if (call) paint(call, event);
    }
  }

  has(sessionId: string): boolean {
    return this.#calls.has(sessionId);
  }

  /** All live calls in the order they began, without their turns, as JSON. */
  list(): JsonObject[] {
    return [...this.#calls.values()].map(toWire);
  }

  /** The latest turns of a live call, or null. */
  turnsOf(sessionId: string): readonly News<"turn">[] | null {
    return this.#calls.get(sessionId)?.turns ?? null;
  }

  /** One live call with its turns, as JSON, or null. */
  get(sessionId: string): JsonObject | null {
    const call = this.#calls.get(sessionId);
    return call ? { ...toWire(call), turns: call.turns.map(snakeKeys) } : null;
  }
}

function blank(started: Picture["started"]): Picture {
  return {
    started,
    muted: false,
    latest: null,
    escalation: null,
    turnCount: 0,
    scores: [],
    turns: [],
    alerts: [],
    supervisor: [],
    transfers: [],
    holder: null,
    acknowledged: null,
    lastWords: null,
    lastSaidAt: null,
  };
}

function paint(call: Picture, event: Exclude<LiveEvent, { type: "call.started" | "call.ended" }>): void {
  const { sessionId: _sessionId, ...rest } = event;
  switch (rest.type) {
    case "turn": {
      const { type: _type, ...turn } = rest;
      addTurn(call, turn);
      call.lastSaidAt = turn.at;
      if (turn.role === "user") call.lastWords = { at: turn.at, text: turn.text.slice(0, MAX_LAST_WORDS) };
      break;
    }
    case "verdict": {
      const { type: _type, ...verdict } = rest;
      const { frustrationCount: _count, ...score } = verdict;
      call.latest = verdict;
      add(call.scores, score, MAX_SCORES);
      break;
    }
    case "alert": {
      const { type: _type, ...alert } = rest;
      add(call.alerts, { ...alert, feedback: null }, MAX_ALERTS);
      break;
    }
    case "escalation": {
      const { type: _type, ...escalation } = rest;
      call.escalation = escalation;
      break;
    }
    case "transfer": {
      const { type: _type, ...transfer } = rest;
      call.transfers = call.transfers.filter(({ number }) => number !== transfer.number);
      add(call.transfers, transfer, MAX_TRANSFERS);
      break;
    }
    case "supervisor": {
      const { type: _type, ...act } = rest;
      noteAct(call, act);
      add(call.supervisor, { ...act, used: false }, MAX_SUPERVISOR_ACTS);
      break;
    }
    case "whisper.used":
      call.supervisor
        .filter(({ action, used }) => action === "whisper" && !used)
        .slice(0, rest.count)
        .forEach((act) => {
          act.used = true;
        });
      break;
    case "feedback": {
      const { rule, alertAt, feedback } = rest;
      const alert = call.alerts.find((each) => each.rule === rule && each.at === alertAt);
      if (alert) alert.feedback = feedback;
      break;
    }
  }
}

/** What an act makes of the call as it stands. */
function noteAct(call: Picture, { action, at, by }: News<"supervisor">): void {
  switch (action) {
    case "mute":
      call.muted = true;
      break;
    case "take_over":
      call.muted = true;
      call.holder = by ?? call.holder;
      break;
    case "unmute":
      call.muted = false;
      break;
    case "hand_back":
      call.muted = false;
      call.holder = null;
      break;
    case "claim":
      call.holder = by;
      break;
    case "release":
      call.holder = null;
      break;
    case "acknowledge":
      call.acknowledged = { at, by };
      break;
    case "whisper":
    case "say":
    case "transfer":
    case "end":
      break;
  }
}

function toWire(call: Picture): JsonObject {
  const { callId, callerNumber, direction, conversationType, startedAt, sessionId } = call.started;
  const { agent, agentVersion, model } = call.started;
  return {
    session_id: sessionId,
    call_id: callId,
    caller_number: callerNumber,
    direction,
    conversation_type: conversationType,
    agent,
    agent_version: agentVersion,
    model,
    started_at: startedAt,
    muted: call.muted,
    sentiment: call.latest?.sentiment ?? null,
    score: call.latest?.score ?? null,
    frustration_count: call.latest?.frustrationCount ?? 0,
    scores: call.scores.map(snakeKeys),
    alerts: call.alerts.map(snakeKeys),
    escalation: call.escalation && snakeKeys(call.escalation),
    supervisor: call.supervisor.map(snakeKeys),
    transfers: call.transfers.map(snakeKeys),
    holder: call.holder,
    acknowledged: call.acknowledged,
    last_words: call.lastWords,
    last_said_at: call.lastSaidAt,
    turn_count: call.turnCount,
  };
}

/** A turn that is told again, because it turned out otherwise, takes the place of what was told before. */
function addTurn(call: Picture, turn: News<"turn">): void {
  const known = call.turns.findLastIndex(({ number }) => number === turn.number);
  if (known >= 0) {
    call.turns[known] = turn;
  } else {
    call.turnCount += 1;
    add(call.turns, turn, MAX_TURNS);
  }
}

function add<T>(list: T[], entry: T, limit: number): void {
  list.push(entry);
  if (list.length > limit) list.shift();
}
