import { PostgresDialect, PostgresQueryCompiler } from "kysely";
import pg from "pg";
import type { Logger } from "pino";
import { storable } from "./parameter.ts";

/** Connections per server process: one writes, the others read. PostgreSQL allows 100 in all by default. */
const MAX_CONNECTIONS = 5;
/** Longest wait for a connection, ms. */
const CONNECT_TIMEOUT_MS = 5_000;

/** A pool whose 64-bit integers are numbers, as they are in SQLite; ours are times in ms and counts, far below 2^53. */
export function createPool(url: string, log: Logger): pg.Pool {
  const pool = new pg.Pool({
    connectionString: url,
    max: MAX_CONNECTIONS,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    application_name: "voice-agent-server",
    types: {
      getTypeParser: (id, format) =>
        id === pg.types.builtins.INT8 ? Number : pg.types.getTypeParser(id, format ?? "text"),
    },
  });
  // An idle connection that breaks says so here; the next query opens another.
  pool.on("error", (error) => log.warn({ reason: error.message }, "A connection to PostgreSQL broke"));
  return pool;
}

/** PostgreSQL through Kysely. */
export class StorePostgresDialect extends PostgresDialect {
  override createQueryCompiler() {
    return new Compiler();
  }
}

class Compiler extends PostgresQueryCompiler {
  protected override addParameter(parameter: unknown): void {
    super.addParameter(storable(parameter));
  }
}
