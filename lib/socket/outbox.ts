import type { Duplex } from "node:stream";
import type { WebSocket } from "ws";
import type { Codec } from "../lines/line.ts";
import type { AgentEvent } from "../wire/events.ts";
import { gatherWrites, releaseWrites } from "./gather.ts";

/** Most bytes of one call that wait for the end of a round of the event loop. */
const GATHER_BYTES = 64 * 1024;
/** Unsent bytes at which an answer is held back: a megabyte is minutes of text, so the client has stopped reading. */
const HIGH_WATER_BYTES = 1024 * 1024;
/** How long a peer may take to answer a close frame before its socket is cut, ms. */
const CLOSE_GRACE_MS = 1_000;

export type OutboxOptions = {
  /** Writes the frames. */
  codec: Codec;
  /** How long a client may leave {@link HIGH_WATER_BYTES} unread, ms. */
  slowClientTimeoutMs: number;
  /** Called when it has. */
  onSlowClient: () => void;
};

/** The one gate to the socket of a session: puts events into frames, and decides when they leave and when to hold back. */
export class Outbox {
  readonly #socket: WebSocket;
  readonly #stream: Duplex;
  readonly #options: OutboxOptions;
  #isReleasing = false;
  #closed = false;
  #isAnsweringPing = false;
  #nextPing: Buffer | null = null;
  #congestion: { promise: Promise<void>; resolve: () => void; timer: NodeJS.Timeout } | null = null;

  /** @param stream the connection under the socket. */
  constructor(socket: WebSocket, stream: Duplex, options: OutboxOptions) {
    this.#socket = socket;
    this.#stream = stream;
    this.#options = options;
    socket.once("close", () => {
      this.#closed = true;
      this.#relieve();
    });
  }

  /** Sends what its line makes of an event, unless the session is closed. */
  send(event: AgentEvent): void {
    if (this.#closed) return;
    const { codec, onSlowClient } = this.#options;
    this.sendFrames(codec.encode(event));
    if (codec.holds && !this.#isReleasing) this.#releaseSoon();
    if (codec.backlog > HIGH_WATER_BYTES) onSlowClient();
  }

  #releaseSoon(): void {
    this.#isReleasing = true;
    setImmediate(() => {
      this.#isReleasing = false;
      this.sendFrames(this.#options.codec.release());
    });
  }

  /** Sends frames as they are. */
  sendFrames(frames: readonly string[]): void {
    if (this.#closed || frames.length === 0) return;
    gatherWrites(this.#stream);
    const { binary } = this.#options.codec;
    for (const frame of frames) this.#socket.send(frame, { binary });
    if (this.#socket.bufferedAmount <= GATHER_BYTES) return;
    releaseWrites(this.#stream);
    if (this.#congestion === null && this.#socket.bufferedAmount > HIGH_WATER_BYTES) this.#hold();
  }

  /** Answers a ping; while an answer is on its way, only the last of those that come (RFC 6455, 5.5.3). */
  answerPing(data: Buffer): void {
    if (this.#closed) return;
    if (this.#isAnsweringPing) {
      this.#nextPing = data;
      return;
    }
    this.#isAnsweringPing = true;
    this.#socket.pong(data, undefined, () => {
      this.#isAnsweringPing = false;
      const next = this.#nextPing;
      this.#nextPing = null;
      if (next) this.answerPing(next);
    });
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
