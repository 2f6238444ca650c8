import type { Dispatcher } from "undici";
import { LlmError } from "../errors.ts";

/** Unread bytes at which the connection is not read any further. */
const MAX_UNREAD_BYTES = 64 * 1024;
/** Longest body that is taken as a whole; a verdict or an error is a few hundred bytes. */
const MAX_WHOLE_BYTES = 8 * 1024 * 1024;

type Result = IteratorResult<Uint8Array, undefined>;

/**
 * The body of one response, handed from the socket to whoever reads it: a Node stream between the two costs more per
 * chunk than all that we do with it. It can be read once, by one reader; who leaves early closes the connection.
 */
export class ResponseBytes implements AsyncIterableIterator<Uint8Array, undefined> {
  readonly #controller: Dispatcher.DispatchController;
  #unread: Uint8Array[] = [];
  #unreadBytes = 0;
  #reader: { resolve: (result: Result) => void; reject: (error: Error) => void } | null = null;
  #ended = false;
  /** Nobody reads what still comes. */
  #left = false;
  #timer: NodeJS.Timeout | undefined;
  #error: Error | null = null;

  constructor(controller: Dispatcher.DispatchController) {
    this.#controller = controller;
  }

  push(bytes: Uint8Array): void {
    if (this.#left) return;
    if (this.#reader !== null) {
      this.#reader.resolve({ done: false, value: bytes });
      this.#reader = null;
      return;
    }
    this.#unread.push(bytes);
    this.#unreadBytes += bytes.length;
    if (this.#unreadBytes >= MAX_UNREAD_BYTES) this.#controller.pause();
  }

  /** Nothing more comes; with an error, because of it. */
  end(error: Error | null): void {
    if (this.#ended) return;
    this.#ended = true;
    clearTimeout(this.#timer);
    this.#error = error;
    if (this.#reader === null) return;
    if (error === null) this.#reader.resolve({ done: true, value: undefined });
    else this.#reader.reject(error);
    this.#reader = null;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** @throws what ended the response before its time, once all has been read that came before. */
  next(): Promise<Result> {
    const bytes = this.#unread.shift();
    if (bytes !== undefined) {
      this.#unreadBytes -= bytes.length;
      if (this.#controller.paused && this.#unreadBytes < MAX_UNREAD_BYTES) this.#controller.resume();
      return Promise.resolve({ done: false, value: bytes });
    }
    if (this.#error !== null) return Promise.reject(this.#error);
    if (this.#ended) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve, reject) => {
      this.#reader = { resolve, reject };
    });
  }

  /**
   * Nobody wants the rest, which should be no more than the end: the connection is kept for another request if that
   * comes within `ms`, else it is closed.
   */
  finish(ms: number): void {
    this.#left = true;
    this.#unread = [];
    if (this.#controller.paused) this.#controller.resume();
    if (this.#ended) return;
    this.#timer = setTimeout(() => this.#controller.abort(new Error("the response had no end")), ms);
    this.#timer.unref();
  }

  return(): Promise<Result> {
    this.#unread = [];
    if (!this.#ended && !this.#left)
      this.#controller.abort(new Error("nobody reads the rest of the response"));
    return Promise.resolve({ done: true, value: undefined });
  }

  /**
   * All of it, as UTF-8.
   * @throws {LlmError} of kind `bad_stream` if it is longer than {@link MAX_WHOLE_BYTES}.
   */
  async text(): Promise<string> {
    const parts: Uint8Array[] = [];
    let size = 0;
    for await (const part of this) {
      size += part.length;
      if (size > MAX_WHOLE_BYTES) throw new LlmError("bad_stream", "the model's answer has no end");
      parts.push(part);
    }
    return new TextDecoder().decode(Buffer.concat(parts));
  }
}
