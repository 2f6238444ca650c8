import type pg from "pg";
import { LiveError } from "./errors.ts";
import type { OrderHandler } from "./live-feed.ts";
import { carryOut, orderAnswer, PendingOrders } from "./orders.ts";
import { type SupervisorCommand, supervisorCommand } from "./supervisor-command.ts";

export const ORDERS = "live_orders";
export const ANSWERS = "live_answers";

/** Commands of supervisors to calls of other servers: rows in a table, announced by their ids. */
export class PostgresOrders {
  readonly #pool: pg.Pool;
  readonly #pending = new PendingOrders();
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
    await this.#pending.give(id, () => this.#pool.query("select pg_notify($1, $2)", [ORDERS, id]));
  }

  /** Carries out an order, if its call is here, and answers. */
  async carryOut(id: string): Promise<void> {
    const { rows } = await this.#pool.query<{ session_id: string; command: string }>(
      "select session_id, command from live_orders where id = $1",
      [id],
    );
    const [row] = rows;
    if (!row) return;
    const command = supervisorCommand.parse(JSON.parse(row.command));
    const answer = carryOut(this.#handler, row.session_id, command);
    if (!answer) return;
    await this.#pool.query(
      "with answered as (update live_orders set answer = $2 where id = $1 returning id) select pg_notify($3, id::text) from answered",
      [id, JSON.stringify(answer), ANSWERS],
    );
  }

  /** Reads the answer to an order, if it is one of ours. */
  async readAnswer(id: string): Promise<void> {
    if (!this.#pending.has(id)) return;
    const { rows } = await this.#pool.query<{ answer: string }>(
      "delete from live_orders where id = $1 and answer is not null returning answer",
      [id],
    );
    const [row] = rows;
    if (row) this.#pending.settle(id, orderAnswer.parse(JSON.parse(row.answer)));
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
}
