import { type Question, sayFailure } from "../check/finding.ts";
import { conversationOf } from "../check/watch.ts";
import { RehearsalError } from "../errors.ts";
import { type ChatModel, chatModelOf } from "../model/chat-model.ts";
import type { Judgement, RunResult } from "../run/result.ts";
import type { Scenario } from "../scenario/schema.ts";
import { type Agreement, measureAgreement } from "./agreement.ts";
import { ask } from "./ask.ts";
import { measureMetrics } from "./metrics.ts";

/** Decides what code cannot, where there is a model to ask; counts what stays undecided. */
export class Judge {
  readonly #given: ChatModel | null;
  readonly #env: Readonly<Record<string, string | undefined>>;
  readonly #used = new Map<string, ChatModel>();

  /** @param given the command line's model; it wins over a scenario's. */
  constructor(given: ChatModel | null, env: Readonly<Record<string, string | undefined>>) {
    this.#given = given;
    this.#env = env;
  }

  /** How often each model that was used agrees with people, on the labelled cases. */
  async agreements(): Promise<Agreement[]> {
    return await Promise.all([...this.#used.values()].map(measureAgreement));
  }

  /** The result with what the judge and the metrics make of it. */
  async decide(scenario: Scenario, result: RunResult, questions: readonly Question[]): Promise<RunResult> {
    if (result.outcome === "error") return result;
    const metrics = measureMetrics(scenario.metrics, result);
    const failed = metrics.filter(({ passed }) => passed === false);
    const reasons = [...result.reasons, ...failed.map(({ why }) => why)];
    const asked = [...questions, ...questionsOf(scenario, result)];
    const model = this.#modelOf(scenario);
    const measured = metrics.map(({ name, value, passed }) => ({ name, value, passed }));
    const skipped = { ...result, metrics: measured, reasons, outcome: outcomeOf(reasons) };
    if (asked.length === 0) return skipped;
    if (!model) return { ...skipped, skippedChecks: asked.length };
    try {
      return await this.#judge(model, scenario, skipped, asked);
    } catch (error) {
      if (!(error instanceof RehearsalError)) throw error;
      return { ...skipped, outcome: "error", reasons: [error.message] };
    }
  }

  #modelOf({ judge }: Scenario): ChatModel | null {
    const { eval: own } = judge;
    if (this.#given) return this.#given;
    if (own?.model === undefined) return null;
    const key = JSON.stringify(own);
    const known = this.#used.get(key) ?? chatModelOf({ ...own, model: own.model }, this.#env);
    return known;
  }

  async #judge(
    model: ChatModel,
    scenario: Scenario,
    result: RunResult,
    questions: readonly Question[],
  ): Promise<RunResult> {
    this.#used.set(JSON.stringify(scenario.judge.eval ?? model.name), model);
    const judgements: Judgement[] = [];
    for (const question of questions) judgements.push({ ...question, ...(await ask(model, question)) });
    const scored = scenario.metrics.flatMap((metric) => {
      if (!("criterion" in metric)) return [];
      const own = judgements.filter(({ criterion }) => criterion === metric.criterion);
      const value = own.length === 0 ? 1 : own.filter(({ answer }) => answer === "yes").length / own.length;
      const passed = metric.min_score === undefined ? null : value >= metric.min_score;
      return [{ name: metric.name, value, passed }];
    });
    const ofMetrics = new Set(
      scenario.metrics.flatMap((each) => ("criterion" in each ? [each.criterion] : [])),
    );
    const reasons = [
      ...result.reasons,
      ...judgements
        .filter(({ criterion, answer }) => answer === "no" && !ofMetrics.has(criterion))
        .map(({ turn, criterion, reason }) =>
          sayFailure({ turn, why: `the judge says no to "${criterion}": ${reason}` }),
        ),
      ...scored
        .filter(({ passed }) => passed === false)
        .map(({ name, value }) => `${name}: ${value.toFixed(2)} of the replies, below what was asked for`),
    ];
    // What nobody can tell is neither passed nor failed.
    const untold = judgements.filter(
      ({ answer, criterion }) => answer === "cannot_tell" && !ofMetrics.has(criterion),
    );
    return {
      ...result,
      judgements,
      metrics: [...result.metrics, ...scored],
      skippedChecks: untold.length,
      reasons,
      outcome: outcomeOf(reasons),
    };
  }
}

function outcomeOf(reasons: readonly string[]): RunResult["outcome"] {
  return reasons.length > 0 ? "failed" : "passed";
}

/** The whole call against `success`, and every reply against every judged metric. */
function questionsOf({ success, metrics }: Scenario, { events }: RunResult): Question[] {
  const conversation = conversationOf(events);
  const whole = success === undefined ? [] : [{ turn: null, criterion: success, conversation, reply: null }];
  const criteria = metrics.flatMap((metric) => ("criterion" in metric ? [metric.criterion] : []));
  const replies = conversation.flatMap(({ role, text }, at) => (role === "agent" ? [{ at, text }] : []));
  return [
    ...whole,
    ...criteria.flatMap((criterion) =>
      replies.map(({ at, text }) => ({
        turn: null,
        criterion,
        conversation: conversation.slice(0, at + 1),
        reply: text,
      })),
    ),
  ];
}
