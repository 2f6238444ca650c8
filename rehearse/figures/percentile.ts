import { quantile } from "simple-statistics";

/** The p-th percentile, 0…1, rounded to whole ms; null of nothing. */
export function percentile(values: readonly number[], p: number): number | null {
  return values.length === 0 ? null : Math.round(quantile([...values], p));
}
