import type { Config } from "../config.ts";
import type { Sentiment } from "../wire/log-events.ts";
import { embeddedWeights, type Weights } from "./weights.ts";

/** What a policy looks at in a verdict. */
export type Weighed = {
  sentiment: Sentiment;
  /** Probability that the caller is upset, 0…1. */
  upset: number;
};

/** Decides from the verdicts of one call, in their order, when the caller is to be handed over. */
export type EscalationPolicy = {
  readonly name: PolicyName;
  /** Grows with upset utterances, fades with calm ones; at {@link threshold} the caller is handed over. */
  readonly level: number;
  readonly threshold: number;
  /** Whether the level counts yet: a policy may let some utterances pass first. */
  readonly heardEnough: boolean;
  /** Whether the caller is to be handed over now. */
  readonly reached: boolean;
  add(verdict: Weighed): void;
  /** Whether so many more verdicts could bring the level to the threshold. */
  couldReach(outstanding: number): boolean;
};

export const POLICIES = ["risk", "count"] as const;
export type PolicyName = (typeof POLICIES)[number];

/** Negative and frustrated utterances add one, positive ones take one away; never below 0. */
export class CountPolicy implements EscalationPolicy {
  readonly name = "count";
  readonly heardEnough = true;
  readonly threshold: number;
  #level = 0;

  constructor(threshold: number) {
    this.threshold = threshold;
  }

  get level(): number {
    return this.#level;
  }

  get reached(): boolean {
    return this.couldReach(0);
  }

  add({ sentiment }: Weighed): void {
    if (sentiment === "negative" || sentiment === "frustrated") this.#level += 1;
    else if (sentiment === "positive") this.#level = Math.max(0, this.#level - 1);
  }

  couldReach(outstanding: number): boolean {
    return this.#level + outstanding >= this.threshold;
  }
}

/** An agent has two answers to put things right: nobody is handed over before the third utterance. */
const EARLIEST_UTTERANCE = 3;
/** What is left of the risk after an utterance that is calm for certain; of one that is upset for certain all is left. */
const CALM_KEEPS = 0.6;
/** A pleased utterance takes away this much more. */
const PLEASED_KEEPS = 0.5;

/**
 * A sum of probabilities, squared so that many small doubts do not make a certainty: every utterance adds how likely it is
 * upset, and what was there before fades the more, the calmer it is.
 */
export class RiskPolicy implements EscalationPolicy {
  readonly name = "risk";
  readonly threshold: number;
  #level = 0;
  #utterances = 0;

  constructor(threshold: number) {
    this.threshold = threshold;
  }

  get level(): number {
    return this.#level;
  }

  get heardEnough(): boolean {
    return this.#utterances >= EARLIEST_UTTERANCE;
  }

  get reached(): boolean {
    return this.couldReach(0);
  }

  add({ sentiment, upset }: Weighed): void {
    this.#utterances += 1;
    if (sentiment === "positive") this.#level *= PLEASED_KEEPS;
    this.#level = this.#level * (CALM_KEEPS + (1 - CALM_KEEPS) * upset) + upset ** 2;
  }

  couldReach(outstanding: number): boolean {
    const heard = this.#utterances + outstanding >= EARLIEST_UTTERANCE;
    return heard && this.#level + outstanding >= this.threshold;
  }
}

/** The policy that the configuration names, new for one call. */
export function createPolicy({
  ESCALATION_POLICY,
  ESCALATION_THRESHOLD,
  ESCALATION_FALSE_PER_1000,
}: Pick<
  Config,
  "ESCALATION_POLICY" | "ESCALATION_THRESHOLD" | "ESCALATION_FALSE_PER_1000"
>): EscalationPolicy {
  switch (ESCALATION_POLICY) {
    case "count":
      return new CountPolicy(ESCALATION_THRESHOLD);
    case "risk":
      return new RiskPolicy(riskFor(ESCALATION_FALSE_PER_1000));
  }
}

/** The lowest threshold measured to hand over at most so many of 1,000 hard calm calls; the highest known if none is. */
export function riskFor(falsePer1000: number, { thresholds }: Weights = embeddedWeights): number {
  const allowed = [...thresholds].filter(([measured]) => measured <= falsePer1000).map(([, risk]) => risk);
  return allowed.length > 0 ? Math.min(...allowed) : Math.max(...thresholds.values());
}
