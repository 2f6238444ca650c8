import { UPSET_BY_CLASS } from "../lib/llm/mood-request.ts";
import { CallContext, type UtteranceContext } from "../lib/mood/context.ts";
import { type Judgement, judge } from "../lib/mood/judge.ts";
import type { EscalationPolicy } from "../lib/mood/policy.ts";
import { embeddedWeights, type Weights } from "../lib/mood/weights.ts";
import type { Sentiment } from "../lib/wire/log-events.ts";
import { isUpsetAt, type LabelledCall } from "./labelled-calls.ts";

/** A verdict on one of the caller's turns beside its label. */
export type JudgedTurn = Pick<Judgement, "sentiment" | "upset" | "cause"> & {
  text: string;
  /** Null: nobody has said. */
  isUpset: boolean | null;
  /** What it was exactly, where somebody has said so. */
  label: Sentiment | null;
  /** Level of the policy after it; 0 as long as it lets utterances pass. */
  level: number;
};

export type JudgedCall = {
  id: string;
  kind: string;
  /** The caller's turns. */
  turns: readonly JudgedTurn[];
  /** Among them, from 0: from which a supervisor should be offered; null: never. Of a recorded call nobody has said. */
  handoverFrom: number | null | "unknown";
};

/** Gives a verdict: the embedded model, or a configured one. */
export type Judge = (context: UtteranceContext) => Judgement | Promise<Judgement>;

const UNJUDGED: Judgement = { sentiment: "neutral", upset: UPSET_BY_CLASS.neutral, cause: null };

export const embeddedJudge =
  (weights: Weights = embeddedWeights): Judge =>
  (context) =>
    judge(context, weights);

/** Gives the verdicts of a recorded call once more, in their order; who got none counts as calm. */
export function givenJudge(given: readonly (Judgement | null)[]): Judge {
  let next = 0;
  return () => given[next++] ?? UNJUDGED;
}

/** Judges a labelled call turn by turn, as it would be judged live. */
export async function judgeCall(
  call: LabelledCall,
  ask: Judge,
  policy: EscalationPolicy,
  context = new CallContext(4),
): Promise<JudgedCall> {
  const turns: JudgedTurn[] = [];
  let handoverFrom: JudgedCall["handoverFrom"] = call.handoverFrom === "unknown" ? "unknown" : null;
  for (const [at, { role, text }] of call.turns.entries()) {
    if (role === "agent") {
      context.agentSaid(text, { interrupted: false, failed: false });
      continue;
    }
    if (at === call.handoverFrom) handoverFrom = turns.length;
    const { sentiment, upset, cause } = await ask(context.heard(text));
    policy.add({ sentiment, upset });
    const level = policy.heardEnough ? policy.level : 0;
    const label = call.labels?.get(at) ?? null;
    turns.push({ text, isUpset: isUpsetAt(call, at), label, sentiment, upset, cause, level });
  }
  return { id: call.id, kind: call.kind, turns, handoverFrom };
}

/** The caller's turn, from 0, at which a policy of this threshold hands over; null: at none. */
export function handedOverAt({ turns }: JudgedCall, threshold: number): number | null {
  const at = turns.findIndex(({ level }) => level >= threshold);
  return at < 0 ? null : at;
}

export function isFlagged({ sentiment }: Pick<JudgedTurn, "sentiment">): boolean {
  return sentiment === "negative" || sentiment === "frustrated";
}
