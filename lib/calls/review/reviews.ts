import { groupBy } from "../group-by.ts";
import type { Db } from "../store/schema.ts";
import { type Agreement, agreementOf, RatedCounts } from "./agreement.ts";
import { type GivenAnswers, readAnswers } from "./scorecards.ts";

/** Calls read at a time. */
const PAGE = 500;
/** The latest calls reviewed by people that are looked at. */
const MAX_CALLS = 5_000;
/** Pairs of judges that are listed, those with the most answers in common. */
const MAX_PAIRS = 30;
/** Names that are counted, of each kind. */
const MAX_NAMES = 30;

/** Two people, or a person and the model, on the questions of the form. */
export type Pair = Agreement & { one: string; other: string; otherIs: "person" | "model" };

/** What people said about the calls of some time. */
export type Reviews = {
  /** Calls that somebody has scored, and the mean of their scores; a call that several have scored counts once. */
  scored: { calls: number; score: number | null };
  pairs: Pair[];
  /** Over all pairs of two people, and of a person and a model. */
  people: Agreement;
  model: Agreement;
  /** People's labels on verdicts against the verdicts, and against one another. */
  verdicts: { given: Agreement; people: Agreement };
  /** How many calls. */
  outcomes: Record<string, number>;
  topics: Record<string, number>;
  labels: Record<string, number>;
};

/** Of the calls that began in `from`…`to`, epoch ms. */
export async function readReviews(db: Db, from: number, to: number): Promise<Reviews> {
  const pairs = new Map<string, { pair: Pick<Pair, "one" | "other" | "otherIs">; rated: RatedCounts }>();
  const given = new RatedCounts();
  const labelled = new RatedCounts();
  const scores: number[] = [];
  const ids = await reviewedCalls(db, from, to);
  for (let start = 0; start < ids.length; start += PAGE) {
    const page = ids.slice(start, start + PAGE);
    for (const own of groupBy(await readAnswers(db, page), ({ sessionId }) => sessionId).values()) {
      const people = own.filter(({ source }) => source === "person");
      const known = people.flatMap(({ score }) => (score === null ? [] : [score]));
      if (known.length > 0) scores.push(mean(known));
      for (const { one, other } of pairsOf(own)) {
        const pair = { one: one.by, other: other.by, otherIs: other.source };
        const key = JSON.stringify(pair);
        const entry = pairs.get(key) ?? { pair, rated: new RatedCounts() };
        pairs.set(key, entry);
        countCommon(entry.rated, one, other);
      }
    }
    const labels = await readLabels(db, page);
    for (const { verdict, was } of labels) if (was !== null) given.add("verdict", verdict, was);
    for (const ofTurn of groupBy(labels, ({ sessionId, turn }) => `${sessionId} ${turn}`).values()) {
      const sorted = ofTurn.toSorted(byName);
      for (const [index, one] of sorted.entries()) {
        for (const other of sorted.slice(index + 1))
          labelled.add(JSON.stringify([one.by, other.by]), one.verdict, other.verdict);
      }
    }
  }
  const found = [...pairs.values()]
    .map(({ pair, rated }) => ({ pair, rated: rated.all }))
    .filter(({ rated }) => rated.length > 0);
  const among = (kind: Pair["otherIs"]) =>
    agreementOf(
      found
        .filter(({ pair }) => pair.otherIs === kind)
        // Each pair is as strict as it is, so each is an item of its own.
        .flatMap(({ pair, rated }) =>
          rated.map((one) => ({ ...one, item: JSON.stringify([pair, one.item]) })),
        ),
    );
  return {
    scored: { calls: scores.length, score: scores.length === 0 ? null : Math.round(mean(scores)) },
    pairs: found
      .map(({ pair, rated }) => ({ ...pair, ...agreementOf(rated) }))
      .sort((a, b) => b.answers - a.answers || (a.one < b.one ? -1 : 1))
      .slice(0, MAX_PAIRS),
    people: among("person"),
    model: among("model"),
    verdicts: { given: agreementOf(given.all), people: agreementOf(labelled.all) },
    outcomes: await countTags(db, "outcome", from, to),
    topics: await countTags(db, "topic", from, to),
    labels: await countTags(db, "label", from, to),
  };
}

async function reviewedCalls(db: Db, from: number, to: number): Promise<string[]> {
  const calls = await db
    .selectFrom("calls")
    .select("id")
    .where("started_at", ">=", from)
    .where("started_at", "<", to)
    .where(({ or, eb, selectFrom }) =>
      or([
        // With a model that proposes, every call has a card.
        eb("id", "in", selectFrom("scorecards").select("session_id").where("source", "=", "person")),
        eb("id", "in", selectFrom("verdict_labels").select("session_id")),
      ]),
    )
    .orderBy("started_at", "desc")
    .limit(MAX_CALLS)
    .execute();
  return calls.map(({ id }) => id);
}

/** Every two people, and every person with every model. */
function pairsOf(cards: readonly GivenAnswers[]): { one: GivenAnswers; other: GivenAnswers }[] {
  const people = cards.filter(({ source }) => source === "person").sort(byName);
  const models = cards.filter(({ source }) => source === "model");
  return people.flatMap((one, index) =>
    [...people.slice(index + 1), ...models].map((other) => ({ one, other })),
  );
}

/** Adds what both have answered. */
function countCommon(counts: RatedCounts, one: GivenAnswers, other: GivenAnswers): void {
  if (one.form !== other.form) return;
  for (const [id, answer] of Object.entries(one.answers)) {
    const second = other.answers[id];
    if (second !== undefined) counts.add(`${id} ${one.form}`, answer, second);
  }
}

/** What people said of verdicts in these calls. `was`: the verdict itself. */
async function readLabels(
  db: Db,
  sessionIds: readonly string[],
): Promise<{ sessionId: string; turn: number; by: string; verdict: string; was: string | null }[]> {
  return db
    .selectFrom("verdict_labels")
    .innerJoin("turns", (join) =>
      join
        .onRef("turns.session_id", "=", "verdict_labels.session_id")
        .onRef("turns.number", "=", "verdict_labels.turn"),
    )
    .select([
      "verdict_labels.session_id as sessionId",
      "verdict_labels.turn",
      "verdict_labels.author as by",
      "verdict_labels.verdict",
      "turns.verdict as was",
    ])
    .where("verdict_labels.session_id", "in", sessionIds)
    .execute();
}

async function countTags(db: Db, kind: string, from: number, to: number): Promise<Record<string, number>> {
  const rows = await db
    .selectFrom("tags")
    .innerJoin("calls", "calls.id", "tags.session_id")
    .select(({ fn }) => ["tags.value", fn.countAll<number>().as("calls")])
    .where("tags.kind", "=", kind)
    .where("calls.started_at", ">=", from)
    .where("calls.started_at", "<", to)
    .groupBy("tags.value")
    .orderBy("calls", "desc")
    .orderBy("tags.value")
    .limit(MAX_NAMES)
    .execute();
  return Object.fromEntries(rows.map(({ value, calls }) => [value, calls]));
}

function byName(a: { by: string }, b: { by: string }): number {
  return a.by < b.by ? -1 : 1;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
