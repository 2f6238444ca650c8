import type pg from "pg";
import type { Logger } from "pino";

/** How long to wait before the connection is made again, ms. */
const RECONNECT_AFTER_MS = 1_000;
/** How often it is asked whether it is still there, ms: a connection that only listens would not notice. */
const ASK_EVERY_MS = 5_000;

export type Notification = { channel: string; payload: string };

/** The one connection of this server that listens for notifications. It comes back when it breaks. */
export class PostgresListener {
  readonly #pool: pg.Pool;
  readonly #channels: readonly string[];
  readonly #log: Logger;
  readonly #onNotification: (notification: Notification) => void;
  /** Called when it listens again: what happened meanwhile was not heard. */
  readonly #onReconnect: () => void;
  #client: pg.PoolClient | null = null;
  #timer: NodeJS.Timeout | null = null;
  #asking: NodeJS.Timeout | null = null;
  #closed = false;

  constructor(options: {
    pool: pg.Pool;
    channels: readonly string[];
    log: Logger;
    onNotification: (notification: Notification) => void;
    onReconnect: () => void;
  }) {
    this.#pool = options.pool;
    this.#channels = options.channels;
    this.#log = options.log;
    this.#onNotification = options.onNotification;
    this.#onReconnect = options.onReconnect;
  }

  /** Begins to listen. Rejects when the database cannot be reached. */
  async start(): Promise<void> {
    const client = await this.#pool.connect();
    this.#client = client;
    client.on("notification", ({ channel, payload = "" }) => this.#onNotification({ channel, payload }));
    client.on("error", (error) => this.#broken(client, error.message));
    for (const channel of this.#channels) await client.query(`listen ${channel}`);
    this.#ask(client);
  }

  /** The pool gives a connection up that owes an answer for too long. */
  #ask(client: pg.PoolClient): void {
    this.#asking = setTimeout(() => {
      client.query("select 1").then(
        () => {
          if (this.#client === client) this.#ask(client);
        },
        (error: unknown) => this.#broken(client, String(error)),
      );
    }, ASK_EVERY_MS);
  }

  close(): void {
    this.#closed = true;
    if (this.#timer) clearTimeout(this.#timer);
    if (this.#asking) clearTimeout(this.#asking);
    // Not back into the pool: it would go on listening there.
    this.#client?.release(true);
    this.#client = null;
  }

  #broken(client: pg.PoolClient, reason: string): void {
    if (this.#client !== client || this.#closed) return;
    this.#client = null;
    if (this.#asking) clearTimeout(this.#asking);
    client.release(true);
    this.#log.warn({ reason }, "The live stream lost its database connection and will connect again");
    this.#reconnectLater();
  }

  #reconnectLater(): void {
    this.#timer = setTimeout(() => {
      this.start().then(this.#onReconnect, (error: unknown) => {
        this.#client?.release(true);
        this.#client = null;
        this.#log.debug({ reason: String(error) }, "The live stream cannot reach its database yet");
        if (!this.#closed) this.#reconnectLater();
      });
    }, RECONNECT_AFTER_MS);
  }
}
