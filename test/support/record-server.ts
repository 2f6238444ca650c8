import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { loadForm } from "../../lib/calls/review/form.ts";
import { saveScorecard } from "../../lib/calls/review/scorecards.ts";
import { openDatabase } from "../../lib/calls/store/database.ts";
import { setSummary } from "../../lib/calls/store/write.ts";
import { assistantTurn, callRecord, storeCalls, userTurn } from "./call-records.ts";
import { type ServerProcess, startServerProcess } from "./server-process.ts";

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
export const LONG_ID = `CA-${"0123456789abcdef".repeat(12)}`;

/** A session's id as servers make them. */
const sessionId = (number: number) => `00000000-0000-4000-8000-${String(number).padStart(12, "0")}`;
/** The session of the call with everything a report can show, of the one of 200 turns, and of the one with a long id. */
export const WHOLE = sessionId(1_000);
export const HOUR = sessionId(1_001);
export const LONG = sessionId(1_002);
/** The session of a call whose words are not on record. */
export const WORDLESS = sessionId(1_010);

/** A server whose record has been written before, and how to stop it. */
export type RecordServer = { server: ServerProcess; url: string; stop(): Promise<void> };

/** Starts a server on a record of a month of calls, and of some in March 2026 that have something of their own. */
export async function startRecordServer(env: Record<string, string> = {}): Promise<RecordServer> {
  const folder = await mkdtemp(join(tmpdir(), "record-"));
  const url = `file:${join(folder, "calls.db")}`;
  await fill(url);
  const server = await startServerProcess({ env: { DATABASE_URL: url, RETENTION_DAYS: "0", ...env } });
  const stop = async () => {
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  };
  return { server, url: server.url, stop };
}

async function fill(url: string): Promise<void> {
  const { db } = await openDatabase(url, pino({ level: "silent" }));
  const today = Math.floor(Date.now() / DAY_MS) * DAY_MS;
  const monthOfCalls = Array.from({ length: 120 }, (_, n) =>
    callRecord({
      sessionId: sessionId(n),
      callId: `CA-month-${n}`,
      startedAt: today - Math.floor(n / 4) * DAY_MS - (n % 4) * 5 * HOUR_MS,
      agentVersion: n % 2 === 0 ? "v1" : "v2",
      usage: [{ model: "big", requests: 2, cancelled: 0, failed: 0, inputTokens: 10_000, outputTokens: 500 }],
      turns: [
        userTurn(1, 0, n % 3 === 0 ? "negative" : "neutral"),
        assistantTurn(2, 10, { replyMs: 400 + n }),
      ],
    }),
  );
  const march = (text: string) => Date.parse(`2026-03-${text}Z`);
  await storeCalls(db, [
    ...monthOfCalls,
    callRecord({
      sessionId: sessionId(1_003),
      callId: "CA-morning-of-the-23rd-in-utc",
      startedAt: march("23T02:00"),
    }),
    callRecord({
      sessionId: sessionId(1_004),
      callId: "CA-evening-of-the-23rd",
      startedAt: march("24T01:30"),
    }),
    // The clocks of Los Angeles show one o'clock twice.
    ...(["08", "09"] as const).map((hour) =>
      callRecord({
        sessionId: sessionId(1_000 + Number(hour)),
        callId: `CA-one-oclock-${hour}-in-utc`,
        startedAt: Date.parse(`2025-11-02T${hour}:30Z`),
        turns: [userTurn(1, 0, "negative")],
      }),
    ),
    callRecord({
      sessionId: WORDLESS,
      startedAt: march("20T12:00"),
      turns: [userTurn(1, 0, "negative", { text: null })],
    }),
    callRecord({ sessionId: LONG, callId: LONG_ID, startedAt: march("24T12:00"), endReason: "idle" }),
    wholeCall(march("25T10:00")),
    longCall(march("10T10:00")),
  ]);
  await setSummary(db, WHOLE, [
    {
      identifier: "call_summary",
      value: "The caller wanted the parcel.",
      confidence: 0.9,
      reasoning: "said so",
      type: "summary",
    },
  ]);
  await saveScorecard(db, LONG, {
    by: "judge",
    source: "model",
    form: loadForm(undefined).name,
    answers: { greeting: "yes", understanding: "4", handover: "not_applicable" },
    reasons: { understanding: "It asked once more than it had to." },
    comment: "",
    score: 81,
    at: march("24T12:05"),
  });
  await db.destroy();
}

/** One of 200 turns. */
function longCall(startedAt: number) {
  const turns = Array.from({ length: 100 }, (_, n) => [
    userTurn(2 * n + 1, n * 10_000, "neutral", { utterance: n + 1, text: `Question ${n + 1}` }),
    assistantTurn(2 * n + 2, n * 10_000 + 3_000, { text: `Answer ${n + 1}` }),
  ]).flat();
  return callRecord({ sessionId: HOUR, callId: "CA-hour", startedAt, turns });
}

/** One with everything a report can show. */
function wholeCall(startedAt: number) {
  const tools = [
    { name: "get_order", outcome: "ok" as const, latencyMs: 41 },
    { name: "refund", outcome: "error" as const, latencyMs: null },
  ];
  const answer = { firstChunkMs: 300, replyMs: 310, answerMs: 900, outcome: "completed" as const };
  return callRecord({
    sessionId: WHOLE,
    callId: "CA-whole",
    startedAt,
    variables: { plan: "gold" },
    turns: [
      assistantTurn(1, 0, { text: "Hello! What can I do for you?", words: 7 }),
      userTurn(2, 5_000, "neutral", { text: "مرحبا، أين طردي؟", utterance: 1 }),
      assistantTurn(3, 5_010, { ...answer, text: "I have found it.", tools }),
      userTurn(4, 12_000, "negative", { text: "זה מאוחר מדי", utterance: 2 }),
      assistantTurn(5, 20_000, { text: "I am the team lead, I look after it.", words: 9 }),
      userTurn(6, 26_000, "frustrated", { text: "Nobody looks after anything!", utterance: 3 }),
      userTurn(7, 33_000, "frustrated", { text: "A supervisor, now!", utterance: 4 }),
      assistantTurn(8, 33_010, { ...answer, text: "Let me connect you with a supervisor." }),
    ],
    alerts: [
      {
        offsetMs: 26_000,
        rule: "negative_run",
        severity: "warn",
        message: "Two unhappy turns",
        evidence: { turns: [4, 6] },
      },
    ],
    supervisor: [
      { offsetMs: 15_000, action: "whisper", text: "Offer to send it again", by: "anna" },
      { offsetMs: 20_004, action: "say", text: "I am the team lead, I look after it.", by: "anna" },
    ],
    escalation: {
      reason: "frustration_threshold_exceeded",
      utterance: 4,
      offsetMs: 33_300,
      frustrationCount: 3,
      threshold: 3,
      sameTurn: true,
      action: "cold_transfer",
      outcome: "requested",
    },
  });
}
