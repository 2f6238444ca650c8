import type { Duplex } from "node:stream";
import type { WebSocket } from "ws";
import { Connection, type ConnectionOptions } from "./connection.ts";
import { OpenCalls, type OpenCallsOptions } from "./open-calls.ts";

/** What a connection has of its own: its agent and its line. */
export type Dialled = Pick<ConnectionOptions, "setupSession" | "line">;

/** Why an upgrade is refused. */
export type Refusal = "full" | "draining";

/** Every open connection of this process: how many there may be, and how they end together. */
export class Connections {
  readonly #options: Omit<ConnectionOptions, keyof Dialled>;
  readonly #open = new Set<Connection>();
  /** The calls on them, and those that have none at the moment. */
  readonly calls: OpenCalls;
  #draining = false;

  constructor(options: OpenCallsOptions) {
    this.calls = new OpenCalls(options);
    this.#options = { ...options, calls: this.calls };
  }

  get draining(): boolean {
    return this.#draining;
  }

  get size(): number {
    return this.#open.size + this.calls.withoutSocket;
  }

  /** Bytes that clients have not taken yet, over all connections. */
  get bufferedBytes(): number {
    return [...this.#open].reduce((sum, { bufferedBytes }) => sum + bufferedBytes, 0);
  }

  /** Events that nodes have dropped since the start, because they did not keep up. */
  get droppedEvents(): number {
    return this.calls.droppedEvents;
  }

  /** Why there is no place for one more, or null. */
  refusal(): Refusal | null {
    if (this.#draining) return "draining";
    return this.size >= this.#options.config.MAX_SESSIONS ? "full" : null;
  }

  /** @param stream the connection under the socket. */
  add(socket: WebSocket, stream: Duplex, dialled: Dialled): void {
    const connection = new Connection(socket, stream, { ...this.#options, ...dialled });
    this.#open.add(connection);
    void connection.ended.then(() => this.#open.delete(connection));
  }

  ping(): void {
    for (const connection of this.#open) connection.ping();
  }

  /** Takes no more calls and waits for those that run, at most `timeoutMs` or until `hurry`; then ends them. */
  async drain(timeoutMs: number, hurry: AbortSignal): Promise<void> {
    this.#draining = true;
    let timer: NodeJS.Timeout | undefined;
    const enough = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, timeoutMs);
      if (hurry.aborted) resolve();
      else hurry.addEventListener("abort", () => resolve(), { once: true });
    });
    await Promise.race([this.#allEnded(), enough]);
    clearTimeout(timer);
    await this.close();
  }

  /** Ends every call with 1001 and waits until their nodes have finished up. */
  async close(): Promise<void> {
    this.#draining = true;
    for (const connection of this.#open) connection.drain();
    this.calls.endWithoutSocket();
    await this.#allEnded();
  }

  async #allEnded(): Promise<void> {
    await Promise.all([...this.#open].map(({ ended }) => ended));
    await this.calls.allEnded();
  }
}
