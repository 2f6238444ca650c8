import type { LogPayloads } from "../wire/log-events.ts";
import type { CallError, Escalation, ModelUsage, Note } from "./record.ts";
import { insertNote, setEscalation, setUsage } from "./store/write.ts";
import { applyPolicy, type TextPolicy } from "./text.ts";
import type { CallWriter } from "./writer.ts";

/** Alerts, errors and supervisor's acts kept of one call. */
const MAX_NOTES = 500;
/** Models of one call whose usage is kept. */
const MAX_MODELS = 20;

export type CallNotesOptions = {
  sessionId: string;
  writer: CallWriter;
  text: TextPolicy;
  /** Time since the call began, ms. */
  now: () => number;
};

/** Writes what is noted of one call beside its turns: alerts, errors, supervisor's acts, the escalation and the usage. */
export class CallNotes {
  readonly #sessionId: string;
  readonly #writer: CallWriter;
  readonly #text: TextPolicy;
  readonly #now: () => number;
  readonly #usage = new Map<string, ModelUsage>();
  #notes = 0;
  #escalation: Escalation | null = null;
  #transferRequested = false;
  #usageChanged = false;

  constructor(options: CallNotesOptions) {
    this.#sessionId = options.sessionId;
    this.#writer = options.writer;
    this.#text = options.text;
    this.#now = options.now;
  }

  addAlert({ rule, severity, message, evidence }: LogPayloads["coaching"]): void {
    const text = this.#text;
    // A message is the rule's own words with at most a quotation; evidence may be anything.
    const kept = text === "none" ? message : (applyPolicy(message, text) ?? message);
    this.#add({
      kind: "alert",
      offsetMs: this.#now(),
      rule,
      severity,
      message: kept,
      evidence: text === "full" ? evidence : {},
    });
  }

  addError(message: string, severity: CallError["severity"]): void {
    this.#add({ kind: "error", offsetMs: this.#now(), message, severity });
  }

  addSupervisorAct({ action, text }: LogPayloads["supervisor"]): void {
    const kept = text === null ? null : applyPolicy(text, this.#text);
    this.#add({ kind: "supervisor", offsetMs: this.#now(), action, text: kept });
  }

  /** @param utterance the caller's utterance after which it was triggered, from 1. */
  escalate(payload: LogPayloads["escalation.triggered"], utterance: number): void {
    const { reason, frustrationCount, threshold, sameTurn, action, outcome } = payload;
    const offsetMs = this.#now();
    this.#setEscalation({
      reason,
      utterance,
      offsetMs,
      frustrationCount,
      threshold,
      sameTurn,
      action,
      outcome,
    });
  }

  hearTransfer(): void {
    this.#transferRequested = true;
  }

  addUsage({ model, outcome, inputTokens, outputTokens }: LogPayloads["llm.usage"]): void {
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
    const id = this.#sessionId;
    const usage = [...this.#usage.values()];
    this.#writer.push((db) => setUsage(db, id, usage));
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
    const id = this.#sessionId;
    const number = this.#notes;
    this.#writer.push((db) => insertNote(db, id, number, note));
  }

  #setEscalation(escalation: Escalation): void {
    this.#escalation = escalation;
    const id = this.#sessionId;
    this.#writer.push((db) => setEscalation(db, id, escalation));
  }
}

function add(sum: number | null, more: number | null): number | null {
  return more === null ? sum : (sum ?? 0) + more;
}
