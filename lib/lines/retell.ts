import { z } from "zod";
import type { AgentEvent, ClientEvent, Draft } from "../wire/events.ts";
import { readFrame } from "./frame.ts";
import { History } from "./history.ts";
import { type Codec, type Line, NOTHING, type Step, step } from "./line.ts";

/** It dials again five seconds after the last sign of life, ms. */
const RECONNECT_MS = 15_000;

/** Retell's custom LLM: https://docs.retellai.com/api-references/llm-websocket */
export function retellLine(): Line {
  return {
    name: "retell",
    open: () => new RetellCodec(),
    outlivesSocketMs: (handOff) => (handOff === null ? RECONNECT_MS : 0),
  };
}

const textOrNull = z.string().nullish();
const transcript = z.array(z.object({ role: z.enum(["user", "agent"]), content: z.string() })).max(2_000);

const frames = {
  ping_pong: z.object({ timestamp: z.number() }),
  call_details: z.object({
    call: z.object({
      call_id: z.string(),
      direction: textOrNull,
      from_number: textOrNull,
      to_number: textOrNull,
      retell_llm_dynamic_variables: z.record(z.string(), z.unknown()).nullish(),
    }),
  }),
  update_only: z.object({ turntaking: z.enum(["agent_turn", "user_turn"]).nullish().catch(null) }),
  response_required: z.object({ response_id: z.number(), transcript }),
  reminder_required: z.object({ response_id: z.number() }),
};

class RetellCodec implements Codec {
  readonly binary = false;
  readonly hello = [
    JSON.stringify({ response_type: "config", config: { auto_reconnect: true, call_details: true } }),
  ];
  readonly backlog = 0;
  readonly #history = new History();
  /** The newest that was asked for: an answer to an older one is not heard. 0 is the greeting. */
  #responseId = 0;
  #interruptId = 0;
  /** Whether the newest has been answered to its end, so that more words need a frame of their own. */
  #isAnswered = false;
  #isAnswering = false;
  /** The end of an answer, kept for a moment: what hands the call off comes right after it and belongs into it. */
  #end: object | null = null;
  #reminders = 0;

  get holds(): boolean {
    return this.#end !== null;
  }

  release(): readonly string[] {
    const end = this.#end;
    this.#end = null;
    return end === null ? [] : [JSON.stringify(end)];
  }

  decode(data: Uint8Array): Step {
    const { type, wire } = readFrame(data, "interaction_type");
    switch (type) {
      case "ping_pong": {
        const { timestamp } = wire(frames.ping_pong);
        return step([], [JSON.stringify({ response_type: "ping_pong", timestamp })]);
      }
      case "call_details":
        return this.#open(wire(frames.call_details).call);
      case "response_required": {
        const { response_id, transcript: items } = wire(frames.response_required);
        this.#ask(response_id);
        this.#reminders = 0;
        return step(this.#history.request(items));
      }
      case "reminder_required":
        this.#ask(wire(frames.reminder_required).response_id);
        this.#reminders += 1;
        return step([{ type: "system.user.idle", times: this.#reminders }]);
      case "update_only": {
        const isCaller = wire(frames.update_only).turntaking === "user_turn";
        return isCaller ? step([{ type: "system.user.started_speaking" }]) : NOTHING;
      }
      default:
        // New kinds of news are for those who have asked for them.
        return NOTHING;
    }
  }

  encode(event: AgentEvent): readonly string[] {
    switch (event.type) {
      case "agent.llm.response.start":
        this.#isAnswering = true;
        return this.release();
      case "agent.llm.response.chunk":
        this.#history.said(event.text);
        return [...this.release(), this.#say(event.text, false)];
      case "agent.llm.response.end":
        this.#isAnswering = false;
        this.#isAnswered = true;
        this.#end = this.#response("", true);
        return [];
      case "agent.speak": {
        this.#history.said(event.text);
        if (this.#isAnswering) return [this.#say(event.text, false)];
        const frame = [...this.release(), this.#say(event.text, true)];
        this.#isAnswered = true;
        return frame;
      }
      case "agent.end_call":
        return this.#handOff({ end_call: true });
      case "agent.transfer_call":
        return this.#handOff({ transfer_number: event.transferCallNumber });
      default:
        return [];
    }
  }

  #ask(responseId: number): void {
    this.#responseId = responseId;
    this.#isAnswered = false;
    this.#end = null;
  }

  #response(content: string, complete: boolean): object {
    return {
      response_type: "response",
      response_id: this.#responseId,
      content,
      content_complete: complete,
    };
  }

  #say(content: string, complete: boolean): string {
    if (!this.#isAnswered) return JSON.stringify(this.#response(content, complete));
    return JSON.stringify(this.#interruptFrame(content, complete));
  }

  #interruptFrame(content: string, complete: boolean): object {
    this.#interruptId += 1;
    const frame = { response_type: "agent_interrupt", interrupt_id: this.#interruptId, content };
    return { ...frame, content_complete: complete };
  }

  /** It is done after the words, unless the caller may interrupt them. */
  #handOff(action: { end_call: true } | { transfer_number: string }): readonly string[] {
    this.#end ??= this.#interruptFrame("", true);
    this.#end = { ...this.#end, no_interruption_allowed: true, ...action };
    return this.release();
  }

  #open(call: z.output<typeof frames.call_details>["call"]): Step {
    const outbound = call.direction === "outbound";
    const { from_number: from = null, to_number: to = null, direction = null } = call;
    const joined: Draft<ClientEvent> = { type: "system.user.joined" };
    return step([
      {
        type: "system.init",
        version: "retell",
        sessionContext: {
          initialVariables: call.retell_llm_dynamic_variables ?? {},
          conversationType: from === null ? "webcall" : outbound ? "telephonyOutbound" : "telephonyInbound",
          caller: {
            userNumber: outbound ? to : from,
            agentNumber: outbound ? from : to,
            direction,
            callId: call.call_id,
            extra: {},
          },
        },
        outputAgentSettings: null,
      },
      joined,
    ]);
  }
}
