import { z } from "zod";
import { groupBy } from "../group-by.ts";
import type { Db } from "../store/schema.ts";
import { lockCall } from "../store/write.ts";
import { ANSWERS, type Answers, type ScoringForm, shareOf } from "./form.ts";

/** One person's answers to the form, or a model's proposal of them. */
export type Scorecard = {
  by: string;
  source: "person" | "model";
  /** The form's name. */
  form: string;
  answers: Answers;
  /** A model's reasons, by question; empty for a person. */
  reasons: Record<string, string>;
  comment: string;
  /** 0…100; null where nothing that applies was answered. */
  score: number | null;
  /** Epoch, ms. */
  at: number;
};

const answersText = z.record(z.string(), z.enum(ANSWERS));

const cardRow = z
  .object({
    session_id: z.string(),
    source: z.enum(["person", "model"]),
    author: z.string(),
    form: z.string(),
    answers: z.string(),
    reasons: z.string(),
    comment: z.string(),
    score: z.number().nullable(),
    at: z.number(),
  })
  .transform(({ session_id, author, answers, reasons, ...rest }) => ({
    ...rest,
    sessionId: session_id,
    by: author,
    answers: answersText.parse(JSON.parse(answers)),
    reasons: z.record(z.string(), z.string()).parse(JSON.parse(reasons)),
  }));

/**
 * Keeps a card in place of the one that the same person, or the model, gave before.
 * @returns whether there is such a call.
 */
export async function saveScorecard(db: Db, sessionId: string, card: Scorecard): Promise<boolean> {
  const { by, source, form, answers, reasons, comment, score, at } = card;
  const row = {
    form,
    answers: JSON.stringify(answers),
    reasons: JSON.stringify(reasons),
    comment,
    score,
    at,
  };
  return db.transaction().execute(async (trx) => {
    if (!(await lockCall(trx, sessionId))) return false;
    await trx
      .insertInto("scorecards")
      .values({ session_id: sessionId, author: by, source, ...row })
      .onConflict((known) => known.columns(["session_id", "source", "author"]).doUpdateSet(row))
      .execute();
    return true;
  });
}

/** Takes back what a person said. */
export async function deleteScorecard(db: Db, sessionId: string, by: string): Promise<void> {
  await db
    .deleteFrom("scorecards")
    .where("session_id", "=", sessionId)
    .where("source", "=", "person")
    .where("author", "=", by)
    .execute();
}

/** What of a card is compared with others. */
export type GivenAnswers = Pick<Scorecard, "by" | "source" | "form" | "answers" | "score"> & {
  sessionId: string;
};

/** The answers on the cards of these calls. Many are the same, and read once. */
export async function readAnswers(db: Db, sessionIds: readonly string[]): Promise<GivenAnswers[]> {
  if (sessionIds.length === 0) return [];
  const rows = await db
    .selectFrom("scorecards")
    .select(["session_id", "source", "author", "form", "answers", "score"])
    .where("session_id", "in", sessionIds)
    .execute();
  const read = new Map<string, Answers>();
  return rows.map(({ session_id: sessionId, source, author: by, form, answers: text, score }) => {
    const answers = read.get(text) ?? answersText.parse(JSON.parse(text));
    read.set(text, answers);
    return { sessionId, source: source === "person" ? "person" : "model", by, form, answers, score };
  });
}

/**
 * What people answered each question of this form, 0…100, in the order of the questions: the mean where several did, null
 * where nobody did. Calls that nobody has scored by it are left out.
 */
export async function readMeanAnswers(
  db: Db,
  { name, questions }: ScoringForm,
  sessionIds: readonly string[],
): Promise<Map<string, (number | null)[]>> {
  const cards = await readAnswers(db, sessionIds);
  const ours = cards.filter(({ source, form }) => source === "person" && form === name);
  const byCall = [...groupBy(ours, ({ sessionId }) => sessionId)];
  return new Map(
    byCall.map(([id, own]) => [
      id,
      questions.map((question) => meanPercent(own.map(({ answers }) => shareOf(answers[question.id])))),
    ]),
  );
}

/** In whole points; null where there is none. */
function meanPercent(shares: readonly (number | null)[]): number | null {
  const known = shares.filter((share) => share !== null);
  if (known.length === 0) return null;
  return Math.round((100 * known.reduce((sum, share) => sum + share, 0)) / known.length);
}

/** The cards of these calls, the oldest first. */
export async function readScorecards(
  db: Db,
  sessionIds: readonly string[],
): Promise<(Scorecard & { sessionId: string })[]> {
  if (sessionIds.length === 0) return [];
  const rows = await db
    .selectFrom("scorecards")
    .selectAll()
    .where("session_id", "in", sessionIds)
    .orderBy("at")
    .orderBy("author")
    .execute();
  return rows.map((row) => cardRow.parse(row));
}
