import { randomUUID } from "node:crypto";
import type { Duplex } from "node:stream";
import type { Logger } from "pino";
import type { RawData, WebSocket } from "ws";
import type { Config } from "../config.ts";
import { describeError, FrameError } from "../errors.ts";
import type { Codec, Line, Step } from "../lines/line.ts";
import type { Metrics } from "../metrics/metrics.ts";
import { type FaultOwner, runFor } from "../process/faults.ts";
import type { AgentSession, SetupSession } from "../session/session.ts";
import { type AgentEvent, type ClientEvent, type EventOf, stamp } from "../wire/events.ts";
import type { Call } from "./call.ts";
import { ClientRates } from "./client-rates.ts";
import { MAX_CALL_ID_CHARS, type OpenCalls } from "./open-calls.ts";
import { closeSocket, Outbox } from "./outbox.ts";

/** How long a client may take to send `system.init`, ms (the protocol's figure). */
const INIT_TIMEOUT_MS = 10_000;
/** Bad frames logged one by one; after that only every hundredth, so a broken client cannot fill the log. */
const BAD_FRAMES_LOGGED = 5;
const BAD_FRAMES_LOG_EVERY = 100;
/** Pings a peer may leave unanswered. */
const MAX_MISSED_PONGS = 2;

export type ConnectionOptions = {
  config: Config;
  log: Logger;
  setupSession: SetupSession;
  /** How the frames of this connection are read and written. */
  line: Line;
  metrics: Metrics;
  calls: OpenCalls;
};

/**
 * The inbound half of one socket: checks and decodes its frames, does the handshake and feeds the session.
 * Every callback is guarded, because what one throws would end every call of the process.
 */
export class Connection implements FaultOwner {
  readonly id = randomUUID();
  /** Resolves when the socket is gone. */
  readonly ended: Promise<void>;
  readonly #socket: WebSocket;
  readonly #options: ConnectionOptions;
  readonly #codec: Codec;
  readonly #rates: ClientRates;
  readonly #initTimer: NodeJS.Timeout;
  readonly #idleTimer: NodeJS.Timeout;
  #log: Logger;
  #call: Call | null = null;
  readonly #outbox: Outbox;
  /** Whether the call had begun on another connection. */
  #isResumed = false;
  /** Whether the frame at hand is the one that opens the call. */
  #isFirst = true;
  #badFrames = 0;
  #missedPongs = 0;
  #closing = false;

  /**
   * Attaches its listeners at once: a frame that comes before them would be lost.
   * @param stream the connection under the socket.
   */
  constructor(socket: WebSocket, stream: Duplex, options: ConnectionOptions) {
    const { config, log } = options;
    this.#socket = socket;
    this.#options = options;
    this.#codec = options.line.open();
    this.#outbox = new Outbox(socket, stream, {
      codec: this.#codec,
      slowClientTimeoutMs: config.SLOW_CLIENT_TIMEOUT_MS,
      onSlowClient: () =>
        this.#guard(() => this.#session?.end("slow_client", 1013, "client does not read what is sent to it")),
    });
    this.#log = log.child({ sessionId: this.id });
    this.#rates = new ClientRates(config);
    this.#initTimer = setTimeout(
      () => this.#guard(() => this.#refuse("no_init", "no system.init within 10 seconds")),
      INIT_TIMEOUT_MS,
    );
    this.#idleTimer = setTimeout(() => this.#guard(() => this.#idle()), config.SESSION_IDLE_TIMEOUT_MS);
    socket.on("message", (data, isBinary) => this.#guard(() => this.#onMessage(data, isBinary)));
    // A flood of pings costs what a flood of frames does.
    socket.on("ping", (data) =>
      this.#guard(() => {
        if (this.#keepsRate(this.#rates.takeFrame(data.length))) this.#outbox.answerPing(data);
      }),
    );
    socket.on("pong", (data) => {
      this.#missedPongs = 0;
      this.#guard(() => this.#keepsRate(this.#rates.takeFrame(data.length)));
    });
    socket.on("error", (error) => this.#log.debug({ err: describeError(error) }, "Socket error"));
    socket.on("close", (code) => this.#guard(() => this.#onClose(code)));
    this.#outbox.sendFrames(this.#codec.hello);
    this.ended = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  }

  /** Bytes handed to the socket that the client has not taken yet. */
  get bufferedBytes(): number {
    return this.#socket.bufferedAmount;
  }

  get #session(): AgentSession | null {
    return this.#call?.session ?? null;
  }

  /** Asks the peer for a sign of life, or cuts the socket if it has missed too many. */
  ping(): void {
    if (this.#missedPongs >= MAX_MISSED_PONGS) {
      this.#log.warn("Peer does not answer pings, cutting the connection");
      this.#socket.terminate();
      return;
    }
    this.#missedPongs += 1;
    this.#socket.ping();
  }

  /** Closes the connection because the server is going away. */
  drain(): void {
    if (this.#session) this.#session.end("drain", 1001, "server is shutting down");
    else this.#close(1001, "server is shutting down");
  }

  /** Ends this connection, and no other, because of an error nobody expected. */
  fail(error: unknown): void {
    if (this.#session) {
      this.#session.fail(error);
    } else {
      this.#log.error({ err: describeError(error) }, "Connection failed");
      this.#close(1011, "internal error");
    }
  }

  /** @param why what the client has sent too much of, for which it is closed; null if it keeps within its rates. */
  #keepsRate(why: string | null): boolean {
    if (why === null || this.#closing) return !this.#closing;
    this.#log.warn(`Closing: ${why}`);
    this.#closing = true;
    if (this.#session) this.#session.end("refused", 1008, why);
    else this.#close(1008, why);
    // What it goes on sending is not worth unmasking; and so held up, it comes to read why.
    this.#socket.pause();
    return false;
  }

  #onMessage(data: RawData, isBinary: boolean): void {
    const bytes = toBytes(data);
    if (this.#closing || !this.#keepsRate(this.#rates.takeFrame(bytes.length))) return;
    const step = this.#decode(bytes, isBinary);
    if (!step) return;
    this.#idleTimer.refresh();
    this.#isFirst = this.#call === null;
    for (const event of step.events) {
      if (!this.#keepsRate(this.#rates.takeEvent(event))) return;
      this.#receive(event);
    }
    this.#outbox.sendFrames(step.frames);
  }

  #decode(bytes: Uint8Array, isBinary: boolean): Step | null {
    try {
      return this.#codec.decode(bytes, isBinary);
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      if (!this.#session && error.eventType === "system.init") this.#refuse("bad_init", error.message);
      else this.#badFrame(error.code, error.message);
      return null;
    }
  }

  #receive(event: ClientEvent): void {
    const isInit = event.type === "system.init";
    if (this.#session && isInit) this.#badFrame("second_init", "a session takes one system.init");
    else if (this.#session) this.#pass(this.#session, event);
    else if (isInit) this.#open(event);
    else this.#badFrame("before_init", `${event.type} came before system.init`);
  }

  #pass(session: AgentSession, event: ClientEvent): void {
    // A caller who is back is not to be greeted again.
    const isGreeting = event.type === "system.user.joined" || event.type === "agent.transcript.update";
    if (!(this.#isResumed && isGreeting && this.#isFirst)) session.receive(event);
  }

  #open(init: EventOf<"system.init">): void {
    clearTimeout(this.#initTimer);
    const { log, setupSession, line, calls } = this.#options;
    const callId = init.sessionContext.caller?.callId?.slice(0, MAX_CALL_ID_CHARS);
    this.#log = log.child({ sessionId: this.id, ...(callId ? { call_id: callId } : {}) });
    const known = callId && line.outlivesSocketMs(null) > 0 ? calls.find(line, callId) : null;
    if (known) {
      this.#isResumed = true;
      this.#call = known;
      this.#log = known.session.log;
      this.#log.info("The call goes on");
      known.attach(this.#outbox);
    } else {
      this.#call = calls.open({
        line,
        init,
        setupSession,
        outlet: this.#outbox,
        hasSocket: true,
        id: this.id,
      });
    }
  }

  #badFrame(code: string, reason: string): void {
    this.#badFrames += 1;
    if (this.#badFrames > BAD_FRAMES_LOGGED && this.#badFrames % BAD_FRAMES_LOG_EVERY !== 0) return;
    this.#log.warn({ code, reason, badFrames: this.#badFrames }, "Ignored a bad frame");
    if (!this.#session?.running) return;
    const message = `A frame was ignored: ${reason}`;
    this.#outbox.send(
      stamp<AgentEvent>({ type: "agent.error", message, severity: "warning", payload: { code } }),
    );
  }

  #refuse(metric: "no_init" | "bad_init", why: string): void {
    this.#log.warn({ reason: why }, "Refused the session");
    this.#options.metrics.refused.inc({ reason: metric });
    this.#close(1008, why);
  }

  #idle(): void {
    const why = "no event for too long";
    if (this.#session) this.#session.end("idle", 1000, why);
    else this.#close(1008, why);
  }

  #close(code: number, why: string): void {
    this.#closing = true;
    closeSocket(this.#socket, code, shorten(why));
  }

  #onClose(code: number): void {
    this.#closing = true;
    clearTimeout(this.#initTimer);
    clearTimeout(this.#idleTimer);
    this.#log.debug({ closeCode: code }, "Socket closed");
    const call = this.#call;
    if (call) call.detach(this.#outbox, this.#options.line.outlivesSocketMs(call.session.handOff));
  }

  #guard(act: () => void): void {
    try {
      runFor(this, act);
    } catch (error) {
      this.fail(error);
    }
  }
}

function toBytes(data: RawData): Uint8Array {
  if (Array.isArray(data)) return Buffer.concat(data);
  return data instanceof ArrayBuffer ? new Uint8Array(data) : data;
}

/** A close reason may have 123 bytes at most. */
function shorten(reason: string): string {
  const bytes = Buffer.from(reason);
  if (bytes.length <= 123) return reason;
  return `${bytes
    .subarray(0, 119)
    .toString("utf8")
    .replace(/\uFFFD+$/, "")}…`;
}
