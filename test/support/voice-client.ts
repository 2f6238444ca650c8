import { EventEmitter, once } from "node:events";
import type { OutgoingHttpHeaders } from "node:http";
import { WebSocket } from "ws";
import { z } from "zod";

const frameSchema = z.looseObject({
  type: z.string(),
  timestamp: z.iso.datetime({ offset: true, local: true }),
});

/** A frame from the server: every other field is `unknown`. */
export type Frame = z.infer<typeof frameSchema>;
export type ReceivedFrame = { frame: Frame; isBinary: boolean };

export type ConversationType =
  | "telephonyInbound"
  | "telephonyOutbound"
  | "chat"
  | "webcall"
  | "supervisor_agent";

export type VoiceClientOptions = {
  /** What the client sends; "binary" by default, as the platform does. */
  kind?: "binary" | "text";
  /** "telephonyInbound" by default. */
  conversationType?: ConversationType;
  /** Laid over the session context of `system.init`. */
  init?: Record<string, unknown>;
  headers?: OutgoingHttpHeaders;
  /** Whether pings are answered; true by default. */
  autoPong?: boolean;
  /** Send `system.init` and wait for `agent.ready` before `connect` resolves; true by default. */
  autoInit?: boolean;
};

export type Turn = {
  /** The chunks, joined. */
  text: string;
  chunks: string[];
  /** All frames of the turn, from its start to its end. */
  frames: Frame[];
  requestId: string | undefined;
};

/** A hang, not a delay: a machine that does ten things at once takes seconds. */
const GUARD_MS = 60_000;

/** Plays the voice platform, or the command line client, on a real WebSocket. */
export class VoiceClient {
  /** Every frame so far, in order. */
  readonly received: ReceivedFrame[] = [];
  readonly closed: Promise<{ code: number; reason: string }>;
  /** For what only a socket can do: `pause()`, `terminate()`. */
  readonly socket: WebSocket;
  readonly #kind: "binary" | "text";
  readonly #conversationType: ConversationType;
  readonly #changes = new EventEmitter();
  #next = 0;
  #reading = false;
  /** Why no more frames will come. */
  #end: string | undefined;

  /**
   * @throws when the upgrade is refused ("Unexpected server response: 401"), or the socket closes before `agent.ready`.
   */
  static async connect(url: string, options: VoiceClientOptions = {}): Promise<VoiceClient> {
    const client = new VoiceClient(url, options);
    await once(client.socket, "open");
    if (options.autoInit ?? true) {
      client.init(options.init);
      await client.next("agent.ready");
      client.#next = 0; // still there for a test that wants to look at it
    }
    return client;
  }

  private constructor(url: string, options: VoiceClientOptions) {
    this.#kind = options.kind ?? "binary";
    this.#conversationType = options.conversationType ?? "telephonyInbound";
    this.socket = new WebSocket(url, { headers: options.headers, autoPong: options.autoPong ?? true });
    this.socket.on("message", (data, isBinary) => {
      try {
        this.received.push({ frame: frameSchema.parse(JSON.parse(data.toString())), isBinary });
      } catch (error) {
        this.#end ??= `the server sent a frame that is none: ${data} (${error})`;
      }
      this.#changes.emit("change");
    });
    // `connect` hears of an error while opening; a later one is followed by the close with 1006.
    this.socket.on("error", (error) => {
      this.#end ??= `the socket failed: ${error.message}`;
    });
    this.closed = new Promise((resolve) => {
      this.socket.once("close", (code, reason) => {
        this.#end ??= `the socket was closed with ${code} ${reason}`;
        this.#changes.emit("change");
        resolve({ code, reason: reason.toString() });
      });
    });
  }

  /** The frames so far without their kind. */
  get frames(): Frame[] {
    return this.received.map(({ frame }) => frame);
  }

  /** Sends one frame with a timestamp, in the client's kind. */
  send(frame: { type: string; [field: string]: unknown }): void {
    const json = JSON.stringify({ timestamp: new Date().toISOString(), ...frame });
    this.sendRaw(this.#kind === "binary" ? Buffer.from(json) : json);
  }

  /** A string goes as a text frame, a buffer as a binary one. */
  sendRaw(data: string | Buffer): void {
    this.socket.send(data);
  }

  init(sessionContext: Record<string, unknown> = {}): void {
    this.send({
      type: "system.init",
      version: "1.0.0",
      session_context: {
        initial_variables: {},
        conversation_type: this.#conversationType,
        caller: null,
        ...sessionContext,
      },
    });
  }

  join(): void {
    this.send({ type: "system.user.joined" });
  }

  /** The user's transcript and the request for an answer. */
  say(text: string): void {
    this.send({ type: "agent.transcript.update", role: "user", content: text });
    this.send({ type: "system.llm.request" });
  }

  interrupt(): void {
    this.send({ type: "system.control.interrupt" });
  }

  /** The assistant's transcript, as a client sends it when the words have been spoken. */
  reportSpoken(text: string): void {
    this.send({ type: "agent.transcript.update", role: "assistant", content: text });
  }

  /**
   * The next frame of this type, passing over all before it; they stay in `received`.
   * One reader at a time.
   * @throws when the socket closes first, or after a minute, with what came instead.
   */
  async next(type: string, matches: (frame: Frame) => boolean = () => true): Promise<Frame> {
    if (this.#reading) throw new Error("another next() is already waiting on this client");
    this.#reading = true;
    const from = this.#next;
    const fail = (why: string) => {
      const seen = this.received.slice(from).map(({ frame }) => JSON.stringify(frame));
      return new Error(`no ${type}: ${why}; since the last one read: ${seen.join("\n  ") || "nothing"}`);
    };
    const guard = AbortSignal.timeout(GUARD_MS);
    try {
      for (;;) {
        for (let entry = this.received[this.#next]; entry; entry = this.received[this.#next]) {
          this.#next += 1;
          if (entry.frame.type === type && matches(entry.frame)) return entry.frame;
        }
        if (this.#end !== undefined) throw fail(this.#end);
        await once(this.#changes, "change", { signal: guard }).catch(() => {
          throw fail(`${GUARD_MS} ms have passed`);
        });
      }
    } finally {
      this.#reading = false;
    }
  }

  /** From the next `agent.llm.response.start` to its end: an answer, or a greeting. */
  async response(): Promise<Turn> {
    const start = await this.next("agent.llm.response.start");
    const first = this.#next - 1;
    await this.next("agent.llm.response.end");
    const frames = this.received.slice(first, this.#next).map(({ frame }) => frame);
    const chunks = frames
      .filter((f) => f.type === "agent.llm.response.chunk")
      .map((f) => z.string().parse(f.text));
    const requestId = z.string().nullish().parse(start.request_id) ?? undefined;
    return { text: chunks.join(""), chunks, frames, requestId };
  }

  /** Says this, and waits for the answer. `report`: send back what was said; by default only a chat client does. */
  async turn(text: string, { report = this.#conversationType === "chat" } = {}): Promise<Turn> {
    this.say(text);
    const turn = await this.response();
    if (report && turn.text !== "") this.reportSpoken(turn.text);
    return turn;
  }

  close(code = 1000): Promise<{ code: number; reason: string }> {
    this.socket.close(code);
    return this.closed;
  }
}
