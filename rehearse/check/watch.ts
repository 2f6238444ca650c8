import type { Line } from "../call/line.ts";
import type { Observed } from "../call/observed.ts";
import type { EventExpectation, Expectation } from "../scenario/expectation.ts";
import type { Failure, Question } from "./finding.ts";
import { comesInOrder, describe, findMatch, textOf, whatCame } from "./match.ts";

export type Patience = {
  /** Longest wait for anything, ms. */
  readonly timeoutMs: number;
  /** How long after the agent has fallen silent something without a time of its own may still come, ms. */
  readonly quietMs: number;
};

/** What a turn is measured from. */
type Since = {
  readonly turn: number | null;
  /** Place in the line's events at which the turn begins. */
  readonly from: number;
  /** When the caller, or somebody for them, began to act. */
  readonly sentAtMs: number;
  /** When that was done: the agent's silence is counted from here at the earliest. */
  readonly doneAtMs: number;
};

export type Watched = {
  readonly failures: Failure[];
  readonly questions: Question[];
  /** What must not have come by the time the turn is over. */
  readonly forbidden: EventExpectation[];
};

/**
 * Waits for what a turn expects: the deadline of each is counted from the moment the caller acted.
 */
export async function watch(
  line: Line,
  expectations: readonly Expectation[],
  { turn, from, sentAtMs, doneAtMs }: Since,
  patience: Patience,
): Promise<Watched> {
  const result: Watched = { failures: [], questions: [], forbidden: [] };
  let cursor = from;
  for (const expectation of expectations) {
    if (expectation.event === "report") continue;
    if (expectation.absent && expectation.within_ms === undefined) {
      result.forbidden.push(expectation);
      continue;
    }
    const start = comesInOrder(expectation) && !expectation.absent ? cursor : from;
    const found = () => findMatch(expectation, line.events, start);
    const inTime = await wait(line, () => found() !== null, { sentAtMs, doneAtMs }, expectation, patience);
    const end = found();
    if (expectation.absent) {
      if (inTime && end !== null)
        result.failures.push({ turn, why: cameAnyway(expectation, line.events, end) });
      continue;
    }
    if (end === null) {
      result.failures.push({ turn, why: didNotCome(expectation, line.events, start) });
      return result; // they share one clock: what follows is late as well
    }
    const late = tooLate(expectation, line.events[end - 1], sentAtMs);
    if (late !== null) {
      result.failures.push({ turn, why: late });
      return result;
    }
    if ("eval" in expectation && expectation.eval !== undefined) {
      await line.until(() => !line.busy || line.closed, patience.timeoutMs);
      result.questions.push(questionOf(turn, expectation.eval, line.events, from));
    }
    if (comesInOrder(expectation)) cursor = end;
  }
  return result;
}

/** Whether nothing of this has come since `from`. */
export function checkForbidden(
  forbidden: readonly EventExpectation[],
  events: readonly Observed[],
  turn: number | null,
  from: number,
): Failure[] {
  return forbidden.flatMap((expectation) => {
    const end = findMatch(expectation, events, from);
    return end === null ? [] : [{ turn, why: cameAnyway(expectation, events, end) }];
  });
}

async function wait(
  line: Line,
  holds: () => boolean,
  { sentAtMs, doneAtMs }: Pick<Since, "sentAtMs" | "doneAtMs">,
  { within_ms, absent }: EventExpectation,
  { timeoutMs, quietMs }: Patience,
): Promise<boolean> {
  const deadline = sentAtMs + (within_ms ?? timeoutMs);
  for (;;) {
    if (holds()) return true;
    const silentSince = line.events.at(-1)?.atMs ?? 0;
    const silent = !line.busy || line.closed;
    const own = within_ms !== undefined || absent;
    const until = own || !silent ? deadline : Math.min(deadline, Math.max(silentSince, doneAtMs) + quietMs);
    const left = until - line.now;
    const seen = line.events.length;
    if (left <= 0) {
      if (own || line.now >= deadline) return false;
      // A server that is held up is not one that has nothing to say.
      await line.settled(deadline - line.now);
      if (line.events.length === seen) return holds();
      continue;
    }
    const moved = await line.until(() => holds() || line.events.length > seen, left);
    if (!moved && line.now >= deadline) return holds();
  }
}

function tooLate({ event, within_ms }: EventExpectation, seen: Observed | undefined, sentAtMs: number) {
  if (within_ms === undefined || !seen) return null;
  const took = Math.round(seen.atMs - sentAtMs);
  return took > within_ms ? `${event} came after ${took} ms, ${within_ms} ms were allowed` : null;
}

function didNotCome(expectation: EventExpectation, events: readonly Observed[], from: number): string {
  const within = expectation.within_ms === undefined ? "" : ` within ${expectation.within_ms} ms`;
  return `expected ${describe(expectation)}${within}; ${whatCame(expectation, events, from)}`;
}

function cameAnyway(expectation: EventExpectation, events: readonly Observed[], end: number): string {
  return `${describe(expectation)} must not come, and ${whatCame(expectation, events.slice(0, end), 0)}`;
}

function questionOf(
  turn: number | null,
  criterion: string,
  events: readonly Observed[],
  from: number,
): Question {
  const reply = events
    .slice(from)
    .filter(({ event }) => event === "response")
    .map(textOf)
    .join(" ");
  return { turn, criterion, conversation: conversationOf(events), reply };
}

/** Who said what, from what the caller heard. */
export function conversationOf(events: readonly Observed[]): Question["conversation"] {
  return events
    .filter(({ event }) => event === "user" || event === "response")
    .map((seen) => ({ role: seen.event === "user" ? "caller" : "agent", text: textOf(seen) }));
}
