import { EventEmitter, once } from "node:events";
import { get, type IncomingMessage } from "node:http";
import { z } from "zod";

const dataSchema = z.looseObject({ at: z.iso.datetime() });

export type StreamEvent = { id: number | null; type: string; data: z.infer<typeof dataSchema> };

const GUARD_MS = 30_000;

/** Reads a stream of server-sent events, as a browser's EventSource does. */
export class EventReader {
  /** Every event so far, in order. */
  readonly received: StreamEvent[] = [];
  readonly response: IncomingMessage;
  /** Resolves when the stream is over, however it ends. */
  readonly closed: Promise<void>;
  readonly #changes = new EventEmitter();
  #text = "";
  #next = 0;
  #isClosed = false;

  /** @throws when the answer is not 200. */
  static async connect(url: string, headers: Record<string, string> = {}): Promise<EventReader> {
    const request = get(url, { headers, agent: false });
    const [response]: IncomingMessage[] = await once(request, "response");
    if (!response) throw new Error("no response");
    if (response.statusCode !== 200) {
      response.resume();
      throw new Error(`${url} answered ${response.statusCode}`);
    }
    const reader = new EventReader(response);
    // The server says how long to wait before a reconnect as soon as it has the viewer on its list.
    while (!reader.#begun) await once(reader.#changes, "change");
    return reader;
  }

  private constructor(response: IncomingMessage) {
    this.response = response;
    response.setEncoding("utf8").on("data", (text: string) => this.#read(text));
    response.on("error", () => {}); // "aborted": the close says it
    this.closed = new Promise((resolve) => response.once("close", resolve)).then(() => {
      this.#isClosed = true;
      this.#changes.emit("change");
    });
  }

  /** The next event of this type, passing over all before it. @throws when the stream ends first, or after 30 s. */
  async next(type: string, matches: (event: StreamEvent) => boolean = () => true): Promise<StreamEvent> {
    const guard = AbortSignal.timeout(GUARD_MS);
    for (;;) {
      for (let event = this.received[this.#next]; event; event = this.received[this.#next]) {
        this.#next += 1;
        if (event.type === type && matches(event)) return event;
      }
      if (this.#isClosed) throw new Error(`no ${type}: the stream has ended`);
      await once(this.#changes, "change", { signal: guard }).catch(() => {
        const seen = this.received.map((event) => JSON.stringify(event)).join("\n  ");
        throw new Error(`no ${type} in ${GUARD_MS} ms; so far: ${seen || "nothing"}`);
      });
    }
  }

  get types(): string[] {
    return this.received.map(({ type }) => type);
  }

  close(): Promise<void> {
    this.response.destroy();
    return this.closed;
  }

  #begun = false;

  #read(text: string): void {
    this.#text += text;
    const blocks = this.#text.split("\n\n");
    this.#text = blocks.pop() ?? "";
    for (const block of blocks) this.#readBlock(block);
    this.#changes.emit("change");
  }

  #readBlock(block: string): void {
    const fields = new Map<string, string>();
    for (const line of block.split("\n")) {
      const [, name = "", value = ""] = /^([^:]*): ?(.*)$/.exec(line) ?? [];
      fields.set(name, value);
    }
    if (fields.has("retry")) this.#begun = true;
    const data = fields.get("data");
    if (data === undefined) return;
    const id = fields.get("id");
    this.received.push({
      id: id === undefined ? null : Number(id),
      type: fields.get("event") ?? "message",
      data: dataSchema.parse(JSON.parse(data)),
    });
  }
}
