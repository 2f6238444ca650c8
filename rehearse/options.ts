import { parseArgs } from "node:util";
import { RehearsalError } from "./errors.ts";

export const USAGE = `Rehearses an agent: callers that are described in files, on the real server.

  npm run rehearse -- scenarios/                    every scenario of a folder
  npm run rehearse -- a.yaml b.yaml --repeat 5      these, five times each

Where
  --target ws://host/ws   a server that runs already, in place of one that is started
  --token TOKEN           its token; by default AUTH_TOKEN
  --app FILE              the program to start (app.ts)
  --env NAME=VALUE        a setting of the server that is started; may be given several times
  --mock                  the rehearsal's own model answers, over HTTP, in place of the server's

How
  --repeat N              runs of each scenario, in place of its own number
  --seed N                first seed (1); run n has seed N + n − 1
  --only TEXT             scenarios whose name has this in it
  --concurrency N         calls side by side on one server (8)
  --timeout MS            longest wait for anything without a time of its own (10000)
  --judge MODEL           decides what code cannot; --judge-url for its address
  --caller-model MODEL    plays the callers that have a persona; --caller-url for its address

Compare two agents on the same seeds
  --model A,B             by AGENT_MODEL
  --prompt FILE           the agent's own prompt, and this one
  --vary NAME=A,B         by any other setting

What comes out
  --baseline FILE         fails only on what was better in this earlier --jsonl
  --tolerance PERCENT     how much later than there answers may begin, beside 100 ms (50)
  --jsonl FILE            a line a run
  --junit FILE            for CI
  --html FILE             one page with every conversation
  --prices FILE           prices of a million tokens, by model, for the cost
  --schema                prints the JSON schema of scenario files, for editors

Exit code: 0 all passed, 1 the agent behaved otherwise, 2 the rehearsal itself failed.`;

const text = { type: "string" } as const;
const flag = { type: "boolean" } as const;

export type Options = ReturnType<typeof readOptions>;

/** @throws {RehearsalError} that says which argument cannot be used. */
export function readOptions(args: readonly string[]) {
  const { values, positionals } = parse(args);
  const number = (name: "repeat" | "seed" | "concurrency" | "timeout" | "tolerance") => {
    const given = values[name];
    if (given === undefined) return null;
    const least = name === "seed" || name === "tolerance" ? 0 : 1;
    if (!/^\d{1,9}$/.test(given) || Number(given) < least) {
      throw new RehearsalError(`--${name} ${given}: expected a whole number, ${least} or more`);
    }
    return Number(given);
  };
  return {
    paths: positionals,
    help: values.help ?? false,
    schema: values.schema ?? false,
    target: values.target ?? null,
    token: values.token ?? null,
    app: values.app ?? "app.ts",
    env: Object.fromEntries((values.env ?? []).map(readSetting)),
    mock: values.mock ?? false,
    repeat: number("repeat"),
    seed: number("seed") ?? 1,
    only: values.only ?? null,
    concurrency: number("concurrency") ?? 8,
    timeoutMs: number("timeout") ?? 10_000,
    judge: values.judge ?? null,
    judgeUrl: values["judge-url"] ?? null,
    callerModel: values["caller-model"] ?? null,
    callerUrl: values["caller-url"] ?? null,
    model: values.model ?? null,
    prompt: values.prompt ?? null,
    vary: values.vary ?? null,
    baseline: values.baseline ?? null,
    tolerance: number("tolerance") ?? 50,
    jsonl: values.jsonl ?? null,
    junit: values.junit ?? null,
    html: values.html ?? null,
    prices: values.prices ?? null,
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        help: flag,
        schema: flag,
        target: text,
        token: text,
        app: text,
        env: { ...text, multiple: true },
        mock: flag,
        repeat: text,
        seed: text,
        only: text,
        concurrency: text,
        timeout: text,
        judge: text,
        "judge-url": text,
        "caller-model": text,
        "caller-url": text,
        model: text,
        prompt: text,
        vary: text,
        baseline: text,
        tolerance: text,
        jsonl: text,
        junit: text,
        html: text,
        prices: text,
      },
    });
  } catch (error) {
    throw new RehearsalError(`${error instanceof Error ? error.message : error}\n\n${USAGE}`);
  }
}

function readSetting(given: string): [string, string] {
  const [, name, value] = /^([A-Z][A-Z0-9_]*)=(.*)$/s.exec(given) ?? [];
  if (name === undefined || value === undefined)
    throw new RehearsalError(`--env ${given}: expected NAME=VALUE`);
  return [name, value];
}
