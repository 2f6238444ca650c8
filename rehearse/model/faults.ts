import type { LlmFault } from "../scenario/schema.ts";
import type { Asked } from "./mock-answers.ts";

/** Chooses the fault that meets a request, and counts how often each has. */
export class Faults {
  readonly #faults: readonly LlmFault[];
  readonly #met = new Map<LlmFault, number>();

  constructor(faults: readonly LlmFault[]) {
    this.#faults = faults;
  }

  /** The first that fits; null for none. */
  next({ on, turn, utterance, afterTool }: Asked): LlmFault | null {
    const fault = this.#faults.find(
      (each) =>
        (each.on === "any" || each.on === on || (each.on === "after_tool" && afterTool)) &&
        (each.turn === undefined || each.turn === turn) &&
        (each.to === undefined || utterance.toLowerCase().includes(each.to.toLowerCase())) &&
        (this.#met.get(each) ?? 0) < (each.times ?? Number.POSITIVE_INFINITY),
    );
    if (!fault) return null;
    this.#met.set(fault, (this.#met.get(fault) ?? 0) + 1);
    return fault;
  }
}
