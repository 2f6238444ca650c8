import { blankTurn, type CallRecord, type Note, type TurnRecord } from "../../lib/calls/record.ts";
import {
  insertCall,
  insertNote,
  insertTurn,
  type PlainChange,
  setEscalation,
  setUsage,
  toQuery,
} from "../../lib/calls/store/change.ts";
import type { Db } from "../../lib/calls/store/schema.ts";
import { finishCall } from "../../lib/calls/store/write.ts";
import { SENTIMENT_SCORE, type Sentiment, type VerdictSource } from "../../lib/wire/log-events.ts";

/** A turn of the caller; `verdict` null: nobody judged it. */
export function userTurn(
  number: number,
  offsetMs: number,
  verdict: Sentiment | null,
  changes: Partial<TurnRecord> = {},
): TurnRecord {
  return {
    ...blankTurn(number, "user", offsetMs),
    text: "I have a question",
    words: 4,
    utterance: number,
    ...(verdict ? judged(verdict) : {}),
    ...changes,
  };
}

export function assistantTurn(
  number: number,
  offsetMs: number,
  changes: Partial<TurnRecord> = {},
): TurnRecord {
  return { ...blankTurn(number, "assistant", offsetMs), text: "Here is the answer", words: 4, ...changes };
}

export function judged(verdict: Sentiment, source: VerdictSource = "model") {
  const upset = { positive: 0.02, neutral: 0.05, negative: 0.6, frustrated: 0.9 }[verdict];
  const cause = upset >= 0.5 ? "said twice" : null;
  return { verdict, upset, cause, score: SENTIMENT_SCORE[verdict], source, analysisMs: 300 };
}

/** The caller's turns alone, a second apart, with these verdicts. */
export function userTurns(...verdicts: (Sentiment | null)[]): TurnRecord[] {
  return verdicts.map((verdict, index) => userTurn(index + 1, index * 1_000, verdict));
}

/** An ended call without turns, unless `changes` says otherwise. */
export function callRecord(changes: Partial<CallRecord> = {}): CallRecord {
  const startedAt = changes.startedAt ?? Date.UTC(2026, 0, 15, 10, 30);
  return {
    sessionId: "call-1",
    callId: null,
    direction: null,
    conversationType: "telephonyInbound",
    agent: null,
    agentVersion: null,
    model: null,
    variables: {},
    startedAt,
    endedAt: startedAt + 60_000,
    endReason: "client_closed",
    turns: [],
    alerts: [],
    errors: [],
    supervisor: [],
    transfers: [],
    feedback: [],
    escalation: null,
    usage: [],
    summary: null,
    ...changes,
  };
}

/** Writes a call as its recorder would have. */
export async function storeCall(db: Db, call: CallRecord, instance = "a-server"): Promise<void> {
  await db.transaction().execute((trx) => write(trx, call, instance));
}

/** Writes many calls at once. */
export async function storeCalls(db: Db, calls: readonly CallRecord[]): Promise<void> {
  await db.transaction().execute(async (trx) => {
    for (const call of calls) await write(trx, call, "a-server");
  });
}

/** Writes changes of the record at once. */
export async function change(db: Db, ...changes: PlainChange[]): Promise<void> {
  for (const each of changes) await db.executeQuery(toQuery(db, each));
}

async function write(trx: Db, call: CallRecord, instance: string): Promise<void> {
  await change(trx, insertCall(call, instance));
  for (const turn of call.turns) await change(trx, insertTurn(call.sessionId, turn));
  const notes: Note[] = [
    ...call.alerts.map((alert) => ({ kind: "alert" as const, ...alert })),
    ...call.errors.map((error) => ({ kind: "error" as const, ...error })),
    ...call.supervisor.map((act) => ({ kind: "supervisor" as const, ...act })),
    ...call.transfers.map((transfer) => ({ kind: "transfer" as const, transfer })),
    ...call.feedback.map((opinion) => ({ kind: "feedback" as const, ...opinion })),
  ];
  for (const [index, note] of notes.entries()) {
    await change(trx, insertNote(call.sessionId, index + 1, note));
  }
  if (call.escalation) await change(trx, setEscalation(call.sessionId, call.escalation));
  if (call.usage.length > 0) await change(trx, setUsage(call.sessionId, call.usage));
  if (call.endedAt === null || call.endReason === null) return;
  await finishCall(trx, call.sessionId, { endedAt: call.endedAt, endReason: call.endReason });
}
