import type { Loaded } from "../scenario/load.ts";
import type { LlmFault, LlmScript } from "../scenario/schema.ts";
import type { Variant } from "./variants.ts";

/** One run of one scenario with one agent. */
export type Job = { readonly loaded: Loaded; readonly variant: Variant; readonly seed: number };

/** Jobs that share a server, and what that server is started with. */
export type Group = {
  readonly env: Readonly<Record<string, string>>;
  readonly llm: LlmScript | null;
  readonly jobs: readonly Job[];
};

/** Every run there is to be: the same seeds for each agent. */
export function jobsOf(
  loaded: readonly Loaded[],
  variants: readonly Variant[],
  { repeat, seed }: { repeat: number | null; seed: number },
): Job[] {
  return loaded.flatMap((each) =>
    Array.from({ length: repeat ?? each.scenario.runs }, (_, run) =>
      variants.map((variant) => ({ loaded: each, variant, seed: seed + run })),
    ).flat(),
  );
}

/**
 * Jobs whose servers would be the same share one, and run side by side there. Most faults leave their mark on a server (a
 * model that failed is left alone for a while) or count what is asked of it: a scenario with such faults has one to itself.
 */
export function groupsOf(jobs: readonly Job[], defaultLlm: LlmScript | null): Group[] {
  const groups = new Map<string, { env: Record<string, string>; llm: LlmScript | null; jobs: Job[] }>();
  for (const [index, job] of jobs.entries()) {
    const { scenario } = job.loaded;
    const llm = scenario.llm ?? defaultLlm;
    const env = { ...scenario.env, ...job.variant.env };
    const alone = llm?.faults.some(leavesMark) ? index : null;
    const key = JSON.stringify([Object.entries(env).sort(), llm, alone]);
    const group = groups.get(key) ?? { env, llm, jobs: [] };
    group.jobs.push(job);
    groups.set(key, group);
  }
  // The largest first: the small ones fill the gaps.
  return [...groups.values()].sort((a, b) => b.jobs.length - a.jobs.length);
}

function leavesMark({ first_token_ms, turn, times }: LlmFault): boolean {
  return first_token_ms === undefined || turn !== undefined || times !== undefined;
}

/** Does `work` for each, so many at a time; the results in the order of the items. */
export async function inParallel<T, R>(
  items: readonly T[],
  limit: number,
  work: (item: T) => Promise<R>,
): Promise<R[]> {
  const results: R[] = new Array(items.length);
  const waiting = items.entries();
  const worker = async () => {
    for (const [index, item] of waiting) results[index] = await work(item);
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker));
  return results;
}
