import { Socket } from "node:net";
import { PostgresDialect, PostgresQueryCompiler } from "kysely";
import pg from "pg";
import type { Logger } from "pino";
import { storable } from "./parameter.ts";

/** Connections per server process: one writes, one listens, the others read. PostgreSQL allows 100 in all by default. */
const MAX_CONNECTIONS = 5;
/** Longest wait for a connection, ms. */
const CONNECT_TIMEOUT_MS = 5_000;
/** A connection that nobody needs is closed after so long, ms. */
const IDLE_TIMEOUT_MS = 10_000;
/**
 * How long a connection may be silent, ms. An idle one is closed before that, so it is an answer that does not come:
 * the query is given up and the connection with it, which nobody can know to be in order.
 */
const SILENCE_TIMEOUT_MS = 15_000;
/** When the system asks whether the other side of a silent connection is still there, ms. */
const KEEP_ALIVE_AFTER_MS = 10_000;
/** What PostgreSQL does with a transaction we have begun and forgotten: the locks it holds would be in our own way. */
const ON_CONNECT = "set idle_in_transaction_session_timeout = '15s'";

/**
 * A pool whose 64-bit integers are numbers, as they are in SQLite; ours are times in ms and counts, far below 2^53.
 * Whatever happens to PostgreSQL or the way to it, a query is answered or rejected, and nothing else is heard of it.
 */
export function createPool(url: string, log: Logger): { pool: pg.Pool; hangUp(): void } {
  const sockets = new Set<Socket>();
  let isOver = false;
  const giveUp = (socket: Socket) =>
    socket.destroy(new Error("The server ends and does not wait for PostgreSQL"));
  const pool = new pg.Pool({
    ...optionsFor(url),
    max: MAX_CONNECTIONS,
    idleTimeoutMillis: IDLE_TIMEOUT_MS,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_AFTER_MS,
    stream: () => {
      const socket = new Socket();
      sockets.add(socket);
      socket.once("close", () => sockets.delete(socket));
      socket.setTimeout(SILENCE_TIMEOUT_MS, () =>
        socket.destroy(new Error(`PostgreSQL has not answered for ${SILENCE_TIMEOUT_MS} ms`)),
      );
      // By then it has begun to connect.
      if (isOver) setImmediate(giveUp, socket);
      return socket;
    },
    onConnect: (client) => client.query(ON_CONNECT),
  });
  // A connection that breaks says so to the query that runs on it, and here between two queries of a transaction,
  // where an error that nobody hears would end the process.
  pool.on("connect", (client) => {
    client.on("error", (error) => log.debug({ reason: error.message }, "A connection to PostgreSQL broke"));
  });
  // An idle connection that breaks; the next query opens another.
  pool.on("error", (error) => log.warn({ reason: error.message }, "A connection to PostgreSQL broke"));
  const hangUp = () => {
    isOver = true;
    for (const socket of sockets) giveUp(socket);
  };
  return { pool, hangUp };
}

/** A pool of one connection whose queries may take as long as they like. */
export function patientPool(url: string): pg.Pool {
  const pool = new pg.Pool({ ...optionsFor(url), max: 1, keepAlive: true });
  pool.on("error", () => {});
  pool.on("connect", (client) => client.on("error", () => {}));
  return pool;
}

function optionsFor(url: string): pg.PoolConfig {
  return {
    connectionString: url,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    application_name: "voice-agent-server",
    types: {
      getTypeParser: (id, format) =>
        id === pg.types.builtins.INT8 ? Number : pg.types.getTypeParser(id, format ?? "text"),
    },
  };
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
