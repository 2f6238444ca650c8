// @ts-check

/*
 * What stands in a transcript, and in which order: turns, what a supervisor did, the hand-over, and the transfers. Times
 * are ms since the call began.
 */

/**
 * @typedef {{ number: number, role: string, text: string | null, offsetMs: number, firstChunkMs?: number | null,
 *   outcome?: string | null, speaker?: "agent" | "supervisor" | null }} EntryTurn `speaker` is null in calls of older versions
 * @typedef {{ offsetMs: number, action: string, text: string | null, by?: string | null }} EntryAct
 * @typedef {{ offsetMs: number, sameTurn: boolean }} EntryEscalation
 * @typedef {{ offsetMs: number, number: number }} EntryTransfer `offsetMs`: when it was asked for, whenever it ended
 */

/**
 * @template {EntryTurn} T
 * @template {EntryAct} A
 * @template {EntryEscalation} E
 * @template {EntryTransfer} X
 * @typedef {{ kind: "turn", turn: T, bySupervisor: boolean } | { kind: "act", act: A } | { kind: "escalation", escalation: E }
 *   | { kind: "transfer", transfer: X }} Entry
 */

/** An act is noted a moment after the line that it made the agent say, ms. */
const NOTED_WITHIN_MS = 1_000;

/**
 * The entries in the order a reader wants them: what a supervisor did stands before the line it brought about, and that
 * line is the supervisor's; a hand-over in the same turn stands between the caller's words and the answer to them, and any
 * other before the line that announces it; a transfer stands where it was asked for, after the line that announces it.
 * @template {EntryTurn} T
 * @template {EntryAct} A
 * @template {EntryEscalation} E
 * @template {EntryTransfer} X
 * @param {{ turns: readonly T[], acts: readonly A[], escalation: E | null, transfers: readonly X[] }} call
 * @returns {Entry<T, A, E, X>[]}
 */
export function callEntries({ turns, acts, escalation, transfers }) {
  /** @type {Set<T>} */
  const supervisors = new Set();
  /** Place among the turns: half a step before or after one. @type {{ place: number, entry: Entry<T, A, E, X> }[]} */
  const placed = [];
  for (const act of acts) {
    const line = lineOf(act, turns, supervisors);
    if (line && act.action === "say") supervisors.add(line);
    const place = line ? turns.indexOf(line) - 0.5 : lastBefore(turns, act.offsetMs) + 0.5;
    placed.push({ place, entry: { kind: "act", act } });
  }
  if (escalation) {
    const { sameTurn, offsetMs } = escalation;
    // Noted before the line that announces it, which may begin in the same millisecond.
    const place = (sameTurn ? lastBefore(turns, offsetMs, "user") : lastBefore(turns, offsetMs - 1)) + 0.5;
    placed.push({ place, entry: { kind: "escalation", escalation } });
  }
  for (const transfer of transfers) {
    placed.push({ place: lastBefore(turns, transfer.offsetMs) + 0.5, entry: { kind: "transfer", transfer } });
  }
  for (const [place, turn] of turns.entries()) {
    placed.push({
      place,
      entry: { kind: "turn", turn, bySupervisor: turn.speaker === "supervisor" || supervisors.has(turn) },
    });
  }
  return placed.sort((a, b) => a.place - b.place).map(({ entry }) => entry);
}

/** What stays the same of an entry while others come, and while a transfer goes on. @param {Entry<EntryTurn, EntryAct, EntryEscalation, EntryTransfer>} entry */
export function keyOf(entry) {
  switch (entry.kind) {
    case "turn":
      return `turn ${entry.turn.number}`;
    case "act":
      return `act ${entry.act.offsetMs} ${entry.act.action}`;
    case "escalation":
      return "escalation";
    case "transfer":
      return `transfer ${entry.transfer.number}`;
  }
}

/** @param {readonly EntryTurn[]} turns @param {number} offsetMs @param {string | null} [role] */
function lastBefore(turns, offsetMs, role = null) {
  return turns.findLastIndex((turn) => turn.offsetMs <= offsetMs && (role === null || turn.role === role));
}

/**
 * The line that an act made the agent say, if it made it say one.
 * @template {EntryTurn} T
 * @param {EntryAct} act
 * @param {readonly T[]} turns
 * @param {ReadonlySet<T>} taken lines that earlier acts have brought about
 */
function lineOf({ action, text, offsetMs }, turns, taken) {
  if (action !== "say" && action !== "transfer" && action !== "end") return undefined;
  const near = turns.filter(
    (turn) =>
      isLine(turn) &&
      !taken.has(turn) &&
      turn.offsetMs <= offsetMs + NOTED_WITHIN_MS &&
      turn.offsetMs >= offsetMs - NOTED_WITHIN_MS,
  );
  return near.find((turn) => text !== null && turn.text === text) ?? near.at(-1);
}

/** Said outside any answer. @param {EntryTurn} turn */
function isLine({ role, outcome = null, firstChunkMs = null }) {
  return role !== "user" && outcome === null && firstChunkMs === null;
}
