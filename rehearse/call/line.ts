import { EventEmitter, once } from "node:events";
import { WebSocket } from "ws";
import { FrameError } from "../../lib/errors.ts";
import {
  type AnyEvent,
  type ClientEvent,
  type ConversationType,
  type Draft,
  decodeEvent,
  encodeEvent,
  isAgentEvent,
  type JsonObject,
  stamp,
} from "../../lib/wire/events.ts";
import { RehearsalError } from "../errors.ts";
import { type Observed, observe } from "./observed.ts";
import { SpokenAnswer } from "./spoken-answer.ts";

export type Dialling = {
  /** `ws://host:port/ws`, with a `?token=` where one is wanted. */
  url: string;
  channel: ConversationType;
  variables: JsonObject;
  caller: JsonObject & { user_number: string | null; agent_number: string | null; direction: string | null };
  callId: string;
  /** Longest wait for the upgrade and `agent.ready`, ms. */
  waitMs: number;
};

/** Longest wait for the close after hanging up, ms. */
const CLOSE_MS = 10_000;
/** Most events kept of one call: a server that floods the caller must not fill the rehearsal's memory. */
const MAX_EVENTS = 20_000;

/** The caller's end of one call: speaks the platform's protocol and notes what comes back. */
export class Line {
  /** What has been seen, oldest first. */
  readonly events: Observed[] = [];
  /** Answers that have ended, in order; a greeting is none. */
  readonly answers: SpokenAnswer[] = [];
  /** What the caller is hearing, or waits for. */
  answer: SpokenAnswer | null = null;
  /** Own time spent on frames, ms: what the rehearsal itself costs. */
  ownMs = 0;
  /** Answers that were asked for and have not ended. */
  #owed = 0;
  #greeting: SpokenAnswer | null = null;
  #closed = false;
  readonly #socket: WebSocket;
  readonly #changes = new EventEmitter();
  readonly #origin = performance.now();
  /** Answers that were asked for and have not begun, oldest first. */
  readonly #awaited: SpokenAnswer[] = [];

  /** Dials, and waits for `agent.ready`. @throws {RehearsalError} when nobody takes the call. */
  static async dial(dialling: Dialling): Promise<Line> {
    const line = new Line(dialling.url);
    const socket = line.#socket;
    const guard = AbortSignal.timeout(dialling.waitMs);
    try {
      await once(socket, "open", { signal: guard });
      const ready = once(line.#changes, "ready", { signal: guard });
      line.#send({
        type: "system.init",
        version: "1.0.0",
        sessionContext: {
          initialVariables: dialling.variables,
          conversationType: dialling.channel,
          caller: callerOf(dialling),
        },
        outputAgentSettings: null,
      });
      await ready;
    } catch (error) {
      socket.terminate();
      const why = guard.aborted ? `no agent.ready in ${dialling.waitMs} ms` : reasonOf(error);
      throw new RehearsalError(`${shown(dialling.url)} does not take calls: ${why}`, { cause: error });
    }
    return line;
  }

  private constructor(url: string) {
    this.#changes.setMaxListeners(0);
    this.#socket = new WebSocket(url, { perMessageDeflate: false });
    this.#socket.on("message", (data) => {
      const before = performance.now();
      this.#hear(
        Array.isArray(data) ? Buffer.concat(data) : data instanceof ArrayBuffer ? new Uint8Array(data) : data,
      );
      this.ownMs += performance.now() - before;
    });
    // Whoever dials hears of an error; a later one is followed by the close.
    this.#socket.on("error", () => {});
    this.#socket.once("close", (code, reason) => {
      this.#closed = true;
      this.note("closed", { code, reason: reason.toString() });
      if (this.#changes.listenerCount("error") === 0) return;
      this.#changes.emit("error", new Error(`the server closed the call with ${code} ${reason}`.trim()));
    });
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Since the call was dialled, ms. */
  get now(): number {
    return performance.now() - this.#origin;
  }

  /** Whether the agent is speaking, or is being waited for. */
  get busy(): boolean {
    return this.#owed > 0 || this.answer !== null || this.#greeting !== null;
  }

  /** The caller is there: the agent may greet. */
  join(): void {
    this.#send({ type: "system.user.joined" });
  }

  /** Says this and asks for an answer; what the agent is saying is cut short by it. */
  say(text: string, messages: JsonObject[] | null = null): SpokenAnswer {
    if (this.answer && this.answer.chunks > 0) this.interrupt();
    this.note("user", { text });
    this.#send({ type: "system.user.started_speaking" });
    this.#send({ type: "system.user.stopped_speaking" });
    this.#send({ type: "agent.transcript.update", role: "user", content: text });
    this.#send({ type: "system.llm.request", messages, extraParams: {} });
    this.#owed += 1;
    const answer = new SpokenAnswer(this.now);
    this.#awaited.push(answer);
    return answer;
  }

  /** Words between the agent's that ask for nothing. */
  backchannel(text: string): void {
    if (this.answer) this.answer.backchannelled = true;
    this.#send({ type: "system.user.started_speaking" });
    this.#send({ type: "system.user.stopped_speaking" });
    this.#send({ type: "agent.transcript.update", role: "user", content: text });
    this.note("user", { text, backchannel: true });
  }

  /** The barge-in, into an answer or before its first words. */
  interrupt(): void {
    const cut = this.answer ?? this.#awaited[0];
    if (cut) cut.interruptedAtMs ??= this.now;
    this.#send({ type: "system.control.interrupt" });
  }

  /** Reads nothing from the network for so long, as a frozen client does. */
  freeze(ms: number): void {
    this.#socket.pause();
    setTimeout(() => {
      if (!this.#closed) this.#socket.resume();
    }, ms).unref();
  }

  /** Is gone, without a word. */
  drop(): void {
    this.#socket.terminate();
  }

  /** Notes something that did not come as a frame. */
  note(event: Observed["event"], fields: JsonObject): void {
    this.#note({ event, atMs: this.now, fields });
  }

  /** Has whoever waits look again: something has changed beside the line. */
  stir(): void {
    this.#changes.emit("change");
  }

  /** Waits until `holds`, looking again whenever something has happened; false when the time is up first. */
  async until(holds: () => boolean, ms: number): Promise<boolean> {
    if (holds()) return true;
    return await new Promise((resolve) => {
      const end = (result: boolean) => {
        clearTimeout(timer);
        this.#changes.off("change", look);
        resolve(result);
      };
      const look = () => {
        if (holds()) end(true);
      };
      const timer = setTimeout(() => end(holds()), Math.max(0, ms));
      this.#changes.on("change", look);
    });
  }

  /** Waits until all that the server has sent so far has arrived. */
  async settled(ms: number): Promise<void> {
    if (this.#closed) return;
    let answered = false;
    const heard = () => {
      answered = true;
      this.#changes.emit("change");
    };
    this.#socket.once("pong", heard);
    this.#socket.ping();
    await this.until(() => answered || this.#closed, ms);
    this.#socket.off("pong", heard);
  }

  /** Hangs up and waits for the close. */
  async hangUp(): Promise<void> {
    if (this.#closed) return;
    this.#socket.close(1000);
    const closed = await this.until(() => this.#closed, CLOSE_MS);
    if (!closed) this.#socket.terminate();
  }

  #hear(data: Uint8Array): void {
    let frame: AnyEvent;
    try {
      frame = decodeEvent(data);
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      this.note("log", { name: "frame that is none", reason: error.message });
      return;
    }
    if (frame.type === "agent.ready") this.#changes.emit("ready");
    else if (isAgentEvent(frame)) this.#take(frame);
  }

  #take(frame: Extract<AnyEvent, { type: `agent.${string}` }>): void {
    const atMs = this.now;
    switch (frame.type) {
      case "agent.llm.response.start": {
        const asked = this.#awaited.shift();
        if (asked) this.answer = asked;
        else this.#greeting = new SpokenAnswer(atMs);
        this.#note({ event: "llm_started", atMs, fields: { request_id: frame.requestId } });
        break;
      }
      case "agent.llm.response.chunk": {
        const answer = this.answer ?? this.#greeting;
        if (!answer) break;
        answer.append(frame.text, atMs);
        // Later chunks wake nobody: what is waited for is the first one or the end.
        if (answer.chunks === 1) this.#note({ event: "bot_started_speaking", atMs, fields: {} });
        break;
      }
      case "agent.llm.response.end":
        this.#endAnswer(atMs);
        break;
      case "agent.speak":
        this.#note({ event: "bot_started_speaking", atMs, fields: {} });
        this.#spoken(frame.text, { line: true });
        break;
      default: {
        const seen = isAgentEvent(frame) ? observe(frame, atMs) : null;
        if (seen) this.#note(seen);
      }
    }
  }

  #endAnswer(atMs: number): void {
    const answer = this.answer ?? this.#greeting;
    if (!answer) return;
    if (answer === this.answer) {
      this.#owed -= 1;
      this.answers.push(answer);
    }
    this.answer = null;
    this.#greeting = null;
    if (answer.interruptedAtMs !== null) {
      const silenceMs = atMs - answer.interruptedAtMs;
      this.note("interrupted", { after_chunks: answer.chunks, silence_ms: Math.round(silenceMs) });
    }
    if (answer.text !== "") {
      this.#spoken(answer.text, { chunks: answer.chunks, first_chunk_ms: answer.firstChunkMs });
    }
    this.#note({ event: "bot_stopped_speaking", atMs, fields: {} });
  }

  /** As a platform does, the caller's end tells the server what was heard. */
  #spoken(text: string, fields: JsonObject): void {
    this.note("response", { text, ...fields });
    this.#send({ type: "agent.transcript.update", role: "assistant", content: text });
  }

  #note(seen: Observed): void {
    if (this.events.length < MAX_EVENTS) this.events.push(seen);
    this.#changes.emit("change");
  }

  #send(draft: Draft<ClientEvent>): void {
    if (this.#socket.readyState !== WebSocket.OPEN) return;
    this.#socket.send(Buffer.from(encodeEvent(stamp(draft))));
  }
}

function callerOf({ caller, callId }: Dialling) {
  const { user_number, agent_number, direction, ...extra } = caller;
  return { userNumber: user_number, agentNumber: agent_number, direction, callId, extra };
}

function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message === "" ? "nobody answers there" : message;
}

/** An address without its token. */
function shown(url: string): string {
  return url.replace(/([?&]token=)[^&]*/, "$1…");
}
