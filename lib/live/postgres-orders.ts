import type pg from "pg";
import { z } from "zod";
import { isLiveErrorCode, LiveError, type LiveErrorCode } from "./errors.ts";
import type { OrderHandler } from "./live-feed.ts";
import { type SupervisorCommand, supervisorCommand } from "./supervised.ts";

/** How long the server whose call it is may take to carry out an order, ms; it is a matter of milliseconds. */
const ANSWER_TIMEOUT_MS = 3_000;
export const ORDERS = "live_orders";
export const ANSWERS = "live_answers";

const answerSchema = z.union([
  z.object({ done: z.literal(true) }),
  z.object({ done: z.literal(false), code: z.custom<LiveErrorCode>(isLiveErrorCode), message: z.string() }),
]);
type Answer = z.output<typeof answerSchema>;

/** Commands of supervisors to calls of other servers: rows in a table, announced by their ids. */
export class PostgresOrders {
  readonly #pool: pg.Pool;
  readonly #waiting = new Map<string, (answer: Answer) => void>();
  #handler: OrderHandler = () => false;

  constructor(pool: pg.Pool) {
    this.#pool = pool;
  }

  set handler(handler: OrderHandler) {
    this.#handler = handler;
  }

  /** Waits until the call's own server has carried it out. Throws {@link LiveError}. */
  async give(sessionId: string, command: SupervisorCommand): Promise<void> {
    const id = await this.#store(sessionId, command);
    const answer = await this.#answerTo(id);
    if (!answer.done) throw new LiveError(answer.code, answer.message);
  }

  /** Carries out an order, if its call is here, and answers. */
  async carryOut(id: string): Promise<void> {
    const { rows } = await this.#pool.query<{ session_id: string; command: string }>(
      "select session_id, command from live_orders where id = $1",
      [id],
    );
    const [row] = rows;
    if (!row) return;
    const answer = this.#try(row.session_id, row.command);
    if (!answer) return;
    await this.#pool.query(
      "with answered as (update live_orders set answer = $2 where id = $1 returning id) select pg_notify($3, id::text) from answered",
      [id, JSON.stringify(answer), ANSWERS],
    );
  }

  /** Reads the answer to an order, if it is one of ours. */
  async readAnswer(id: string): Promise<void> {
    const settle = this.#waiting.get(id);
    if (!settle) return;
    const { rows } = await this.#pool.query<{ answer: string }>(
      "delete from live_orders where id = $1 and answer is not null returning answer",
      [id],
    );
    const [row] = rows;
    if (row) settle(answerSchema.parse(JSON.parse(row.answer)));
  }

  #try(sessionId: string, json: string): Answer | null {
    try {
      const isHere = this.#handler(sessionId, supervisorCommand.parse(JSON.parse(json)));
      return isHere ? { done: true } : null;
    } catch (error) {
      if (error instanceof LiveError) return { done: false, code: error.code, message: error.message };
      throw error;
    }
  }

  async #store(sessionId: string, command: SupervisorCommand): Promise<string> {
    const { rows } = await this.#pool.query<{ id: string | number }>(
      "insert into live_orders (session_id, command) values ($1, $2) returning id",
      [sessionId, JSON.stringify(command)],
    );
    const [row] = rows;
    if (!row) throw new LiveError("no_answer", "the order could not be stored");
    return String(row.id);
  }

  /** Announces the order only when somebody waits for the answer. */
  async #answerTo(id: string): Promise<Answer> {
    let timer: NodeJS.Timeout | undefined;
    try {
      return await new Promise<Answer>((resolve, reject) => {
        this.#waiting.set(id, resolve);
        const late = () =>
          reject(new LiveError("no_answer", "the server of this call did not answer in time"));
        timer = setTimeout(late, ANSWER_TIMEOUT_MS);
        this.#pool.query("select pg_notify($1, $2)", [ORDERS, id]).catch(reject);
      });
    } finally {
      clearTimeout(timer);
      this.#waiting.delete(id);
    }
  }
}
