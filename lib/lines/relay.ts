import { z } from "zod";
import { FrameError } from "../errors.ts";
import type { AgentEvent, ClientEvent, Draft } from "../wire/events.ts";
import { KEY } from "../wire/line-events.ts";
import { readFrame } from "./frame.ts";
import { type Codec, type Line, NOTHING, type Step, step } from "./line.ts";

/** How long a call outlives its socket, ms: the platform dials again at once, or tells that the caller has gone. */
const RECONNECT_MS = 10_000;
/** A transfer takes as long as it rings, and the briefing with the key that accepts it, ms. */
const BRIEFING_MS = 90_000;

export type RelayOptions = {
  name: "twilio" | "telnyx";
  /** Said by the platform itself as the call begins; null: the agent greets. */
  welcomeGreeting: string | null;
  /** Whether `end` may carry data to the action URL. */
  handoffData: boolean;
  /** How long a transfer rings, ms. */
  transferTimeoutMs: number;
};

/** ConversationRelay, as Twilio and Telnyx speak it: https://www.twilio.com/docs/voice/conversationrelay/websocket-messages */
export function relayLine(options: RelayOptions): Line {
  return {
    name: options.name,
    open: () => new RelayCodec(options),
    outlivesSocketMs: (handOff) => {
      if (handOff === "transferred") return options.transferTimeoutMs + BRIEFING_MS;
      return handOff === "end_call" ? 0 : RECONNECT_MS;
    },
  };
}

const textOrNull = z.string().nullish();

const frames = {
  setup: z.object({
    callSid: z.string(),
    from: textOrNull,
    to: textOrNull,
    direction: textOrNull,
    customParameters: z.record(z.string(), z.unknown()).nullish(),
  }),
  prompt: z.object({ voicePrompt: z.string(), lang: textOrNull, last: z.boolean().default(true) }),
  dtmf: z.object({ digit: z.string().max(32) }),
  interrupt: z.object({ utteranceUntilInterrupt: textOrNull, transcript: textOrNull }),
  error: z.object({ description: textOrNull }),
  info: z.object({}),
};

class RelayCodec implements Codec {
  readonly binary = false;
  readonly hello = [];
  readonly backlog = 0;
  readonly holds = false;
  readonly #options: RelayOptions;
  /** Whether an answer is being given, and whether a piece of it has gone out. */
  #answer: "none" | "begun" | "spoken" = "none";
  #callerSpeaks = false;

  constructor(options: RelayOptions) {
    this.#options = options;
  }

  release(): readonly string[] {
    return [];
  }

  decode(data: Uint8Array): Step {
    const { type, wire } = readFrame(data);
    switch (type) {
      case "setup":
        return this.#open(wire(frames.setup));
      case "prompt":
        return step(this.#hear(wire(frames.prompt)));
      case "dtmf":
        return step(
          [...wire(frames.dtmf).digit]
            .filter((digit) => KEY.test(digit))
            .map((digit): Draft<ClientEvent> => ({ type: "system.user.key", digit })),
        );
      case "interrupt": {
        const { utteranceUntilInterrupt, transcript } = wire(frames.interrupt);
        const spoken = utteranceUntilInterrupt ?? transcript;
        const heard = { type: "agent.transcript.update", role: "assistant", content: spoken ?? "" } as const;
        return step([{ type: "system.control.interrupt" }, ...(typeof spoken === "string" ? [heard] : [])]);
      }
      case "error":
        throw new FrameError(
          "platform_error",
          `the platform: ${wire(frames.error).description ?? "?"}`.slice(0, 300),
        );
      case "info":
        return NOTHING;
      default:
        throw new FrameError("unknown_type", "no frame of this line has that type");
    }
  }

  encode(event: AgentEvent): readonly string[] {
    switch (event.type) {
      case "agent.llm.response.start":
        this.#answer = "begun";
        return [];
      case "agent.llm.response.chunk":
        this.#answer = "spoken";
        return [textFrame(event.text, false)];
      case "agent.llm.response.end": {
        // An end without a beginning is an error to the platform.
        const isOpen = this.#answer === "spoken";
        this.#answer = "none";
        return isOpen ? [textFrame("", true)] : [];
      }
      case "agent.speak":
        return [textFrame(event.text, this.#answer === "none")];
      case "agent.end_call":
        return [this.#endFrame({ type: "end" })];
      case "agent.transfer_call": {
        const { transferCallNumber: number, transferOptions } = event;
        const briefing = withoutCardNumbers(transferOptions.privateHandoffOption?.prompt ?? "");
        return [this.#endFrame({ type: "transfer", number, kind: transferOptions.type, briefing })];
      }
      default:
        return [];
    }
  }

  #endFrame(data: object): string {
    const handoff = this.#options.handoffData ? { handoffData: JSON.stringify(data) } : {};
    return JSON.stringify({ type: "end", ...handoff });
  }

  #open(setup: z.output<typeof frames.setup>): Step {
    const outbound = setup.direction?.startsWith("outbound") ?? false;
    const { from = null, to = null } = setup;
    const greeting = this.#options.welcomeGreeting;
    return step([
      {
        type: "system.init",
        version: this.#options.name,
        sessionContext: {
          initialVariables: setup.customParameters ?? {},
          conversationType: outbound ? "telephonyOutbound" : "telephonyInbound",
          caller: {
            userNumber: outbound ? to : from,
            agentNumber: outbound ? from : to,
            direction: outbound ? "outbound" : "inbound",
            callId: setup.callSid,
            extra: {},
          },
        },
        outputAgentSettings: null,
      },
      greeting === null
        ? { type: "system.user.joined" }
        : { type: "agent.transcript.update", role: "assistant", content: greeting },
    ]);
  }

  /** A prompt may come in parts; the last has all of it. */
  #hear({ voicePrompt, last }: z.output<typeof frames.prompt>): Draft<ClientEvent>[] {
    const before = this.#callerSpeaks;
    this.#callerSpeaks = !last;
    if (!last) return before ? [] : [{ type: "system.user.started_speaking" }];
    return [
      ...(before ? [{ type: "system.user.stopped_speaking" } as const] : []),
      { type: "agent.transcript.update", role: "user", content: voicePrompt },
      { type: "system.llm.request", messages: null, extraParams: {} },
    ];
  }
}

function textFrame(token: string, last: boolean): string {
  return JSON.stringify({ type: "text", token, last });
}

/** What may be a card's number does not travel with the call. */
function withoutCardNumbers(text: string): string {
  return text.replace(/\d(?:[ -]?\d){11,}/g, "(number)");
}
