import { availableParallelism } from "node:os";
import type { Patience } from "../check/watch.ts";
import { RehearsalError } from "../errors.ts";
import type { Judge } from "../judge/judge.ts";
import type { Upstream } from "../model/upstream.ts";
import type { LlmScript } from "../scenario/schema.ts";
import { type Stage, startStage, visitStage } from "../server/stage.ts";
import { callerFor, type Players } from "./caller-for.ts";
import type { RunResult } from "./result.ts";
import { type Rehearsed, runCall } from "./run-call.ts";
import { type Group, groupsOf, inParallel, type Job } from "./schedule.ts";

export type RehearsalOptions = {
  readonly jobs: readonly Job[];
  /** A server that runs already; null: servers are started. */
  readonly target: { url: string; token: string | null } | null;
  /** The program that is started. */
  readonly app: string;
  /** What answers where a scenario does not say; null: the server's own model. */
  readonly defaultLlm: LlmScript | null;
  readonly upstream: Upstream;
  readonly patience: Patience;
  /** Calls side by side on one server. */
  readonly concurrency: number;
  readonly judge: Judge;
  readonly players: Players;
  readonly wantsUsage: boolean;
  readonly onResult: (result: RunResult) => void;
};

/** Holds all calls; the results in the order of the jobs. @throws {RehearsalError} when a target cannot be reached. */
export async function rehearse(options: RehearsalOptions): Promise<RunResult[]> {
  const results = new Map<Job, RunResult>();
  const keep = (job: Job, result: RunResult) => {
    results.set(job, result);
    options.onResult(result);
  };
  if (options.target) await visit(options, options.target, keep);
  else {
    const groups = groupsOf(options.jobs, options.defaultLlm);
    await inParallel(groups, Math.max(2, availableParallelism()), (group) => perform(options, group, keep));
  }
  return options.jobs.flatMap((job) => results.get(job) ?? []);
}

type Keep = (job: Job, result: RunResult) => void;

async function visit(
  options: RehearsalOptions,
  { url, token }: { url: string; token: string | null },
  keep: Keep,
): Promise<void> {
  const held: Job[] = [];
  for (const job of options.jobs) {
    const why = notHere(job);
    if (why === null) held.push(job);
    else keep(job, without(job, "skipped", why));
  }
  const stage = await visitStage(url, token, wantsLive(options, held));
  try {
    await holdCalls(options, stage, held, keep);
  } finally {
    await stage.close();
  }
}

/** The record of a call is found by the session id that the live stream tells. */
function wantsLive({ wantsUsage }: RehearsalOptions, jobs: readonly Job[]): boolean {
  return wantsUsage || jobs.some(({ loaded }) => loaded.scenario.needs.length > 0);
}

/** A server that others run has its own settings and its own model. */
function notHere({ loaded: { scenario } }: Job): string | null {
  if (Object.keys(scenario.env).length > 0) return "sets the server's environment (env)";
  return scenario.llm ? "sets the server's model (llm)" : null;
}

async function perform(options: RehearsalOptions, { env, llm, jobs }: Group, keep: Keep): Promise<void> {
  let stage: Stage;
  try {
    const { app, upstream } = options;
    stage = await startStage({ app, env, llm, upstream, wantsLive: wantsLive(options, jobs) });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    for (const job of jobs) keep(job, without(job, "error", why));
    return;
  }
  try {
    await holdCalls(options, stage, jobs, keep);
  } finally {
    await stage.close();
  }
}

async function holdCalls(options: RehearsalOptions, stage: Stage, jobs: readonly Job[], keep: Keep) {
  await inParallel(jobs, options.concurrency, async (job) => keep(job, await holdCall(options, stage, job)));
}

async function holdCall(options: RehearsalOptions, stage: Stage, job: Job): Promise<RunResult> {
  const { patience, judge, wantsUsage, players } = options;
  const { loaded, variant, seed } = job;
  try {
    const caller = callerFor(loaded, players);
    if (!caller) return without(job, "skipped", "no model plays this caller: --caller-model MODEL");
    const result = await runCall({
      loaded,
      caller,
      stage,
      patience,
      seed,
      variant: variant.name,
      wantsUsage,
    });
    return await judged(judge, job, result);
  } catch (error) {
    if (!(error instanceof RehearsalError)) throw error;
    return without(job, "error", error.message);
  }
}

async function judged(judge: Judge, job: Job, result: Rehearsed): Promise<RunResult> {
  const { questions, ...rest } = result;
  return await judge.decide(job.loaded.scenario, rest, questions);
}

function without({ loaded, variant, seed }: Job, outcome: "skipped" | "error", why: string): RunResult {
  return {
    id: loaded.id,
    file: loaded.file,
    seed,
    variant: variant.name,
    outcome,
    reasons: [why],
    durationMs: 0,
    turns: 0,
    firstChunkMs: [],
    replyMs: [],
    silenceMs: [],
    backchannels: 0,
    backchannelCuts: 0,
    escalatedAt: null,
    escalatesAt: null,
    tools: [],
    usage: [],
    judgements: [],
    skippedChecks: 0,
    metrics: [],
    ownMs: 0,
    events: [],
  };
}
