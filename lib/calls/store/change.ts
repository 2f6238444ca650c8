import type { CompiledQuery, Insertable } from "kysely";
import { z } from "zod";
import {
  CALL_ENDS,
  type CallStart,
  type Escalation,
  type ModelUsage,
  type Note,
  type TurnRecord,
  type Verdict,
} from "../record.ts";
import { fromCallStart, fromTurn } from "./rows.ts";
import type { CallsTable, Db, NotesTable, TurnsTable } from "./schema.ts";

/*
 * What is written of a call that goes on, as data and not as queries: it may have to wait in a file (`../backlog.ts`).
 * Each may be written twice, for nobody knows whether a database that broke off in a commit had done it.
 */

/** What may become known of a turn after it was written: the verdict on it, or what was spoken of it and whether it was cut short. */
export type TurnChanges =
  | (Omit<Verdict, "analysisMs"> & { analysis_ms: Verdict["analysisMs"] })
  | { text: string | null; words: number }
  | { interrupted: 1 };
type CallChanges = { usage: string } | { escalation: string };

/** A row as it came from a file: the columns are the database's matter, which refuses those it does not have. */
const row = <T>() =>
  z.custom<T>(
    (value) =>
      typeof value === "object" &&
      value !== null &&
      Object.values(value).every(
        (each) => each === null || typeof each === "string" || typeof each === "number",
      ),
  );

export const changeSchema = z.discriminatedUnion("do", [
  z.object({ do: z.literal("begin"), row: row<Insertable<CallsTable>>() }),
  z.object({ do: z.literal("turn"), row: row<Insertable<TurnsTable>>() }),
  z.object({ do: z.literal("note"), row: row<Insertable<NotesTable>>() }),
  z.object({ do: z.literal("change_turn"), id: z.string(), number: z.number(), set: row<TurnChanges>() }),
  z.object({ do: z.literal("change_call"), id: z.string(), set: row<CallChanges>() }),
  z.object({ do: z.literal("end"), id: z.string(), endedAt: z.number(), endReason: z.enum(CALL_ENDS) }),
  /** A server is gone, and all it had left to write stands before this. */
  z.object({ do: z.literal("abandon"), instance: z.string() }),
]);
export type Change = z.output<typeof changeSchema>;
/** A change that is one query, whose rows nobody wants. */
export type PlainChange = Exclude<Change, { do: "end" | "abandon" }>;

export function isPlain(change: Change): change is PlainChange {
  return change.do !== "end" && change.do !== "abandon";
}

export function insertCall(start: CallStart, instance: string): PlainChange {
  return { do: "begin", row: fromCallStart(start, instance) };
}

export function insertTurn(sessionId: string, turn: TurnRecord): PlainChange {
  return { do: "turn", row: fromTurn(sessionId, turn) };
}

export function updateTurn(id: string, number: number, set: TurnChanges): PlainChange {
  return { do: "change_turn", id, number, set };
}

/** Adds the verdict on what the caller said in the turn of that number, however late it comes. */
export function setVerdict(id: string, number: number, { analysisMs, ...rest }: Verdict): PlainChange {
  return updateTurn(id, number, { ...rest, analysis_ms: analysisMs });
}

export function insertNote(sessionId: string, number: number, { kind, ...body }: Note): PlainChange {
  return { do: "note", row: { session_id: sessionId, number, kind, body: JSON.stringify(body) } };
}

export function setUsage(id: string, usage: readonly ModelUsage[]): PlainChange {
  return { do: "change_call", id, set: { usage: JSON.stringify(usage) } };
}

export function setEscalation(id: string, escalation: Escalation): PlainChange {
  return { do: "change_call", id, set: { escalation: JSON.stringify(escalation) } };
}

/** The change as a query. */
export function toQuery(db: Db, change: PlainChange): CompiledQuery {
  switch (change.do) {
    case "begin":
      return db
        .insertInto("calls")
        .values(change.row)
        .onConflict((known) => known.doNothing())
        .compile();
    case "turn":
      return db
        .insertInto("turns")
        .values(change.row)
        .onConflict((known) => known.doNothing())
        .compile();
    case "note":
      return db
        .insertInto("notes")
        .values(change.row)
        .onConflict((known) => known.doNothing())
        .compile();
    case "change_turn":
      return db
        .updateTable("turns")
        .set(change.set)
        .where("session_id", "=", change.id)
        .where("number", "=", change.number)
        .compile();
    case "change_call":
      return db.updateTable("calls").set(change.set).where("id", "=", change.id).compile();
  }
}

/** About how much memory it takes, bytes. */
export function sizeOf(change: Change): number {
  const values = Object.values("row" in change ? change.row : "set" in change ? change.set : {});
  return values.reduce<number>((sum, value) => sum + (typeof value === "string" ? value.length : 8), 100);
}
