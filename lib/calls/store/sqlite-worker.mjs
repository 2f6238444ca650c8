/*
 * The thread that owns the SQLite file. SQLite's calls block, and a slow disk must not hold up the calls of the
 * main thread. Plain JavaScript, because tsx does not reach into worker threads on Node 20.
 */
import { parentPort, workerData } from "node:worker_threads";
import Database from "libsql";

/** Compiled statements kept; the store has about forty. */
const MAX_STATEMENTS = 200;

/** How long a statement waits for another process that writes, ms. */
const BUSY_TIMEOUT_MS = 5_000;
/** Pause between two tries of what SQLite itself does not wait for, ms. */
const RETRY_PAUSE_MS = 10;

const db = open(workerData.file);
const statements = new Map();

function open(file) {
  try {
    const opened = new Database(file);
    // A second process, such as the report on the command line, waits its turn instead of failing.
    opened.pragma(`busy_timeout = ${BUSY_TIMEOUT_MS}`);
    useWal(opened);
    // With WAL this loses nothing when the process dies, and nothing is ever corrupted when the power fails.
    opened.pragma("synchronous = NORMAL");
    return opened;
  } catch (error) {
    // The driver's own errors lose their message on the way to the main thread.
    throw new Error(`${error.message} (${error.code ?? error.name})`);
  }
}

/**
 * SQLite's own waiting leaves out the change of a file to WAL: of processes that open a new file at the same moment all
 * but one would fail. Nothing tells when the other is done, so this tries again; then there is nothing left to change.
 */
function useWal(opened) {
  const deadline = performance.now() + BUSY_TIMEOUT_MS;
  for (;;) {
    try {
      opened.pragma("journal_mode = WAL");
      return;
    } catch (error) {
      if (error.code !== "SQLITE_BUSY" || performance.now() > deadline) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, RETRY_PAUSE_MS);
    }
  }
}

function prepare(sql) {
  let statement = statements.get(sql);
  if (!statement) {
    statement = db.prepare(sql);
    if (statements.size >= MAX_STATEMENTS) statements.clear();
    statements.set(sql, statement);
  }
  return statement;
}

function run(sql, parameters) {
  // See `together` in sqlite.ts.
  if (sql === "all") return runAll(parameters);
  const statement = prepare(sql);
  if (statement.reader) return { rows: statement.all(parameters), changes: 0 };
  return { rows: [], changes: statement.run(parameters).changes };
}

function runAll(queries) {
  prepare("begin immediate").run();
  try {
    for (const { sql, parameters } of queries) prepare(sql).run(parameters);
    prepare("commit").run();
  } catch (error) {
    rollBack();
    throw error;
  }
  return { rows: [], changes: 0 };
}

/** A disk that fails to write may fail at this, too; the next "begin" says so if anything is left. */
function rollBack() {
  try {
    if (db.inTransaction) prepare("rollback").run();
  } catch {
    // What went wrong first is what counts.
  }
}

parentPort.on("message", (message) => {
  if (message === "close") {
    db.close();
    parentPort.close();
    return;
  }
  const { id, sql, parameters } = message;
  try {
    parentPort.postMessage({ id, ok: true, ...run(sql, parameters) });
  } catch (error) {
    parentPort.postMessage({ id, ok: false, code: String(error.code ?? error.name), reason: error.message });
  }
});
