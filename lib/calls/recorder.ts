import type { Config } from "../config.ts";
import type { EndReason } from "../nodes/agent-node.ts";
import { TimelineNode } from "../nodes/timeline-node.ts";
import type { Moment } from "../session/moments.ts";
import type { JsonObject } from "../wire/events.ts";
import { CallNotes } from "./call-notes.ts";
import type { CallStore } from "./call-store.ts";
import { CallTurns } from "./call-turns.ts";

export type CallRecorderOptions = {
  store: CallStore;
  config: Pick<Config, "RECORD_TEXT" | "RECORD_VARIABLES">;
};

type Parts = { turns: CallTurns; notes: CallNotes };

/** Writes the record of its call as it goes on. It asks nothing of anybody, and nobody waits for it. */
export class CallRecorder extends TimelineNode {
  readonly #options: CallRecorderOptions;
  /** Null unless the call is in the store; without its beginning the rest is of no use. */
  #parts: Parts | null = null;

  constructor(options: CallRecorderOptions) {
    super("call-recorder");
    this.#options = options;
  }

  override start(): void {
    const { store, config } = this.#options;
    const { id, context, description, timeline } = this.session;
    const recording = store.begin({
      sessionId: id,
      callId: context.caller?.callId ?? null,
      direction: context.caller?.direction ?? null,
      conversationType: context.conversationType,
      ...description,
      variables: pick(context.initialVariables, config.RECORD_VARIABLES),
      startedAt: timeline.startedAt,
    });
    if (!recording) return;
    const call = { sessionId: id, writer: store.writer, text: config.RECORD_TEXT };
    this.#parts = { turns: new CallTurns(call), notes: new CallNotes(call) };
  }

  override stop(reason: EndReason): void {
    if (!this.#parts) return;
    this.#parts.notes.end();
    const { startedAt, now } = this.session.timeline;
    this.#options.store.finish(this.session.id, { endedAt: startedAt + now, endReason: reason });
  }

  protected override hear(moment: Moment): void {
    if (!this.#parts) return;
    const { turns, notes } = this.#parts;
    switch (moment.type) {
      case "utterance":
        turns.writeUtterance(moment.turn);
        break;
      case "answer.ended":
        turns.writeLine(moment.turn);
        notes.writeUsage();
        break;
      case "line":
        turns.writeLine(moment.turn);
        break;
      case "correction":
        turns.correct(moment.turn, moment.because);
        break;
      case "verdict":
        if (moment.turn !== null) turns.writeVerdict(moment.turn, moment.verdict);
        break;
      case "escalation":
      case "transfer":
      case "alert":
      case "supervisor":
      case "feedback":
      case "usage":
      case "error":
        notes.hear(moment);
        break;
      default:
        break;
    }
  }
}

function pick(variables: JsonObject, names: readonly string[]): JsonObject {
  return Object.fromEntries(
    names.filter((name) => Object.hasOwn(variables, name)).map((name) => [name, variables[name]]),
  );
}
