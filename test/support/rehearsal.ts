import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { stringify } from "yaml";
import type { Patience } from "../../rehearse/check/watch.ts";
import { callerFor } from "../../rehearse/run/caller-for.ts";
import { type Rehearsed, runCall } from "../../rehearse/run/run-call.ts";
import { type Loaded, loadScenarios } from "../../rehearse/scenario/load.ts";
import { visitStage } from "../../rehearse/server/stage.ts";

/** Short enough for what is never to come, long enough for a busy machine. */
const PATIENCE: Patience = { timeoutMs: 4_000, quietMs: 400 };

/** Writes a scenario file into a folder that goes with the test. */
export async function scenarioFile(t: TestContext, text: string, name = "scenario.yaml"): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "scenario-"));
  t.after(() => rm(folder, { recursive: true }));
  const file = join(folder, name);
  await writeFile(file, text);
  return file;
}

/** A scenario as its file would have it. */
export async function scenario(t: TestContext, fields: object): Promise<Loaded> {
  const [loaded] = loadScenarios([await scenarioFile(t, stringify({ name: "test", ...fields }))]);
  if (!loaded) throw new Error("no scenario");
  return loaded;
}

/** Rehearses one scenario on a server that runs already. */
export async function rehearseOn(url: string, loaded: Loaded, seed = 1): Promise<Rehearsed> {
  const caller = callerFor(loaded, { given: null, env: {} });
  if (!caller) throw new Error("nobody plays the caller");
  const stage = await visitStage(url, null, loaded.scenario.needs.length > 0);
  try {
    return await runCall({
      loaded,
      caller,
      stage,
      patience: PATIENCE,
      seed,
      variant: "",
      wantsUsage: false,
    });
  } finally {
    await stage.close();
  }
}
