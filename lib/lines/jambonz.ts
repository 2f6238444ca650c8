import { z } from "zod";
import type { AgentEvent, ClientEvent, Draft, EventOf, JsonObject } from "../wire/events.ts";
import { KEY, type TransferOutcome } from "../wire/line-events.ts";
import { countWords } from "../words.ts";
import { readFrame } from "./frame.ts";
import { type Codec, type Line, NOTHING, type Step, step } from "./line.ts";

/** A feature server that has lost its socket dials again at once, ms. */
const RECONNECT_MS = 10_000;
/** How fast a synthetic voice speaks, s a word: what hands the call off waits for the last words. */
const S_PER_WORD = 0.4;
const HEARD = "/heard";
const TRANSFERRED = "/transferred";

export type JambonzOptions = {
  /** How long a transfer rings, ms. */
  transferTimeoutMs: number;
};

/** A jambonz application over its WebSocket API: https://docs.jambonz.org/reference/websocket-api */
export function jambonzLine(options: JambonzOptions): Line {
  return {
    name: "jambonz",
    open: () => new JambonzCodec(options),
    outlivesSocketMs: (handOff) => (handOff === null ? RECONNECT_MS : 0),
  };
}

const text = z.string();
const textOrNull = text.nullish();
const msgid = text;

const session = z.object({
  msgid,
  call_sid: text,
  data: z.object({
    from: textOrNull,
    to: textOrNull,
    direction: textOrNull,
    env_vars: z.record(z.string(), z.unknown()).nullish(),
  }),
});

const frames = {
  session,
  hook: z.object({
    msgid,
    hook: textOrNull,
    data: z
      .object({
        speech: z
          .object({
            is_final: z.boolean().default(true),
            alternatives: z.array(z.object({ transcript: text })).default([]),
          })
          .nullish(),
        digits: textOrNull,
        transfer_result: z.enum(["bridged", "returned", "voicemail", "failed"]).nullish(),
        transfer_reason: textOrNull,
      })
      .default({}),
  }),
  result: z.object({ data: z.object({ id: z.number(), status: text, reason: textOrNull }) }),
  streaming: z.object({
    data: z.object({ event_type: text, text: textOrNull, bargein: z.boolean().nullish() }),
  }),
};

/** Marks the end of an answer among its pieces. */
const FLUSH = Symbol("flush");

class JambonzCodec implements Codec {
  readonly binary = false;
  readonly hello = [];
  readonly holds = false;
  readonly #options: JambonzOptions;
  /** Pieces that wait until the one before has been taken. */
  #queue: (string | typeof FLUSH)[] = [];
  /** The piece on its way, until it is acknowledged. */
  #sent: { id: number; tokens: string } | null = null;
  #ids = 0;
  /** Whether the platform has asked us to wait. */
  #isFull = false;
  /** Whether an answer is being given, and whether any of it is said and not flushed. */
  #isAnswering = false;
  #isOpen = false;
  /** Words that may not have been spoken yet. */
  #words = 0;

  constructor(options: JambonzOptions) {
    this.#options = options;
  }

  get backlog(): number {
    return this.#queue.reduce((sum, piece) => sum + (typeof piece === "string" ? piece.length : 0), 0);
  }

  release(): readonly string[] {
    return [];
  }

  decode(data: Uint8Array): Step {
    const { type, wire } = readFrame(data);
    switch (type) {
      case "session:new":
      case "session:reconnect":
        return this.#open(wire(frames.session));
      case "verb:hook":
        return this.#hook(wire(frames.hook));
      case "tts:tokens-result":
        return step([], this.#acknowledged(wire(frames.result).data));
      case "tts:streaming-event":
        return this.#stream(wire(frames.streaming).data);
      default:
        // call:status, verb:status and what is new: nothing to answer.
        return NOTHING;
    }
  }

  encode(event: AgentEvent): readonly string[] {
    switch (event.type) {
      case "agent.llm.response.start":
        this.#isAnswering = true;
        this.#words = 0;
        return [];
      case "agent.llm.response.chunk":
        return this.#say(event.text);
      case "agent.llm.response.end":
        this.#isAnswering = false;
        return this.#flush();
      case "agent.speak":
        return this.#isAnswering ? this.#say(event.text) : [...this.#say(event.text), ...this.#flush()];
      case "agent.control.interrupt":
        this.#drop();
        return [command("tts:clear")];
      case "agent.end_call":
        return [this.#redirect({ verb: "hangup" })];
      case "agent.transfer_call":
        return [this.#redirect(this.#transferVerb(event))];
      default:
        return [];
    }
  }

  #open({ msgid: id, call_sid, data }: z.output<typeof session>): Step {
    const outbound = data.direction === "outbound";
    const { from = null, to = null, direction = null } = data;
    const verbs = [
      {
        verb: "config",
        ttsStream: { enable: true },
        trackTtsPlayout: true,
        bargeIn: {
          enable: true,
          sticky: true,
          minBargeinWordCount: 1,
          actionHook: HEARD,
          input: ["speech", "digits"],
        },
      },
    ];
    return step(
      [
        {
          type: "system.init",
          version: "jambonz",
          sessionContext: {
            initialVariables: data.env_vars ?? {},
            conversationType: outbound ? "telephonyOutbound" : "telephonyInbound",
            caller: {
              userNumber: outbound ? to : from,
              agentNumber: outbound ? from : to,
              direction,
              callId: call_sid,
              extra: {},
            },
          },
          outputAgentSettings: null,
        },
        { type: "system.user.joined" },
      ],
      [JSON.stringify({ type: "ack", msgid: id, data: verbs })],
    );
  }

  /** Every hook is acknowledged: it holds the call for seconds if it is not. */
  #hook({ msgid: id, hook, data }: z.output<typeof frames.hook>): Step {
    const ack = [JSON.stringify({ type: "ack", msgid: id })];
    if (hook === TRANSFERRED) return step(transferEnded(data), ack);
    const events: Draft<ClientEvent>[] = [...(data.digits ?? "")]
      .filter((digit) => KEY.test(digit))
      .map((digit) => ({ type: "system.user.key", digit }));
    const words = data.speech?.is_final ? (data.speech.alternatives[0]?.transcript ?? "") : "";
    if (words.trim() !== "") {
      events.push({ type: "agent.transcript.update", role: "user", content: words });
      events.push({ type: "system.llm.request", messages: null, extraParams: {} });
    }
    return step(events, ack);
  }

  #stream({ event_type, text: spoken, bargein }: z.output<typeof frames.streaming>["data"]): Step {
    switch (event_type) {
      case "user_interruption":
        this.#drop();
        return step([{ type: "system.control.interrupt" }]);
      case "tts_spoken":
        if (!bargein) this.#words = 0;
        return step([{ type: "agent.transcript.update", role: "assistant", content: spoken ?? "" }]);
      case "stream_paused":
        this.#isFull = true;
        return NOTHING;
      case "stream_open":
      case "stream_resumed":
        this.#isFull = false;
        return step([], this.#pump());
      default:
        return NOTHING;
    }
  }

  #say(piece: string): readonly string[] {
    this.#isOpen = true;
    this.#words += countWords(piece);
    const last = this.#queue.at(-1);
    // What waits goes out in one piece.
    if (typeof last === "string") this.#queue[this.#queue.length - 1] = last + piece;
    else this.#queue.push(piece);
    return this.#pump();
  }

  #flush(): readonly string[] {
    if (!this.#isOpen) return [];
    this.#isOpen = false;
    this.#queue.push(FLUSH);
    return this.#pump();
  }

  #drop(): void {
    this.#queue = [];
    this.#isOpen = false;
    this.#words = 0;
  }

  #acknowledged({ id, status, reason }: z.output<typeof frames.result>["data"]): readonly string[] {
    if (this.#sent?.id !== id) return [];
    const { tokens } = this.#sent;
    this.#sent = null;
    if (status !== "ok" && reason === "full") {
      this.#isFull = true;
      this.#queue.unshift(tokens);
      return [];
    }
    return this.#pump();
  }

  /** Sends what may be sent now: one piece at a time, each after the one before has been taken. */
  #pump(): readonly string[] {
    const out: string[] = [];
    while (this.#sent === null && !this.#isFull) {
      const piece = this.#queue.shift();
      if (piece === undefined) break;
      if (piece === FLUSH) {
        out.push(command("tts:flush"));
      } else {
        this.#ids += 1;
        this.#sent = { id: this.#ids, tokens: piece };
        out.push(command("tts:tokens", this.#sent));
      }
    }
    return out;
  }

  /** Another way for the call to go, when the last words have been spoken. */
  #redirect(verb: JsonObject): string {
    const length = Math.ceil(this.#words * S_PER_WORD);
    const verbs = length === 0 ? [verb] : [{ verb: "pause", length }, verb];
    return JSON.stringify({ type: "command", command: "redirect", queueCommand: false, data: verbs });
  }

  #transferVerb({ transferCallNumber: number, transferOptions }: EventOf<"agent.transfer_call">): JsonObject {
    const common = {
      verb: "transfer",
      target: [{ type: "phone", number }],
      timeout: Math.ceil(this.#options.transferTimeoutMs / 1_000),
      disposition: { onNoAnswer: "return", onBusy: "return", onDecline: "return", onFailure: "return" },
      actionHook: TRANSFERRED,
    };
    // By REFER the platform would not learn how it ended.
    if (transferOptions.type === "cold_transfer") return { ...common, mode: "blind", blindMethod: "dial" };
    const brief = { text: transferOptions.privateHandoffOption?.prompt ?? "A caller for you." };
    const confirm = { prompt: "Press 1 to take the call.", digit: "1" };
    return { ...common, mode: "warm", brief, confirm };
  }
}

function command(name: string, data?: object): string {
  return JSON.stringify({ type: "command", command: name, queueCommand: false, ...(data ? { data } : {}) });
}

type HookData = z.output<typeof frames.hook>["data"];

function transferEnded({ transfer_result: result, transfer_reason: reason }: HookData): Draft<ClientEvent>[] {
  if (!result) return [];
  const outcome = outcomeOf(result, reason ?? null);
  const returned = result !== "bridged" && result !== "voicemail" && outcome !== "caller_left";
  return [{ type: "system.transfer.ended", outcome, returned }];
}

function outcomeOf(
  result: "bridged" | "returned" | "voicemail" | "failed",
  reason: string | null,
): Exclude<TransferOutcome, "requested"> {
  if (reason === "caller-abandoned") return "caller_left";
  if (result === "bridged") return "answered";
  if (result === "voicemail") return "voicemail";
  switch (reason) {
    case "no-answer":
      return "no_answer";
    case "busy":
    case "declined":
      return reason;
    default:
      return "failed";
  }
}
