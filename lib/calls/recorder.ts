import type { Config } from "../config.ts";
import type { EndReason } from "../nodes/agent-node.ts";
import { ListenerNode } from "../nodes/listener-node.ts";
import type { AnyEvent, EventOf, JsonObject } from "../wire/events.ts";
import { isLog } from "../wire/log-events.ts";
import { CallNotes } from "./call-notes.ts";
import type { CallStore } from "./call-store.ts";
import { CallTurns } from "./call-turns.ts";

export type CallRecorderOptions = {
  store: CallStore;
  config: Pick<Config, "RECORD_TEXT" | "RECORD_VARIABLES">;
};

type Parts = { turns: CallTurns; notes: CallNotes };

/** Writes the record of its call as it goes on. It asks nothing of anybody, and nobody waits for it. */
export class CallRecorder extends ListenerNode {
  readonly #options: CallRecorderOptions;
  /** When the call began, on the clock that only goes forward, ms. */
  #start = 0;
  #startedAt = 0;
  /** Null unless the call is in the store; without its beginning the rest is of no use. */
  #parts: Parts | null = null;

  constructor(options: CallRecorderOptions) {
    super({ name: "call-recorder" });
    this.#options = options;
  }

  override start(): void {
    const { store, config } = this.#options;
    const { id, context } = this.session;
    this.#start = performance.now();
    this.#startedAt = Date.now();
    const recording = store.begin({
      sessionId: id,
      callId: context.caller?.callId ?? null,
      direction: context.caller?.direction ?? null,
      conversationType: context.conversationType,
      variables: pick(context.initialVariables, config.RECORD_VARIABLES),
      startedAt: this.#startedAt,
    });
    if (!recording) return;
    const call = {
      sessionId: id,
      writer: store.writer,
      text: config.RECORD_TEXT,
      now: () => this.#now(),
    };
    const notes = new CallNotes(call);
    const turns = new CallTurns({ ...call, afterAnswer: () => notes.writeUsage() });
    this.#parts = { turns, notes };
  }

  override stop(reason: EndReason): void {
    if (!this.#parts) return;
    this.#parts.turns.endAnswer();
    this.#parts.notes.end();
    const endedAt = this.#startedAt + this.#now();
    this.#options.store.finish(this.session.id, { endedAt, endReason: reason });
  }

  protected override hear(event: AnyEvent): void {
    if (!this.#parts) return;
    const { turns, notes } = this.#parts;
    switch (event.type) {
      case "agent.llm.response.chunk":
        turns.hearChunk(event.text);
        break;
      case "agent.transcript.update":
        if (event.role === "user") turns.hearUser(event);
        else turns.hearSpoken(event.content);
        break;
      case "system.llm.request":
        turns.hearUser(event);
        break;
      case "agent.llm.response.start":
        turns.beginAnswer(event.requestId);
        break;
      case "agent.llm.response.end":
        turns.hearEnd();
        break;
      case "system.control.interrupt":
        turns.hearInterrupt();
        break;
      case "agent.speak":
        turns.addLine(event.text);
        break;
      case "agent.end_call":
        turns.hearHandOff();
        break;
      case "agent.transfer_call":
        turns.hearHandOff();
        notes.hearTransfer();
        break;
      case "agent.log":
        hearLog(event, turns, notes);
        break;
      case "agent.error":
        notes.addError(event.message, event.severity ?? "warning");
        break;
      default:
        break;
    }
  }

  /** Time since the call began, ms. */
  #now(): number {
    return Math.round(performance.now() - this.#start);
  }
}

function hearLog(event: EventOf<"agent.log">, turns: CallTurns, notes: CallNotes): void {
  if (isLog(event, "sentiment")) turns.hearVerdict(event.payload);
  else if (isLog(event, "escalation.triggered")) notes.escalate(event.payload, turns.utterance);
  else if (isLog(event, "coaching")) notes.addAlert(event.payload);
  else if (isLog(event, "supervisor")) notes.addSupervisorAct(event.payload);
  else if (isLog(event, "llm.usage")) notes.addUsage(event.payload);
  else turns.hearTool(event);
}

function pick(variables: JsonObject, names: readonly string[]): JsonObject {
  return Object.fromEntries(
    names.filter((name) => Object.hasOwn(variables, name)).map((name) => [name, variables[name]]),
  );
}
