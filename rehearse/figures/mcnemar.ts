import { binomialDistribution } from "simple-statistics";

export type Comparison = {
  /** Pairs of runs with the same scenario and seed. */
  readonly pairs: number;
  /** Only the first passed; only the second. */
  readonly onlyFirst: number;
  readonly onlySecond: number;
  /** How likely so lopsided a difference is where there is none. */
  readonly p: number;
};

/** McNemar's exact test on pairs of runs: two-sided, by the binomial distribution of the pairs that differ. */
export function compare(pairs: readonly (readonly [boolean, boolean])[]): Comparison {
  const onlyFirst = pairs.filter(([first, second]) => first && !second).length;
  const onlySecond = pairs.filter(([first, second]) => !first && second).length;
  return { pairs: pairs.length, onlyFirst, onlySecond, p: exactP(onlyFirst, onlySecond) };
}

function exactP(first: number, second: number): number {
  if (first === second) return 1;
  const distribution = binomialDistribution(first + second, 0.5) ?? [];
  const tail = distribution.slice(0, Math.min(first, second) + 1);
  return Math.min(1, 2 * tail.reduce((sum, chance) => sum + chance, 0));
}
