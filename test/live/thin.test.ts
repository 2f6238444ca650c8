import assert from "node:assert/strict";
import test, { describe } from "node:test";
import type { LiveEvent } from "../../lib/live/live-event.ts";
import { thin } from "../../lib/live/thin.ts";

const at = "2026-01-15T10:30:00.000Z";
const said = (sessionId: string, number: number): LiveEvent => ({
  type: "turn",
  at,
  sessionId,
  number,
  role: "user",
  utterance: 1,
  text: "hello",
  offsetMs: 0,
});
const ended = (sessionId: string): LiveEvent => ({
  type: "call.ended",
  at,
  sessionId,
  reason: "idle",
  durationMs: 1,
});
const begun = (sessionId: string): LiveEvent => ({
  type: "call.started",
  at,
  sessionId,
  callId: null,
  callerNumber: null,
  direction: null,
  conversationType: "chat",
  agent: null,
  agentVersion: null,
  model: null,
  startedAt: at,
});
const names = (events: readonly LiveEvent[]) =>
  events.map((event) => `${event.sessionId} ${event.type === "turn" ? event.number : event.type}`);

describe("live events that are too many", () => {
  test("lose the oldest news, and no beginning and no end of a call", () => {
    const events = [ended("a"), begun("b"), said("b", 1), said("c", 7), said("b", 2), ended("d")];
    assert.deepEqual(names(thin(events, 4)), ["a call.ended", "b call.started", "b 2", "d call.ended"]);
    assert.deepEqual(names(thin(events, 1)), ["a call.ended", "b call.started", "d call.ended"]);
    assert.deepEqual(thin(events, 6), events);
  });

  test("lose a call that begins and ends among them", () => {
    const events = [begun("a"), said("a", 1), ended("a"), said("b", 1)];
    assert.deepEqual(names(thin(events, 10)), ["b 1"]);
  });
});
