import { PostgresAdapter, type RawBuilder, sql } from "kysely";
import { indexable, type Term } from "../search-words.ts";
import type { Db } from "./schema.ts";

/*
 * The index of the words that were said: FTS5 in SQLite, a tsvector with a GIN index in PostgreSQL. A call is in it once
 * it has ended, under the number `calls.doc`. It is made of what the record keeps: what is masked there cannot be found.
 */

/** What is indexed of one call, characters; PostgreSQL takes no more than a megabyte of different words. */
const MAX_INDEXED = 200_000;

export function isPostgres(db: Pick<Db, "getExecutor">): boolean {
  return db.getExecutor().adapter instanceof PostgresAdapter;
}

/** The calls' numbers in which all terms occur, as a subquery. */
export function docsWith(db: Db, terms: readonly Term[]): RawBuilder<number> {
  return isPostgres(db)
    ? sql<number>`select doc from call_words where words @@ to_tsquery('simple', ${toTsQuery(terms)})`
    : sql<number>`select rowid as doc from call_words where call_words match ${toFts5(terms)}`;
}

/** Puts the words of a call into the index. Run it in a transaction. @returns the number they are found under. */
export async function indexWords(db: Db, texts: readonly (string | null)[]): Promise<number> {
  const words = indexable(
    texts
      .filter((text) => text !== null)
      .join("\n")
      .slice(0, MAX_INDEXED),
  );
  if (isPostgres(db)) {
    const { rows } = await sql<{ doc: number }>`
      insert into call_words (words) values (to_tsvector('simple', ${words})) returning doc`.execute(db);
    return rows[0]?.doc ?? 0;
  }
  const last = await db
    .selectFrom("calls")
    .select(({ fn }) => fn.max("doc").as("doc"))
    .executeTakeFirst();
  const doc = (last?.doc ?? 0) + 1;
  await sql`insert into call_words (rowid, words) values (${doc}, ${words})`.execute(db);
  return doc;
}

export async function forgetWords(db: Db, docs: readonly number[]): Promise<void> {
  if (docs.length === 0) return;
  const key = sql.ref(isPostgres(db) ? "doc" : "rowid");
  await sql`delete from call_words where ${key} in (${sql.join(docs)})`.execute(db);
}

/** https://www.sqlite.org/fts5.html#full_text_query_syntax. Words are letters and digits, and need no escaping. */
function toFts5(terms: readonly Term[]): string {
  return terms.map(({ words, prefix }) => `"${words.join(" ")}"${prefix ? "*" : ""}`).join(" AND ");
}

/** https://www.postgresql.org/docs/current/datatype-textsearch.html#DATATYPE-TSQUERY */
function toTsQuery(terms: readonly Term[]): string {
  return terms
    .map(({ words, prefix }) => {
      const lexemes = words.map((word, n) => `'${word}'${prefix && n === words.length - 1 ? ":*" : ""}`);
      return `(${lexemes.join(" <-> ")})`;
    })
    .join(" & ");
}
