import { combinations } from "./combinations.ts";

/**
 * pass^k of τ-bench (Yao et al. 2024): the chance that k runs of a scenario all pass, averaged over the scenarios. Of n
 * runs with c passes it is C(c, k) / C(n, k). Null when a scenario has fewer than k runs.
 */
export function passK(scenarios: readonly { passed: number; held: number }[], k: number): number | null {
  if (scenarios.length === 0 || scenarios.some(({ held }) => held < k)) return null;
  const each = scenarios.map(({ passed, held }) => combinations(passed, k) / combinations(held, k));
  return each.reduce((sum, value) => sum + value, 0) / each.length;
}
