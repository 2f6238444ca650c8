import { existsSync } from "node:fs";
import { pino } from "pino";
import { groupBy } from "../lib/calls/group-by.ts";
import type { CallRecord, TurnRecord } from "../lib/calls/record.ts";
import { readVerdictLabels, type VerdictLabel } from "../lib/calls/review/verdict-labels.ts";
import { type Database, openForReading } from "../lib/calls/store/database.ts";
import { readCalls } from "../lib/calls/store/read.ts";
import type { Db } from "../lib/calls/store/schema.ts";
import { UPSET_BY_CLASS } from "../lib/llm/mood-request.ts";
import type { Judgement } from "../lib/mood/judge.ts";
import type { Sentiment } from "../lib/wire/log-events.ts";
import { LabelError, type LabelledCall } from "./labelled-calls.ts";

/** Calls read at a time. */
const PAGE = 100;

/** A recorded call on whose turns people have said what they were. */
export type LabelledRecord = {
  call: LabelledCall;
  /** The verdicts on the caller's turns as they were given in the call, in their order; null where there was none. */
  given: (Judgement | null)[];
};

/** Those calls, and what could not be used of the labels. */
export type LabelledRecords = {
  calls: LabelledRecord[];
  /** Turns on which people disagree, as many for one class as for another. */
  undecided: number;
  /** Calls whose words were not recorded. */
  withoutText: number;
};

/**
 * Reads the labelled calls of the record that `DATABASE_URL` names, and writes nothing to it.
 * @param needsText whether calls without words are of no use
 * @throws {LabelError} when there is nothing to measure on, {@link StoreError} when the record cannot be read
 */
export async function readLabelledRecords(url: string, needsText: boolean): Promise<LabelledRecords> {
  const file = url.startsWith("file:") ? url.replace(/^file:(\/\/)?/, "") : null;
  if (file !== null && !existsSync(file))
    throw new LabelError(`There are no calls yet: ${file} does not exist`);
  const database = await openForReading(url, pino({ level: "silent" }));
  try {
    const all = await readAll(database, needsText);
    if (all.calls.length > 0) return all;
    throw new LabelError(nothingIn(all));
  } finally {
    await database.db.destroy();
  }
}

function nothingIn({ undecided, withoutText }: LabelledRecords): string {
  if (withoutText > 0)
    return `The ${withoutText} labelled calls were recorded without words (RECORD_TEXT=none): only --given can be measured`;
  const what = "press Right or Wrong beside verdicts in a call's report on /console";
  return undecided > 0
    ? `People disagree on every labelled turn (${undecided}): ${what} of others`
    : `No recorded call is labelled yet: ${what}`;
}

async function readAll({ kind, db }: Database, needsText: boolean): Promise<LabelledRecords> {
  const found: LabelledRecords = { calls: [], undecided: 0, withoutText: 0 };
  const read = async (reader: Db) => {
    for (let after = ""; ; ) {
      const ids = await nextIds(reader, after);
      const labels = await readVerdictLabels(reader, ids);
      for (const record of await readCalls(reader, ids)) add(found, record, labels, needsText);
      const last = ids.at(-1);
      if (last === undefined || ids.length < PAGE) return;
      after = last;
    }
  };
  await (kind === "postgres" ? db.transaction().setAccessMode("read only").execute(read) : read(db));
  return found;
}

async function nextIds(db: Db, after: string): Promise<string[]> {
  const rows = await db
    .selectFrom("verdict_labels")
    .select("session_id")
    .distinct()
    .where("session_id", ">", after)
    .orderBy("session_id")
    .limit(PAGE)
    .execute();
  return rows.map(({ session_id }) => session_id);
}

function add(
  found: LabelledRecords,
  record: CallRecord,
  labels: ReadonlyMap<string, VerdictLabel[]>,
  needsText: boolean,
): void {
  if (needsText && record.turns.some(({ text }) => text === null)) {
    found.withoutText += 1;
    return;
  }
  const decided = new Map<number, Sentiment>();
  for (const [number, own] of groupBy(labels.get(record.sessionId) ?? [], ({ turn }) => turn)) {
    const at = record.turns.findIndex((turn) => turn.number === number);
    const verdict = mostSaid(own.map((label) => label.verdict));
    if (verdict === null) found.undecided += 1;
    else if (at >= 0) decided.set(at, verdict);
  }
  if (decided.size > 0) found.calls.push(toLabelled(record, decided));
}

function toLabelled({ sessionId, turns }: CallRecord, labels: Map<number, Sentiment>): LabelledRecord {
  const isUpset = (verdict: Sentiment) => verdict === "negative" || verdict === "frustrated";
  return {
    call: {
      id: sessionId,
      kind: "recorded",
      turns: turns.map(({ role, text }) => ({ role: role === "user" ? "user" : "agent", text: text ?? "" })),
      upset: new Set([...labels].flatMap(([at, verdict]) => (isUpset(verdict) ? [at] : []))),
      labels,
      known: new Set(labels.keys()),
      handoverFrom: "unknown",
    },
    given: turns.filter(({ role }) => role === "user").map(judgementOf),
  };
}

function judgementOf({ verdict, upset, cause }: TurnRecord): Judgement | null {
  if (verdict === null) return null;
  // Calls of earlier versions have no probability.
  return { sentiment: verdict, upset: upset ?? UPSET_BY_CLASS[verdict], cause };
}

/** What most of them say; null when as many say something else. */
function mostSaid(verdicts: readonly Sentiment[]): Sentiment | null {
  const [first, second] = [...groupBy(verdicts, (verdict) => verdict).values()].sort(
    (a, b) => b.length - a.length,
  );
  return first && first.length > (second?.length ?? 0) ? (first[0] ?? null) : null;
}
