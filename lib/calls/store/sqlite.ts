import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { Worker } from "node:worker_threads";
import {
  CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type Kysely,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from "kysely";
import { storable } from "./parameter.ts";
import { StoreError } from "./store-error.ts";

type Answer =
  | { id: number; ok: true; rows: unknown[]; changes: number }
  | { id: number; ok: false; code: string; reason: string };

type Waiting = { resolve: (answer: Answer & { ok: true }) => void; reject: (error: Error) => void };

/** In place of a statement: the parameters are queries, to be run one after the other in a transaction. */
const ALL = "all";

/** A transaction of many queries as one that gives no rows: a message to the thread costs more than what it asks for. */
export function together(queries: readonly CompiledQuery[]): CompiledQuery {
  return CompiledQuery.raw(
    ALL,
    queries.map(({ sql, parameters }) => ({ sql, parameters })),
  );
}

/** SQLite through Kysely, in a thread of its own. The folder of the file is made. */
export class SqliteDialect implements Dialect {
  readonly #thread: SqliteThread;

  constructor(file: string) {
    this.#thread = new SqliteThread(file);
  }

  createDriver(): Driver {
    return this.#thread;
  }

  /** Rejects what has not been answered yet, and everything that is asked from now on. */
  hangUp(): void {
    this.#thread.hangUp();
  }

  createAdapter() {
    return new TransactionalSqliteAdapter();
  }

  createQueryCompiler() {
    return new Compiler();
  }

  createIntrospector(db: Kysely<unknown>) {
    return new SqliteIntrospector(db);
  }
}

class Compiler extends SqliteQueryCompiler {
  protected override addParameter(parameter: unknown): void {
    super.addParameter(storable(parameter));
  }
}

/** Lets a migration be one transaction, so that of two processes that start together one waits for the other. */
class TransactionalSqliteAdapter extends SqliteAdapter {
  override get supportsTransactionalDdl(): boolean {
    return true;
  }
}

/** The one connection: SQLite has one writer, so queries and transactions take turns. */
class SqliteThread implements Driver, DatabaseConnection {
  readonly #file: string;
  readonly #waiting = new Map<number, Waiting>();
  #worker: Worker | null = null;
  #isOver = false;
  #nextId = 0;
  #busy: Promise<void> = Promise.resolve();
  #release: () => void = () => {};

  constructor(file: string) {
    this.#file = file;
  }

  async init(): Promise<void> {
    if (this.#file !== ":memory:") mkdirSync(dirname(this.#file), { recursive: true });
    this.#start();
  }

  /** A thread that ends, such as one that cannot open its file, is started again for the next question. */
  #start(): Worker {
    const worker = new Worker(new URL("./sqlite-worker.mjs", import.meta.url), {
      workerData: { file: this.#file },
      // What the main thread was started with (a loader, the test runner) is of no use there.
      execArgv: [],
    });
    worker.on("message", (answer: Answer) => this.#settle(answer));
    worker.on("error", (error) => this.#fail(worker, error.message));
    worker.on("exit", () => this.#fail(worker, "its thread has ended"));
    worker.unref();
    this.#worker = worker;
    return worker;
  }

  async acquireConnection(): Promise<DatabaseConnection> {
    const before = this.#busy;
    let release = () => {};
    this.#busy = new Promise((resolve) => {
      release = resolve;
    });
    await before;
    this.#release = release;
    return this;
  }

  async releaseConnection(): Promise<void> {
    this.#release();
  }

  async beginTransaction(): Promise<void> {
    // Not deferred: a transaction that reads first and then writes could not wait for another process.
    await this.executeQuery(CompiledQuery.raw("begin immediate"));
  }

  async commitTransaction(): Promise<void> {
    await this.executeQuery(CompiledQuery.raw("commit"));
  }

  async rollbackTransaction(): Promise<void> {
    await this.executeQuery(CompiledQuery.raw("rollback"));
  }

  async executeQuery<R>({ sql, parameters }: CompiledQuery): Promise<QueryResult<R>> {
    if (this.#isOver) throw new StoreError("closed", "The store is closed");
    const worker = this.#worker ?? this.#start();
    this.#nextId += 1;
    const id = this.#nextId;
    const answer = await new Promise<Answer & { ok: true }>((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      // Only a question that waits for its answer keeps the process alive.
      worker.ref();
      worker.postMessage({ id, sql, parameters });
    });
    // Kysely's own drivers do the same: the type of a row follows from the query that asked for it.
    return { rows: answer.rows as R[], numAffectedRows: BigInt(answer.changes) };
  }

  // biome-ignore lint/correctness/useYield: a long read is paged by the store, see store/read.ts.
  async *streamQuery<R>(): AsyncIterableIterator<QueryResult<R>> {
    throw new StoreError("failed", "SQLite does not stream here: read page by page");
  }

  async destroy(): Promise<void> {
    const worker = this.#worker;
    this.#isOver = true;
    this.#worker = null;
    if (!worker) return;
    const ended = new Promise((resolve) => worker.once("exit", resolve));
    worker.ref();
    worker.postMessage("close");
    await ended;
  }

  #settle(answer: Answer): void {
    const waiting = this.#waiting.get(answer.id);
    this.#waiting.delete(answer.id);
    if (this.#waiting.size === 0) this.#worker?.unref();
    if (answer.ok) waiting?.resolve(answer);
    else waiting?.reject(new StoreError(codeOf(answer), `SQLite: ${answer.reason} (${answer.code})`));
  }

  hangUp(): void {
    const worker = this.#worker;
    this.#isOver = true;
    if (!worker) return;
    worker.postMessage("close");
    this.#fail(worker, "the server ends and does not wait for it");
  }

  #fail(worker: Worker, reason: string): void {
    if (worker !== this.#worker) return;
    this.#worker = null;
    for (const { reject } of this.#waiting.values()) {
      reject(new StoreError("failed", `The store ${this.#file} failed: ${reason}`));
    }
    this.#waiting.clear();
  }
}

/** Result codes, https://www.sqlite.org/rescode.html. */
function codeOf({ code }: { code: string }): StoreError["code"] {
  return /^SQLITE_(CONSTRAINT|MISMATCH|TOOBIG)/.test(code) ? "refused" : "failed";
}
