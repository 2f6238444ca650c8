import { resolve } from "node:path";
import { RehearsalError } from "../errors.ts";

/** One of the agents that are compared: what is set for it, beside what a scenario sets. */
export type Variant = { readonly name: string; readonly env: Readonly<Record<string, string>> };

/**
 * The agents to rehearse: one, or the two that `--model A,B`, `--prompt FILE` or `--vary NAME=A,B` compare.
 * @throws {RehearsalError} when there would be more than two.
 */
export function variantsOf(options: {
  model: string | null;
  prompt: string | null;
  vary: string | null;
}): Variant[] {
  const dimensions = [
    options.model === null ? null : valuesOf("AGENT_MODEL", options.model),
    options.prompt === null ? null : promptsOf(options.prompt),
    options.vary === null ? null : varied(options.vary),
  ].filter((each) => each !== null);
  const several = dimensions.filter(({ length }) => length > 1);
  if (several.length > 1 || several.some(({ length }) => length > 2)) {
    throw new RehearsalError(
      "Two agents are compared, by one of --model A,B, --prompt FILE and --vary NAME=A,B",
    );
  }
  const fixed = dimensions.filter(({ length }) => length === 1).flat();
  const shared = Object.assign({}, ...fixed.map(({ env }) => env));
  const [compared] = several;
  if (!compared) return [{ name: fixed.map(({ name }) => name).join(" "), env: shared }];
  return compared.map(({ name, env }) => ({ name, env: { ...shared, ...env } }));
}

function valuesOf(variable: string, list: string): Variant[] {
  return list.split(",").map((value) => ({ name: value.trim(), env: { [variable]: value.trim() } }));
}

/** One file is compared with the agent's own prompt. */
function promptsOf(list: string): Variant[] {
  const files = list.split(",").map((file) => ({
    name: file.trim(),
    env: { AGENT_PROMPT_FILE: resolve(file.trim()) },
  }));
  return files.length === 1 ? [{ name: "own prompt", env: {} }, ...files] : files;
}

function varied(text: string): Variant[] {
  const [, variable, list] = /^([A-Z][A-Z0-9_]*)=(.*)$/.exec(text) ?? [];
  if (variable === undefined || list === undefined)
    throw new RehearsalError(`--vary ${text}: expected NAME=A,B`);
  return valuesOf(variable, list).map(({ name, env }) => ({ name: `${variable}=${name}`, env }));
}
