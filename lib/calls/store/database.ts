import { fileURLToPath } from "node:url";
import { type CompiledQuery, Kysely, Migrator } from "kysely";
import pg from "pg";
import type { Logger } from "pino";
import { createPool, StorePostgresDialect } from "./postgres.ts";
import { type Db, migrations, type Schema } from "./schema.ts";
import { SqliteDialect, together } from "./sqlite.ts";
import { StoreError } from "./store-error.ts";

/** One database, whichever it is. `pool` is there for what only PostgreSQL can do, such as LISTEN. */
export type Database = { kind: "sqlite"; db: Db; pool: null } | { kind: "postgres"; db: Db; pool: pg.Pool };

/**
 * Opens `file:…` as SQLite or `postgres://…` as PostgreSQL and brings its tables up to date.
 * @throws {StoreError} that says what is wrong with the address or the database.
 */
export async function openDatabase(url: string, log: Logger): Promise<Database> {
  const database = connect(url, log);
  try {
    await migrate(database.db);
    return database;
  } catch (error) {
    await database.db.destroy();
    const reason = error instanceof Error ? error.message : String(error);
    throw new StoreError("failed", `Cannot open the store of calls, see DATABASE_URL: ${reason}`, {
      cause: error,
    });
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

/** Whether it is what was to be written that is refused, so that trying again is of no use. */
export function isRefused(error: unknown): boolean {
  if (error instanceof StoreError) return error.code === "refused";
  // Data exceptions and broken constraints, https://www.postgresql.org/docs/current/errcodes-appendix.html.
  return error instanceof pg.DatabaseError && /^2[23]/.test(error.code ?? "");
}

function connect(url: string, log: Logger): Database {
  if (/^postgres(ql)?:\/\//.test(url)) {
    const pool = createPool(url, log);
    return {
      kind: "postgres",
      db: new Kysely<Schema>({ dialect: new StorePostgresDialect({ pool }) }),
      pool,
    };
  }
  if (!url.startsWith("file:")) {
    throw new StoreError("bad_url", "DATABASE_URL must begin with file: or postgres://");
  }
  const file = url.startsWith("file://") ? fileURLToPath(url) : url.slice("file:".length);
  if (file === "") throw new StoreError("bad_url", "DATABASE_URL names no file: file:./data/calls.db");
  return { kind: "sqlite", db: new Kysely<Schema>({ dialect: new SqliteDialect(file) }), pool: null };
}

async function migrate(db: Db): Promise<void> {
  const migrator = new Migrator({ db, provider: { getMigrations: async () => migrations } });
  const { error } = await migrator.migrateToLatest();
  if (error) throw error;
}
