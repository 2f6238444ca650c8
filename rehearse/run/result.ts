import type { Observed } from "../call/observed.ts";
import type { Question } from "../check/finding.ts";

/** One answer of the judge's. */
export type Judgement = Question & { readonly answer: "yes" | "no" | "cannot_tell"; readonly reason: string };

/** What one run of one scenario showed. Times are ms. */
export type RunResult = {
  readonly id: string;
  readonly file: string;
  readonly seed: number;
  /** Which agent, where two are compared: the value of --model, or the prompt's file. */
  readonly variant: string;
  /** error: the rehearsal failed; skipped: it cannot be held here. Neither says anything of the agent. */
  readonly outcome: "passed" | "failed" | "error" | "skipped";
  /** Why not passed, a line each. */
  readonly reasons: readonly string[];
  readonly durationMs: number;
  /** How many times the caller spoke. */
  readonly turns: number;
  readonly firstChunkMs: readonly number[];
  readonly replyMs: readonly number[];
  /** From an interrupt to the end of the answer it cuts. */
  readonly silenceMs: readonly number[];
  readonly backchannels: number;
  /** Answers that a backchannel cut short. */
  readonly backchannelCuts: number;
  /** The caller's turn, from 1; null: none came. */
  readonly escalatedAt: number | null;
  /** Where it should have come; null: the scenario does not say. */
  readonly escalatesAt: number | "never" | null;
  readonly tools: readonly string[];
  readonly usage: readonly { model: string; inputTokens: number; outputTokens: number }[];
  readonly judgements: readonly Judgement[];
  /** Checks that nobody was there to judge. */
  readonly skippedChecks: number;
  /** Metrics of a simulated call: share of replies, or value. */
  readonly metrics: readonly { name: string; value: number; passed: boolean | null }[];
  /** Time the rehearsal itself spent on this call. */
  readonly ownMs: number;
  readonly events: readonly Observed[];
};
