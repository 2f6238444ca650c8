import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { loadConfig } from "../lib/config.ts";
import { AgentServerError } from "../lib/errors.ts";
import { createLlm } from "../lib/llm/client.ts";
import { createPolicy } from "../lib/mood/policy.ts";
import { embeddedJudge, givenJudge, type JudgedCall, judgeCall } from "./calls.ts";
import { readGoEmotions, readMultiDogo } from "./data-sets.ts";
import { type Evaluation, renderEvaluation } from "./eval-text.ts";
import { LabelError, type LabelledCall, readLabelledCalls } from "./labelled-calls.ts";
import { measure } from "./measure.ts";
import { ModelJudge } from "./model-judge.ts";
import { playCall } from "./play.ts";
import { readLabelledRecords } from "./recorded-calls.ts";

const USAGE = `Measures verdicts and hand-offs on labelled calls; docs/sentiment.md explains every figure.

  npm run eval:sentiment -- FILE…        the embedded model
  npm run eval:sentiment -- --model FILE…         the model of SENTIMENT_MODEL at OPENAI_BASE_URL
  npm run eval:sentiment -- --play ws://localhost:8080/ws FILE…   a running server, whose agent answers
  npm run eval:sentiment -- --recorded   on the calls of the record (DATABASE_URL) that people have labelled on /console
  npm run eval:sentiment -- --recorded --given   the same, for the verdicts that were given in these calls

FILE is one of
  calls, one a line: {"turns":[{"role":"user"|"agent","text":"…"}],"upset":[…],"handover_from":n|null}
  a part of GoEmotions, *.tsv with labels.txt beside it
  a domain of MultiDoGO, *.tsv

  --json           figures as JSON
  --price 0.15,0.6 what a million tokens cost, in and out, to tell the cost of --model`;

const CALLS_AT_ONCE = 4;

try {
  await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof LabelError || error instanceof AgentServerError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}

async function main(args: string[]): Promise<void> {
  const { files, model, recorded, given, play, json, price } = readArguments(args);
  const config = loadConfig();
  const records = recorded ? await readLabelledRecords(config.DATABASE_URL, !given) : null;
  const givenIn = new Map(records?.calls.map((record) => [record.call, record.given]));
  const calls = records ? records.calls.map(({ call }) => call) : files.flatMap(readFile);
  const { name: policy, threshold } = createPolicy(config);
  const judge = model ? new ModelJudge(createLlm(config), config) : null;
  const ask = judge ? judge.ask : embeddedJudge();
  const judged = await inParallel(calls, (call) => {
    if (play !== undefined) return playCall(call, play);
    return judgeCall(call, given ? givenJudge(givenIn.get(call) ?? []) : ask, createPolicy(config));
  });
  const evaluation: Evaluation = {
    judge: judge ? config.SENTIMENT_MODEL : given ? "the calls themselves" : (play ?? "embedded"),
    policy: play === undefined ? `${policy}, threshold ${threshold}` : "the server's",
    record: records && { undecided: records.undecided, withoutText: records.withoutText },
    figures: measure(judged, play === undefined ? threshold : 1),
    model: judge?.costs(price) ?? null,
  };
  console.log(json ? JSON.stringify(evaluation, null, 2) : renderEvaluation(evaluation));
}

type Arguments = {
  files: string[];
  model: boolean;
  recorded: boolean;
  given: boolean;
  play: string | undefined;
  json: boolean;
  price: readonly [number, number] | null;
};

function readArguments(args: string[]): Arguments {
  const flag = { type: "boolean", default: false } as const;
  let parsed: ReturnType<typeof parse>;
  const parse = () =>
    parseArgs({
      args,
      allowPositionals: true,
      options: {
        model: flag,
        recorded: flag,
        given: flag,
        json: flag,
        play: { type: "string" },
        price: { type: "string" },
      },
    });
  try {
    parsed = parse();
  } catch (error) {
    throw new LabelError(`${error instanceof Error ? error.message : error}\n\n${USAGE}`);
  }
  const { values, positionals: files } = parsed;
  const { model, recorded, given, play } = values;
  const judges = [model, given, play !== undefined].filter(Boolean).length;
  if (files.length > 0 === recorded || (given && !recorded) || judges > 1) throw new LabelError(USAGE);
  const [into, out] = (values.price ?? "").split(",").map(Number);
  const isPriced = into !== undefined && out !== undefined && into >= 0 && out >= 0;
  if (values.price !== undefined && !isPriced) {
    throw new LabelError(`--price ${values.price}: expected two numbers, such as 0.15,0.6`);
  }
  return { ...values, files, play, price: isPriced ? [into, out] : null };
}

function readFile(file: string): LabelledCall[] {
  if (!file.endsWith(".tsv")) return readLabelledCalls(file);
  if (!existsSync(join(dirname(file), "labels.txt"))) return readMultiDogo(file);
  return readGoEmotions(file).map(({ text, upset, pleased }, index) => ({
    id: String(index + 1),
    kind: "comment",
    turns: [{ role: "user", text }],
    upset: new Set(upset ? [0] : []),
    labels: new Map(upset ? [] : [[0, pleased ? "positive" : "neutral"]]),
    handoverFrom: null,
  }));
}

/** Each call by itself, a few at a time, in the order of the calls. */
async function inParallel(
  calls: readonly LabelledCall[],
  judge: (call: LabelledCall) => Promise<JudgedCall>,
): Promise<JudgedCall[]> {
  const judged: JudgedCall[] = [];
  let next = 0;
  const worker = async () => {
    for (let at = next++; at < calls.length; at = next++) {
      const call = calls[at];
      if (call) judged[at] = await judge(call);
    }
  };
  await Promise.all(Array.from({ length: CALLS_AT_ONCE }, worker));
  return judged;
}
