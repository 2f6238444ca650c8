import { AgentServerError } from "../lib/errors.ts";
import { RehearsalError } from "./errors.ts";
import { Judge } from "./judge/judge.ts";
import { upstreamOf } from "./model/upstream.ts";
import { type Options, readOptions, USAGE } from "./options.ts";
import { Progress } from "./output/progress.ts";
import { summarize } from "./output/summary.ts";
import { renderReasons, renderTable } from "./output/table.ts";
import { rehearse } from "./run/rehearse.ts";
import type { RunResult } from "./run/result.ts";
import { jobsOf } from "./run/schedule.ts";
import { variantsOf } from "./run/variants.ts";
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
  const progress = new Progress(jobs.length);
  const results = await rehearse({
    jobs,
    target: target === null ? null : { url: target, token: options.token ?? env.AUTH_TOKEN ?? null },
    app: options.app,
    defaultLlm: options.mock ? MOCK : null,
    upstream: upstreamOf(env),
    patience: { timeoutMs: options.timeoutMs, quietMs: options.timeoutMs * QUIET },
    concurrency: options.concurrency,
    judge: new Judge(null, env),
    wantsUsage: false,
    onResult: (result) => progress.add(result),
  });
  progress.end();
  const summaries = summarize(results);
  print(renderTable(summaries));
  const reasons = renderReasons(summaries);
  if (reasons !== "") print(`\n${reasons}`);
  print(`\n${sumUp(results)}`);
  return exitCodeOf(results);
}

function sumUp(results: readonly RunResult[]): string {
  const count = (outcome: RunResult["outcome"]) => results.filter((each) => each.outcome === outcome).length;
  const parts = [
    `${count("passed")} passed`,
    ...(["failed", "error", "skipped"] as const).flatMap((each) =>
      count(each) > 0 ? [`${count(each)} ${each}`] : [],
    ),
  ];
  const skipped = results.reduce((sum, { skippedChecks }) => sum + skippedChecks, 0);
  const unjudged = skipped > 0 ? `; ${skipped} checks skipped: nobody to judge them (--judge MODEL)` : "";
  return `${results.length} calls: ${parts.join(", ")}${unjudged}`;
}

/** What the agent did counts more than what kept the rehearsal from seeing it. */
function exitCodeOf(results: readonly RunResult[]): number {
  if (results.some(({ outcome }) => outcome === "failed")) return 1;
  return results.some(({ outcome }) => outcome === "error") ? 2 : 0;
}
