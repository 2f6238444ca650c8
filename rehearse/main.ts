import { writeFile } from "node:fs/promises";
import { AgentServerError } from "../lib/errors.ts";
import { RehearsalError } from "./errors.ts";
import { type Baseline, readBaseline, regressions } from "./figures/baseline.ts";
import { figuresOf } from "./figures/figures.ts";
import { compare } from "./figures/mcnemar.ts";
import { type Prices, readPrices } from "./figures/prices.ts";
import { Judge } from "./judge/judge.ts";
import { type ChatModel, chatModelOf } from "./model/chat-model.ts";
import { upstreamOf } from "./model/upstream.ts";
import { type Options, readOptions, USAGE } from "./options.ts";
import { renderAgreement, renderComparison, renderFigures } from "./output/figures-text.ts";
import { toHtml } from "./output/html.ts";
import { toJsonl } from "./output/jsonl.ts";
import { toJunit } from "./output/junit.ts";
import { Progress } from "./output/progress.ts";
import { type Summary, summarize } from "./output/summary.ts";
import { renderReasons, renderTable } from "./output/table.ts";
import { sumUp, tookOf } from "./output/total.ts";
import { rehearse } from "./run/rehearse.ts";
import type { RunResult } from "./run/result.ts";
import { jobsOf } from "./run/schedule.ts";
import { type Variant, variantsOf } from "./run/variants.ts";
import { scenarioFileSchema } from "./scenario/json-schema.ts";
import { loadScenarios } from "./scenario/load.ts";
import { MOCK } from "./scenario/schema.ts";

/** How long something may still come after the agent has fallen silent, as a part of the longest wait. */
const QUIET = 0.2;

type Env = Readonly<Record<string, string | undefined>>;
type Print = (text: string) => void;

/** Does what the command line says, and returns the exit code: 0, 1 or 2. */
export async function main(
  args: readonly string[],
  env: Env,
  print: Print,
  complain: Print,
): Promise<number> {
  try {
    return await run(readOptions(args), env, print);
  } catch (error) {
    if (!(error instanceof AgentServerError)) throw error;
    complain(error.message);
    return 2;
  }
}

async function run(options: Options, env: Env, print: Print): Promise<number> {
  if (options.help) {
    print(USAGE);
    return 0;
  }
  if (options.schema) {
    print(JSON.stringify(scenarioFileSchema(), null, 2));
    return 0;
  }
  if (options.paths.length === 0) throw new RehearsalError(`Name a file or folder of scenarios.\n\n${USAGE}`);
  const all = loadScenarios(options.paths);
  const loaded = all.filter(({ id }) => options.only === null || id.includes(options.only));
  if (loaded.length === 0) throw new RehearsalError("There are no scenarios there");
  const { target, model, prompt, vary, repeat, seed } = options;
  const variants = variantsOf({ model, prompt, vary }).map(({ name, env }) => ({
    name,
    env: { ...options.env, ...env },
  }));
  if (target !== null && variants.some(({ env }) => Object.keys(env).length > 0)) {
    throw new RehearsalError("--env, --model, --prompt and --vary set up a server; --target has one already");
  }
  const jobs = jobsOf(loaded, variants, { repeat, seed });
  const prices = options.prices === null ? null : readPrices(options.prices);
  const baseline = options.baseline === null ? null : readBaseline(options.baseline);
  const judge = new Judge(modelFor(options.judge, options.judgeUrl, env), env);
  const progress = new Progress(jobs.length);
  const begun = { at: performance.now(), cpu: process.cpuUsage() };
  const results = await rehearse({
    jobs,
    target: target === null ? null : { url: target, token: options.token ?? env.AUTH_TOKEN ?? null },
    app: options.app,
    defaultLlm: options.mock ? MOCK : null,
    upstream: upstreamOf(env),
    patience: { timeoutMs: options.timeoutMs, quietMs: options.timeoutMs * QUIET },
    concurrency: options.concurrency,
    judge,
    players: { given: modelFor(options.callerModel, options.callerUrl, env), env },
    wantsUsage: prices !== null,
    onResult: (result) => progress.add(result),
  });
  progress.end();
  const took = tookOf(begun, results);
  const summaries = summarize(results);
  const report = [
    ...figuresByAgent(summaries, variants, prices),
    ...comparisonOf(results, variants),
    ...(await judge.agreements()).map(renderAgreement),
  ].join("\n\n");
  print(renderTable(summaries));
  const reasons = renderReasons(summaries);
  if (reasons !== "") print(`\n${reasons}`);
  const total = sumUp(results, took);
  print(`\n${report}\n\n${total}`);
  await writeFiles(options, results, { summaries, report, total });
  return baseline
    ? judgeByBaseline(summaries, baseline, options.tolerance, results, print)
    : exitCodeOf(results);
}

function modelFor(name: string | null, endpoint: string | null, env: Env): ChatModel | null {
  if (name === null) return null;
  return chatModelOf({ service: "openai", model: name, endpoint: endpoint ?? undefined, extra: {} }, env);
}

function figuresByAgent(
  summaries: readonly Summary[],
  variants: readonly Variant[],
  prices: Prices | null,
): string[] {
  return variants.map(({ name }) => {
    const figures = renderFigures(
      figuresOf(
        summaries.filter(({ variant }) => variant === name),
        prices,
      ),
    );
    return variants.length > 1 ? `${name}:\n${figures}` : figures;
  });
}

function comparisonOf(results: readonly RunResult[], [first, second]: readonly Variant[]): string[] {
  if (!first || !second) return [];
  const held = results.filter(({ outcome }) => outcome === "passed" || outcome === "failed");
  const pairs = held.flatMap((one) => {
    if (one.variant !== first.name) return [];
    const other = held.find(
      ({ id, seed, variant }) => id === one.id && seed === one.seed && variant === second.name,
    );
    return other ? [[one.outcome === "passed", other.outcome === "passed"] as const] : [];
  });
  return [renderComparison([first.name, second.name], compare(pairs))];
}

async function writeFiles(
  { jsonl, junit, html }: Options,
  results: readonly RunResult[],
  { summaries, report, total }: { summaries: readonly Summary[]; report: string; total: string },
): Promise<void> {
  const files: [string | null, () => string][] = [
    [jsonl, () => toJsonl(results)],
    [junit, () => toJunit(summaries)],
    [html, () => toHtml(summaries, report, total)],
  ];
  for (const [file, text] of files) {
    if (file === null) continue;
    try {
      await writeFile(file, text());
    } catch (error) {
      throw new RehearsalError(`${file} cannot be written`, { cause: error });
    }
  }
}

/** What failed before as well is no news; what got worse fails. */
function judgeByBaseline(
  summaries: readonly Summary[],
  baseline: Baseline,
  tolerance: number,
  results: readonly RunResult[],
  print: Print,
): number {
  const worse = regressions(summaries, baseline, tolerance);
  print(
    worse.length === 0 ? "No worse than the baseline" : `Worse than the baseline:\n  ${worse.join("\n  ")}`,
  );
  if (worse.length > 0) return 1;
  return results.some(({ outcome }) => outcome === "error") ? 2 : 0;
}

/** What the agent did counts more than what kept the rehearsal from seeing it. */
function exitCodeOf(results: readonly RunResult[]): number {
  if (results.some(({ outcome }) => outcome === "failed")) return 1;
  return results.some(({ outcome }) => outcome === "error") ? 2 : 0;
}
