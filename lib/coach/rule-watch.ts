import type { LogPayloads } from "../wire/log-events.ts";
import type { RuleId } from "./config.ts";
import type { Rule } from "./rules.ts";
import { type CallState, type CoachInput, INITIAL_STATE, nextState } from "./state.ts";

export type Alert = LogPayloads["coaching"];

/**
 * The rules over one call. A rule fires when its condition becomes true, and again only after it has been false in
 * between and its cooldown is over. Knows no clock: time comes with the inputs.
 */
export class RuleWatch {
  readonly #rules: readonly Rule[];
  readonly #true = new Set<RuleId>();
  readonly #firedAt = new Map<RuleId, number>();
  #state: CallState = INITIAL_STATE;

  constructor(rules: readonly Rule[]) {
    this.#rules = rules;
  }

  /** Takes note of an input and returns the alerts it sets off. */
  take(input: CoachInput): Alert[] {
    this.#state = nextState(this.#state, input);
    const alerts: Alert[] = [];
    for (const rule of this.#rules) {
      if (!rule.on.has(input.kind)) continue;
      const evidence = rule.holds(this.#state, input.at);
      if (evidence === null) {
        this.#true.delete(rule.id);
      } else if (!this.#true.has(rule.id)) {
        this.#true.add(rule.id);
        if (!this.#mayFire(rule, input.at)) continue;
        this.#firedAt.set(rule.id, input.at);
        alerts.push({ rule: rule.id, severity: rule.severity, message: rule.message, evidence });
      }
    }
    return alerts;
  }

  /** Whether the rule's condition was true when it was last looked at, be it that it fired or not. */
  isTrue(id: RuleId): boolean {
    return this.#true.has(id);
  }

  /** Whether the agent may speak without being asked: the caller is neither speaking nor owed an answer. */
  get mayBreakIn(): boolean {
    return !this.#state.speaking && this.#state.waitingSince === null;
  }

  /** The first time after `at` at which a rule has to be asked again although nothing has happened. */
  nextDue(at: number): number | null {
    let next: number | null = null;
    for (const rule of this.#rules) {
      const due = rule.dueAt(this.#state);
      if (due !== null && due > at && (next === null || due < next)) next = due;
    }
    return next;
  }

  #mayFire({ id, cooldownMs }: Rule, at: number): boolean {
    const firedAt = this.#firedAt.get(id);
    return firedAt === undefined || at - firedAt >= cooldownMs;
  }
}
