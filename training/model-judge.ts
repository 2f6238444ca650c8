import type { Config } from "../lib/config.ts";
import type { Llm } from "../lib/llm/client.ts";
import { toLlmError } from "../lib/llm/errors.ts";
import { readSentiment, readUpset, requestMood } from "../lib/llm/mood-request.ts";
import { causeOf, judge } from "../lib/mood/judge.ts";
import type { Judge } from "./calls.ts";

/** What judging with a model took and cost. */
export type ModelCosts = {
  requests: number;
  /** Answers that were none of the four words, and requests that failed: there the embedded model judged, as it does live. */
  unclear: number;
  failed: number;
  /** ms */
  latency: { p50: number; p95: number };
  tokens: { input: number; output: number };
  /** In the currency of the price; null without a price. */
  cost: number | null;
};

/** Asks a configured model for verdicts, as a call does, and counts what that takes. */
export class ModelJudge {
  readonly #llm: Llm;
  readonly #config: Pick<Config, "SENTIMENT_MODEL" | "SENTIMENT_TIMEOUT_MS">;
  readonly #latencies: number[] = [];
  #unclear = 0;
  #failed = 0;
  #input = 0;
  #output = 0;

  constructor(llm: Llm, config: Pick<Config, "SENTIMENT_MODEL" | "SENTIMENT_TIMEOUT_MS">) {
    this.#llm = llm;
    this.#config = config;
  }

  readonly ask: Judge = async (context) => {
    const { SENTIMENT_MODEL: model, SENTIMENT_TIMEOUT_MS: timeoutMs } = this.#config;
    const startedAt = performance.now();
    try {
      const signal = AbortSignal.timeout(timeoutMs);
      const { text, usage, logprobs } = await requestMood(this.#llm, model, context, signal);
      this.#input += usage?.prompt_tokens ?? 0;
      this.#output += usage?.completion_tokens ?? 0;
      const sentiment = readSentiment(text);
      if (sentiment !== null) {
        return { sentiment, upset: readUpset(sentiment, logprobs), cause: causeOf(sentiment, context) };
      }
      this.#unclear += 1;
    } catch (error) {
      const { kind, message } = toLlmError(error);
      // A key that is refused fails a thousand times alike.
      if (kind === "auth" || kind === "refused") throw toLlmError(error);
      console.error(message);
      this.#failed += 1;
    } finally {
      this.#latencies.push(performance.now() - startedAt);
    }
    return judge(context);
  };

  /** @param price of a million tokens, in and out. */
  costs(price: readonly [number, number] | null): ModelCosts {
    const sorted = this.#latencies.toSorted((a, b) => a - b);
    const at = (share: number) => Math.round(sorted[Math.floor((sorted.length - 1) * share)] ?? 0);
    return {
      requests: sorted.length,
      unclear: this.#unclear,
      failed: this.#failed,
      latency: { p50: at(0.5), p95: at(0.95) },
      tokens: { input: this.#input, output: this.#output },
      cost: price && (this.#input * price[0] + this.#output * price[1]) / 1_000_000,
    };
  }
}
