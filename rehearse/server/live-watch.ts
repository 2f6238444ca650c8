import { EventEmitter } from "node:events";
import { createParser } from "eventsource-parser";
import { z } from "zod";
import type { JsonObject } from "../../lib/wire/events.ts";
import { RehearsalError } from "../errors.ts";
import type { Address } from "./address.ts";

const dataSchema = z.looseObject({ session_id: z.string().optional() });
const startSchema = z.object({ session_id: z.string(), call_id: z.string().nullable() });

export type LiveNews = { readonly type: string; readonly fields: JsonObject };

/** Listens to a server's live stream, once for all calls, and tells each call its own. */
export class LiveWatch {
  readonly #closing = new AbortController();
  readonly #news = new EventEmitter();
  /** Session ids by call ids. */
  readonly #sessions = new Map<string, string>();
  /** Call ids by session ids, of calls that go on. */
  readonly #callIds = new Map<string, string>();
  #over: Promise<void> = Promise.resolve();
  #broken: string | null = null;

  /** @throws {RehearsalError} when the server has no live stream, or does not let us see it. */
  static async open(address: Address): Promise<LiveWatch> {
    const watch = new LiveWatch();
    const body = await address.stream("/live", watch.#closing.signal);
    let begun = () => {};
    const ready = new Promise<void>((resolve) => {
      begun = resolve;
    });
    watch.#over = watch.#read(body, begun);
    await Promise.race([ready, watch.#over]);
    return watch;
  }

  private constructor() {
    this.#news.setMaxListeners(0);
  }

  /** Tells `listener` all of the call that will be dialled with this id; returns what stops it. */
  follow(callId: string, listener: (news: LiveNews, sessionId: string) => void): () => void {
    const tell = (news: LiveNews) => listener(news, this.#sessions.get(callId) ?? "");
    this.#news.on(callId, tell);
    return () => {
      this.#news.off(callId, tell);
      this.#sessions.delete(callId);
    };
  }

  /** @throws {RehearsalError} when the stream has ended before its time. */
  check(): void {
    if (this.#broken !== null) throw new RehearsalError(`the live stream ended: ${this.#broken}`);
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#over;
  }

  async #read(body: ReadableStream<Uint8Array>, begun: () => void): Promise<void> {
    const parser = createParser({
      onRetry: begun,
      onEvent: ({ event = "message", data }) => this.#tell(event, data),
    });
    const utf8 = new TextDecoder();
    try {
      for await (const bytes of body) parser.feed(utf8.decode(bytes, { stream: true }));
      this.#broken = "the server closed it";
    } catch (error) {
      if (!this.#closing.signal.aborted)
        this.#broken = error instanceof Error ? error.message : String(error);
    }
  }

  #tell(type: string, data: string): void {
    const fields = dataSchema.parse(JSON.parse(data));
    if (type === "call.started") {
      const { session_id, call_id } = startSchema.parse(fields);
      // Others may be on the server too.
      if (call_id !== null && this.#news.listenerCount(call_id) > 0) {
        this.#sessions.set(call_id, session_id);
        this.#callIds.set(session_id, call_id);
      }
    }
    const callId = this.#callIds.get(fields.session_id ?? "");
    if (callId === undefined) return;
    if (type === "call.ended") this.#callIds.delete(fields.session_id ?? "");
    this.#news.emit(callId, { type, fields });
  }
}
