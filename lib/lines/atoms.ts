import type { Config } from "../config.ts";
import { type AgentEvent, type ClientEvent, decodeClientEvent, encodeEvent } from "../wire/events.ts";
import { INTERNAL_LOGS } from "../wire/log-events.ts";
import type { Codec, Line, Step } from "./line.ts";

/** smallest.ai's own wire, docs/protocol.md: its frames are our events. */
export function atomsLine(config: Pick<Config, "AGENT_LOG">): Line {
  return { name: "atoms", open: () => new AtomsCodec(config.AGENT_LOG), outlivesSocketMs: () => 0 };
}

class AtomsCodec implements Codec {
  readonly hello = [];
  readonly backlog = 0;
  readonly holds = false;
  readonly #agentLog: Config["AGENT_LOG"];
  #binary: boolean | null = null;
  #isChat = false;

  constructor(agentLog: Config["AGENT_LOG"]) {
    this.#agentLog = agentLog;
  }

  /** As the client's own frames are. */
  get binary(): boolean {
    return this.#binary ?? false;
  }

  release(): readonly string[] {
    return [];
  }

  decode(frame: Uint8Array, isBinary: boolean): Step {
    const event: ClientEvent = decodeClientEvent(frame);
    if (this.#binary === null && event.type === "system.init") {
      this.#binary = isBinary;
      this.#isChat = event.sessionContext.conversationType === "chat";
    }
    return { events: [event], frames: [] };
  }

  encode(event: AgentEvent): readonly string[] {
    return this.#mayLeave(event) ? [encodeEvent(event)] : [];
  }

  #mayLeave(event: AgentEvent): boolean {
    switch (event.type) {
      case "agent.log":
        if (INTERNAL_LOGS.has(event.name)) return false;
        // The 4.x command line client, which is always a chat, loses the turn over an unknown event.
        return this.#agentLog === "always" || (this.#agentLog === "auto" && !this.#isChat);
      case "agent.error":
        // After one, the command line client shows every later answer a turn late.
        return !this.#isChat;
      default:
        return true;
    }
  }
}
