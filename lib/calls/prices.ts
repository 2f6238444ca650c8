import type { z } from "zod";
import { EMBEDDED_MODEL } from "../llm/embedded/completion.ts";

/** What a model costs, dollars per million tokens. */
export type Price = { model: string; input: number; output: number };

const PER = 1_000_000;
const ENTRY = /^(.+)=(\d{1,6}(?:\.\d{1,6})?)\/(\d{1,6}(?:\.\d{1,6})?)$/;

/** Reads `gpt-4o-mini=0.15/0.60, other=1/2`: dollars for a million tokens in and out. Adds an issue where it is not so. */
export function parsePrices(text: string, context: z.RefinementCtx): Price[] {
  const entries = text.split(",").map((entry) => entry.trim());
  return entries.flatMap((entry): Price[] => {
    if (entry === "") return [];
    const [, model, input, output] = ENTRY.exec(entry) ?? [];
    if (model !== undefined) return [{ model, input: Number(input), output: Number(output) }];
    context.addIssue("expected model=in/out in dollars per million tokens, such as gpt-4o-mini=0.15/0.60");
    return [];
  });
}

/** What these tokens cost, dollars; null where the model's price is not known. The embedded model costs nothing. */
export function costOf(
  { model, inputTokens, outputTokens }: { model: string; inputTokens: number; outputTokens: number },
  prices: readonly Price[],
): number | null {
  const price = prices.find((one) => one.model === model);
  if (!price) return model === EMBEDDED_MODEL ? 0 : null;
  return Number(((inputTokens * price.input + outputTokens * price.output) / PER).toFixed(4));
}
