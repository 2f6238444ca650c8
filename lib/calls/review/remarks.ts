import { randomUUID } from "node:crypto";
import { z } from "zod";
import type { Db } from "../store/schema.ts";
import { lockCall } from "../store/write.ts";

/** Remarks kept of one call. */
const MAX_REMARKS = 500;

export const REMARK_KINDS = ["label", "note"] as const;

/** A label or a note on a call, or on one of its turns. */
export type Remark = {
  id: string;
  /** Null: on the call. */
  turn: number | null;
  by: string;
  kind: (typeof REMARK_KINDS)[number];
  text: string;
  /** Epoch, ms. */
  at: number;
};

/** Adds a remark. A label is also what the call can be found by. @returns what it could not be added to, if anything. */
export async function addRemark(
  db: Db,
  sessionId: string,
  remark: Omit<Remark, "id">,
): Promise<"saved" | "no_call" | "no_turn" | "full"> {
  const { turn, by, kind, text, at } = remark;
  return db.transaction().execute(async (trx) => {
    if (!(await lockCall(trx, sessionId))) return "no_call";
    if (turn !== null && !(await hasTurn(trx, sessionId, turn))) return "no_turn";
    const { n } = await trx
      .selectFrom("remarks")
      .select(({ fn }) => fn.countAll<number>().as("n"))
      .where("session_id", "=", sessionId)
      .executeTakeFirstOrThrow();
    if (n >= MAX_REMARKS) return "full";
    await trx
      .insertInto("remarks")
      .values({ id: randomUUID(), session_id: sessionId, turn, author: by, kind, text, at })
      .execute();
    if (kind === "label") {
      await trx
        .insertInto("tags")
        .values({ session_id: sessionId, kind, value: text })
        .onConflict((known) => known.doNothing())
        .execute();
    }
    return "saved";
  });
}

async function hasTurn(db: Db, sessionId: string, number: number): Promise<boolean> {
  const turn = await db
    .selectFrom("turns")
    .select("number")
    .where("session_id", "=", sessionId)
    .where("number", "=", number)
    .executeTakeFirst();
  return turn !== undefined;
}

/** Deletes a remark of this person; with `by` null, of anybody. @returns whether it was there. */
export async function deleteRemark(
  db: Db,
  sessionId: string,
  id: string,
  by: string | null,
): Promise<boolean> {
  return db.transaction().execute(async (trx) => {
    if (!(await lockCall(trx, sessionId))) return false;
    let query = trx.deleteFrom("remarks").where("session_id", "=", sessionId).where("id", "=", id);
    if (by !== null) query = query.where("author", "=", by);
    const gone = await query.returning(["kind", "text"]).executeTakeFirst();
    if (gone?.kind === "label") await untag(trx, sessionId, gone.text);
    return gone !== undefined;
  });
}

/** Unless somebody else has given the call the same label. */
async function untag(db: Db, sessionId: string, label: string): Promise<void> {
  await db
    .deleteFrom("tags")
    .where("session_id", "=", sessionId)
    .where("kind", "=", "label")
    .where("value", "=", label)
    .where(({ not, exists, selectFrom }) =>
      not(
        exists(
          selectFrom("remarks")
            .select("id")
            .where("session_id", "=", sessionId)
            .where("kind", "=", "label")
            .where("text", "=", label),
        ),
      ),
    )
    .execute();
}

/** The oldest first. */
export async function readRemarks(db: Db, sessionId: string): Promise<Remark[]> {
  const rows = await db
    .selectFrom("remarks")
    .selectAll()
    .where("session_id", "=", sessionId)
    .orderBy("at")
    .orderBy("id")
    .execute();
  return rows.map(({ id, turn, author, kind, text, at }) => ({
    id,
    turn,
    by: author,
    kind: z.enum(REMARK_KINDS).parse(kind),
    text,
    at,
  }));
}
