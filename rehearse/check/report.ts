import type { ExpectedValue, ReportExpectation } from "../scenario/expectation.ts";
import type { Failure } from "./finding.ts";

/** Holds the values that a scenario names by their paths, such as `sentiment.label`, against the call's report. */
export function checkReport(expectations: readonly ReportExpectation[], report: unknown): Failure[] {
  return expectations.flatMap((expectation) => {
    const { event: _event, ...values } = expectation;
    return Object.entries(values).flatMap(([path, wanted]) => {
      const given = valueAt(report, path);
      if (given !== undefined && holds(wanted, given)) return [];
      const was = given === undefined ? "there is no such value" : `it is ${JSON.stringify(given)}`;
      return [{ turn: null, why: `report ${path}: expected ${JSON.stringify(wanted)}; ${was}` }];
    });
  });
}

function valueAt(report: unknown, path: string): unknown {
  return path
    .split(".")
    .reduce<unknown>(
      (value, key) => (typeof value === "object" && value !== null ? Reflect.get(value, key) : undefined),
      report,
    );
}

function holds(wanted: ExpectedValue, given: unknown): boolean {
  if (typeof wanted !== "object" || wanted === null) return wanted === given;
  const { min, max, contains } = wanted;
  return (
    (min === undefined || (typeof given === "number" && given >= min)) &&
    (max === undefined || (typeof given === "number" && given <= max)) &&
    (contains === undefined || JSON.stringify(given).includes(contains))
  );
}
