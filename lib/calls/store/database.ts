import { fileURLToPath } from "node:url";
import { type CompiledQuery, DEFAULT_MIGRATION_TABLE, Kysely, Migrator, PostgresDialect, sql } from "kysely";
import pg from "pg";
import type { Logger } from "pino";
import { createPool, patientPool, StorePostgresDialect } from "./postgres.ts";
import { type Db, migrations, type Schema } from "./schema.ts";
import { SqliteDialect, together } from "./sqlite.ts";
import { StoreError } from "./store-error.ts";

/** One database, whichever it is. `pool` is there for what only PostgreSQL can do, such as LISTEN. */
export type Database = (
  | { kind: "sqlite"; db: Db; pool: null }
  | { kind: "postgres"; db: Db; pool: pg.Pool }
) & {
  /** Breaks off what it has not answered yet, and asks it nothing more: for a process that cannot wait for it. */
  hangUp(): void;
};

/**
 * Opens `file:…` as SQLite or `postgres://…` as PostgreSQL and brings its tables up to date.
 * @throws {StoreError} that says what is wrong with the address or the database.
 */
export async function openDatabase(url: string, log: Logger): Promise<Database> {
  const database = connect(url, log);
  try {
    await migrate(url, database);
    return database;
  } catch (error) {
    await database.db.destroy();
    throw cannotOpen(error);
  }
}

function cannotOpen(error: unknown): StoreError {
  const reason = error instanceof Error ? error.message : String(error);
  return new StoreError("failed", `Cannot open the store of calls, see DATABASE_URL: ${reason}`, {
    cause: error,
  });
}

/**
 * Opens a database as it is, for who only reads: its tables are not brought up to date.
 * @throws {StoreError} that says what is wrong with the address or the database.
 */
export async function openForReading(url: string, log: Logger): Promise<Database> {
  const database = connect(url, log);
  try {
    if (database.kind === "sqlite") await sql`pragma query_only = on`.execute(database.db);
    const tables = await database.db.introspection.getTables({ withInternalKyselyTables: true });
    const last = Object.keys(migrations).at(-1);
    const done = tables.some(({ name }) => name === DEFAULT_MIGRATION_TABLE)
      ? await sql<{
          name: string;
        }>`select name from ${sql.table(DEFAULT_MIGRATION_TABLE)} where name = ${last}`.execute(database.db)
      : null;
    if (done?.rows.length) return database;
    throw new Error("it is of an earlier version: start the server once, which brings it up to date");
  } catch (error) {
    await database.db.destroy();
    throw cannotOpen(error);
  }
}

/** Runs queries whose rows nobody wants, in their order and in a transaction: all of them or none. */
export async function runAll({ kind, db }: Database, queries: readonly CompiledQuery[]): Promise<void> {
  if (kind === "sqlite") {
    await db.executeQuery(together(queries));
  } else {
    await db.transaction().execute(async (trx) => {
      for (const query of queries) await trx.executeQuery(query);
    });
  }
}

/**
 * Whether it is what was to be written that is refused, so that trying again is of no use. Everything else, such as a
 * full disk or a connection that broke, is the database's trouble, and passes.
 */
export function isRefused(error: unknown): boolean {
  if (error instanceof StoreError) return error.code === "refused" || error.code === "bad_row";
  // Data that is none, broken constraints, limits and mistakes in a query, but no table or right that is missing for
  // now: https://www.postgresql.org/docs/current/errcodes-appendix.html.
  if (error instanceof pg.DatabaseError) return /^(2[123]|54|42(?!P01|501))/.test(error.code ?? "");
  return error instanceof TypeError || error instanceof RangeError || error instanceof SyntaxError;
}

function connect(url: string, log: Logger): Database {
  if (/^postgres(ql)?:\/\//.test(url)) {
    const { pool, hangUp } = createPool(url, log);
    return {
      kind: "postgres",
      db: new Kysely<Schema>({ dialect: new StorePostgresDialect({ pool }) }),
      pool,
      hangUp,
    };
  }
  if (!url.startsWith("file:")) {
    throw new StoreError("bad_url", "DATABASE_URL must begin with file: or postgres://");
  }
  const file = url.startsWith("file://") ? fileURLToPath(url) : url.slice("file:".length);
  if (file === "")
    throw new StoreError("bad_url", "DATABASE_URL has no file name: write file:./data/calls.db");
  const dialect = new SqliteDialect(file);
  return { kind: "sqlite", db: new Kysely<Schema>({ dialect }), pool: null, hangUp: () => dialect.hangUp() };
}

async function migrate(url: string, { kind, db }: Database): Promise<void> {
  // A new index on a million calls may take a while, and so may another server that is at it.
  const patient =
    kind === "postgres"
      ? new Kysely<Schema>({ dialect: new PostgresDialect({ pool: patientPool(url) }) })
      : null;
  const provider = { getMigrations: async () => migrations };
  try {
    const { error } = await new Migrator({ db: patient ?? db, provider }).migrateToLatest();
    if (error) throw error;
  } finally {
    await patient?.destroy();
  }
}
