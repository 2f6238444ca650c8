import type { Observed } from "../call/observed.ts";
import { sayFields } from "../call/say-fields.ts";
import type { EventExpectation, ExpectedCall } from "../scenario/expectation.ts";

/*
 * Whether what was expected is among what was observed. Pure: who waits, and how long, is `watch.ts`'s affair.
 */

/** Events that Pipecat's evals know come in the order they are listed in; ours may come at any time of the turn. */
const IN_ORDER: ReadonlySet<EventExpectation["event"]> = new Set([
  "response",
  "llm_started",
  "bot_started_speaking",
  "bot_stopped_speaking",
  "function_call",
  "function_call_stopped",
  "user_transcription",
]);

export function comesInOrder({ event }: EventExpectation): boolean {
  return IN_ORDER.has(event);
}

/** The place after the event, or the last of the events, that fulfil it; null while there is none. */
export function findMatch(
  expectation: EventExpectation,
  events: readonly Observed[],
  from: number,
): number | null {
  switch (expectation.event) {
    case "response":
      return matchText(expectation, events, from, "response");
    case "user_transcription":
      return matchText(expectation, events, from, "user_transcription");
    case "function_call":
    case "function_call_stopped":
      return matchCalls(expectation, events, from);
    default: {
      for (let index = from; index < events.length; index += 1) {
        const seen = events[index];
        if (seen?.event === expectation.event && hasFields(expectation, seen)) return index + 1;
      }
      return null;
    }
  }
}

type TextExpectation = Extract<EventExpectation, { event: "response" | "user_transcription" }>;

/** Text is gathered until it holds all that was asked for. */
function matchText(
  expectation: TextExpectation,
  events: readonly Observed[],
  from: number,
  event: "response" | "user_transcription",
): number | null {
  let text = "";
  for (let index = from; index < events.length; index += 1) {
    const seen = events[index];
    if (seen?.event !== event) continue;
    text = `${text} ${textOf(seen)}`.trim();
    if (holdsText(expectation, text)) return index + 1;
  }
  return null;
}

function holdsText({ text_contains, text_excludes, text_matches }: TextExpectation, text: string): boolean {
  const plain = squash(text);
  return (
    text_contains.every((part) => plain.includes(squash(part))) &&
    text_excludes.every((part) => !plain.includes(squash(part))) &&
    (text_matches === undefined || new RegExp(text_matches, "i").test(text))
  );
}

/** Without regard to white space and case, and with the apostrophes of a keyboard. */
function squash(text: string): string {
  return text.toLowerCase().replace(/[‘’]/g, "'").replace(/\s+/g, "");
}

type CallExpectation = Extract<EventExpectation, { event: "function_call" | "function_call_stopped" }>;

/** All calls that were listed, in any order; with none listed, any call. */
function matchCalls(expectation: CallExpectation, events: readonly Observed[], from: number): number | null {
  const wanted = callsOf(expectation);
  const at = events.flatMap((seen, index) =>
    index >= from && seen.event === expectation.event ? [index] : [],
  );
  if (wanted.length === 0) return at[0] === undefined ? null : at[0] + 1;
  const places = wanted.map((call) => at.find((index) => isCall(call, events[index])));
  if (places.some((place) => place === undefined)) return null;
  return Math.max(...places.map((place) => place ?? 0)) + 1;
}

function callsOf({ calls, name, args }: CallExpectation): readonly ExpectedCall[] {
  if (calls) return calls;
  return name === undefined ? [] : [{ name, args }];
}

function isCall({ name, args }: ExpectedCall, seen: Observed | undefined): boolean {
  return seen !== undefined && seen.fields.name === name && isSubset(args, seen.fields.args);
}

/** Whether every key of `wanted` is in `given` with the same value; objects are compared in the same way. */
export function isSubset(wanted: unknown, given: unknown): boolean {
  if (isObject(wanted)) {
    return isObject(given) && Object.entries(wanted).every(([key, value]) => isSubset(value, given[key]));
  }
  if (Array.isArray(wanted)) {
    return (
      Array.isArray(given) &&
      given.length === wanted.length &&
      wanted.every((value, at) => isSubset(value, given[at]))
    );
  }
  return wanted === given;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Fields of our own events: each that is named must be so. */
function hasFields(expectation: EventExpectation, { fields }: Observed): boolean {
  switch (expectation.event) {
    case "interrupted":
      return (
        expectation.after_chunks === undefined || Number(fields.after_chunks) <= expectation.after_chunks
      );
    case "transfer": {
      const { type, number, briefing_contains } = expectation;
      const briefing = squash(String(fields.briefing ?? ""));
      return (
        (type === undefined || fields.type === type) &&
        (number === undefined || fields.number === number) &&
        briefing_contains.every((part) => briefing.includes(squash(part)))
      );
    }
    case "error":
      return (
        (expectation.severity === undefined || fields.severity === expectation.severity) &&
        expectation.text_contains.every((part) => squash(String(fields.text ?? "")).includes(squash(part)))
      );
    default: {
      const { event: _event, within_ms: _within, absent: _absent, ...wanted } = expectation;
      return Object.entries(wanted).every(([key, value]) => value === undefined || fields[key] === value);
    }
  }
}

/** What the expectation asks for, in a few words. */
export function describe(expectation: EventExpectation): string {
  const { event, within_ms: _within, absent: _absent, ...rest } = expectation;
  const fields = sayFields(rest);
  return fields === "" ? event : `${event} {${fields}}`;
}

/** What came in its place, for the one line that says why it failed. */
export function whatCame(expectation: EventExpectation, events: readonly Observed[], from: number): string {
  const kind = expectation.event;
  const same = events.filter((seen, index) => index >= from && seen.event === kind);
  if (same.length === 0) return `no ${kind} came`;
  const shown = same.slice(-3).map(({ fields }) => {
    if (kind === "response" || kind === "user_transcription")
      return JSON.stringify(String(fields.text ?? ""));
    const { tool_call_id: _id, ...rest } = fields;
    const said = sayFields(rest);
    return said === "" ? kind : `{${said}}`;
  });
  return `came: ${shown.join(", ")}`;
}

export function textOf({ fields }: Observed): string {
  return typeof fields.text === "string" ? fields.text : "";
}
