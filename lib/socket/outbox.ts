import type { Duplex } from "node:stream";
import type { WebSocket } from "ws";
import type { Config } from "../config.ts";
import { type AgentEvent, type ConversationType, encodeEvent } from "../wire/events.ts";
import { INTERNAL_LOGS } from "../wire/log-events.ts";
import { gatherWrites, releaseWrites } from "./gather.ts";

/** Most bytes of one call that wait for the end of a round of the event loop. */
const GATHER_BYTES = 64 * 1024;
/** Unsent bytes at which an answer is held back: a megabyte is minutes of text, so the client has stopped reading. */
const HIGH_WATER_BYTES = 1024 * 1024;
/** How long a peer may take to answer a close frame before its socket is cut, ms. */
const CLOSE_GRACE_MS = 1_000;

export type FrameKind = "binary" | "text";

export type OutboxOptions = {
  /** The kind of the client's own frames. */
  kind: FrameKind;
  conversationType: ConversationType;
  agentLog: Config["AGENT_LOG"];
  /** How long a client may leave {@link HIGH_WATER_BYTES} unread, ms. */
  slowClientTimeoutMs: number;
  /** Called when it has. */
  onSlowClient: () => void;
};

/** The one gate to the socket of a session: decides what may leave, in which kind of frame, and when to hold back. */
export class Outbox {
  readonly #socket: WebSocket;
  readonly #stream: Duplex;
  readonly #options: OutboxOptions;
  readonly #binary: { binary: boolean };
  #closed = false;
  #congestion: { promise: Promise<void>; resolve: () => void; timer: NodeJS.Timeout } | null = null;

  /** @param stream the connection under the socket. */
  constructor(socket: WebSocket, stream: Duplex, options: OutboxOptions) {
    this.#socket = socket;
    this.#stream = stream;
    this.#options = options;
    this.#binary = { binary: options.kind === "binary" };
    socket.once("close", () => {
      this.#closed = true;
      this.#relieve();
    });
  }

  /** Sends an event, unless the session is closed or its client must not see events of this type. */
  send(event: AgentEvent): void {
    if (this.#closed || !this.#mayLeave(event)) return;
    gatherWrites(this.#stream);
    this.#socket.send(encodeEvent(event), this.#binary);
    if (this.#socket.bufferedAmount <= GATHER_BYTES) return;
    releaseWrites(this.#stream);
    if (this.#congestion === null && this.#socket.bufferedAmount > HIGH_WATER_BYTES) this.#hold();
  }

  /** Null while the client keeps up; else resolves once it has, or is gone. */
  writable(): Promise<void> | null {
    return this.#congestion?.promise ?? null;
  }

  /** Bytes handed to the socket that the client has not taken yet. */
  get bufferedBytes(): number {
    return this.#socket.bufferedAmount;
  }

  /** Closes the connection; nothing is sent afterwards. `reason` is for people, at most 123 bytes. */
  close(code: number, reason: string): void {
    if (this.#closed) return;
    this.#closed = true;
    closeSocket(this.#socket, code, reason);
    this.#relieve();
  }

  #mayLeave(event: AgentEvent): boolean {
    const chat = this.#options.conversationType === "chat";
    switch (event.type) {
      case "agent.log":
        if (INTERNAL_LOGS.has(event.name)) return false;
        // The 4.x command line client, which is always a chat, loses the turn over an unknown event.
        return this.#options.agentLog === "always" || (this.#options.agentLog === "auto" && !chat);
      case "agent.error":
        // After one, the command line client shows every later answer a turn late.
        return !chat;
      default:
        return true;
    }
  }

  #hold(): void {
    const { promise, resolve } = withResolvers();
    const timer = setTimeout(this.#options.onSlowClient, this.#options.slowClientTimeoutMs);
    this.#congestion = { promise, resolve, timer };
    this.#stream.once("drain", () => this.#relieve());
  }

  #relieve(): void {
    if (this.#congestion === null) return;
    clearTimeout(this.#congestion.timer);
    this.#congestion.resolve();
    this.#congestion = null;
  }
}

/** Closes a socket politely, and cuts it if the peer does not answer. */
export function closeSocket(socket: WebSocket, code: number, reason: string): void {
  // One that the peer has closed already says nothing more, and the timer would wait for it in vain.
  if (socket.readyState === socket.CLOSED) return;
  socket.close(code, reason);
  const timer = setTimeout(() => socket.terminate(), CLOSE_GRACE_MS);
  socket.once("close", () => clearTimeout(timer));
}

// Promise.withResolvers comes with Node 22.
function withResolvers(): { promise: Promise<void>; resolve: () => void } {
  let resolve: () => void = () => {};
  const promise = new Promise<void>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
