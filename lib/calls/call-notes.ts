import type { Moment } from "../session/moments.ts";
import { applyPolicy, type TextPolicy } from "../text-policy.ts";
import type { LogPayloads } from "../wire/log-events.ts";
import type { Escalation, ModelUsage, Note } from "./record.ts";
import { insertNote, setEscalation, setUsage } from "./store/change.ts";
import type { CallWriter } from "./writer.ts";

/** Alerts, errors and supervisor's acts kept of one call. */
const MAX_NOTES = 500;
/** Models of one call whose usage is kept. */
const MAX_MODELS = 20;

export type CallNotesOptions = {
  sessionId: string;
  writer: CallWriter;
  text: TextPolicy;
};

type Noted = Extract<
  Moment,
  { type: "escalation" | "transfer" | "alert" | "supervisor" | "feedback" | "usage" | "error" }
>;

/** Writes what is noted of one call beside its turns: alerts, errors, supervisor's acts, the escalation and the usage. */
export class CallNotes {
  readonly #sessionId: string;
  readonly #writer: CallWriter;
  readonly #text: TextPolicy;
  readonly #usage = new Map<string, ModelUsage>();
  #notes = 0;
  #escalation: Escalation | null = null;
  #transferRequested = false;
  #usageChanged = false;

  constructor(options: CallNotesOptions) {
    this.#sessionId = options.sessionId;
    this.#writer = options.writer;
    this.#text = options.text;
  }

  hear(moment: Noted): void {
    const { offsetMs } = moment;
    switch (moment.type) {
      case "escalation":
        this.#setEscalation({ ...moment.escalation, utterance: moment.utterance, offsetMs });
        break;
      case "transfer":
        this.#transferRequested = true;
        this.#add({ kind: "transfer", transfer: moment.transfer });
        break;
      case "alert":
        this.#addAlert(moment.alert, offsetMs);
        break;
      case "supervisor": {
        const { action, text, by } = moment.act;
        const kept = text === null ? null : applyPolicy(text, this.#text);
        this.#add({ kind: "supervisor", offsetMs, action, text: kept, by });
        break;
      }
      case "feedback": {
        const { rule, feedback, by } = moment.feedback;
        this.#add({ kind: "feedback", offsetMs, rule, feedback, by });
        break;
      }
      case "usage":
        this.#addUsage(moment.usage);
        break;
      case "error": {
        const { message, severity } = moment.error;
        this.#add({ kind: "error", offsetMs, message, severity: severity ?? "warning" });
      }
    }
  }

  #addAlert({ rule, severity, message, evidence }: LogPayloads["coaching"], offsetMs: number): void {
    const text = this.#text;
    // A message is the rule's own words with at most a quotation; evidence may be anything.
    const kept = text === "none" ? message : (applyPolicy(message, text) ?? message);
    const quoted = text === "full" ? evidence : {};
    this.#add({ kind: "alert", offsetMs, rule, severity, message: kept, evidence: quoted });
  }

  #addUsage({ model, outcome, inputTokens, outputTokens }: LogPayloads["llm.usage"]): void {
    const known = this.#usage.get(model);
    if (!known && this.#usage.size >= MAX_MODELS) return;
    const so = known ?? {
      model,
      requests: 0,
      cancelled: 0,
      failed: 0,
      inputTokens: null,
      outputTokens: null,
    };
    this.#usage.set(model, {
      model,
      requests: so.requests + 1,
      cancelled: so.cancelled + (outcome === "cancelled" ? 1 : 0),
      failed: so.failed + (outcome === "failed" ? 1 : 0),
      inputTokens: add(so.inputTokens, inputTokens),
      outputTokens: add(so.outputTokens, outputTokens),
    });
    this.#usageChanged = true;
  }

  /** Once a turn is often enough. */
  writeUsage(): void {
    if (!this.#usageChanged) return;
    this.#usageChanged = false;
    this.#writer.push(setUsage(this.#sessionId, [...this.#usage.values()]));
  }

  /** The call is over: writes what that makes of the escalation, and the last of the usage. */
  end(): void {
    if (this.#escalation?.outcome === "requested" && !this.#transferRequested) {
      this.#setEscalation({ ...this.#escalation, outcome: "socket_closed" });
    }
    this.writeUsage();
  }

  #add(note: Note): void {
    if (this.#notes >= MAX_NOTES) return;
    this.#notes += 1;
    this.#writer.push(insertNote(this.#sessionId, this.#notes, note));
  }

  #setEscalation(escalation: Escalation): void {
    this.#escalation = escalation;
    this.#writer.push(setEscalation(this.#sessionId, escalation));
  }
}

function add(sum: number | null, more: number | null): number | null {
  return more === null ? sum : (sum ?? 0) + more;
}
