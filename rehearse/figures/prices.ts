import { readFileSync } from "node:fs";
import { parse } from "yaml";
import { z } from "zod";
import { RehearsalError } from "../errors.ts";
import type { RunResult } from "../run/result.ts";

/** Prices of a million tokens, by the model's name; `*` for all others. */
const pricesSchema = z.record(
  z.string(),
  z.strictObject({ input: z.number().nonnegative(), output: z.number().nonnegative() }),
);
export type Prices = z.output<typeof pricesSchema>;

/** @throws {RehearsalError} */
export function readPrices(file: string): Prices {
  try {
    return pricesSchema.parse(parse(readFileSync(file, "utf8")));
  } catch (error) {
    throw new RehearsalError(
      `${file} is not a table of prices such as "gpt-4o-mini: { input: 0.15, output: 0.6 }"`,
      {
        cause: error,
      },
    );
  }
}

/** What these tokens cost; null when a model has no price. */
export function costOf(usage: RunResult["usage"], prices: Prices): number | null {
  let cost = 0;
  for (const { model, inputTokens, outputTokens } of usage) {
    const price = prices[model] ?? prices["*"];
    if (!price) return null;
    cost += (inputTokens * price.input + outputTokens * price.output) / 1_000_000;
  }
  return cost;
}
