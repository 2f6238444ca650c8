import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { loadConfig } from "../lib/config.ts";
import { AgentServerError } from "../lib/errors.ts";
import { createLlm } from "../lib/llm/client.ts";
import { createPolicy } from "../lib/mood/policy.ts";
import { embeddedJudge, type JudgedCall, judgeCall } from "./calls.ts";
import { readGoEmotions, readMultiDogo } from "./data-sets.ts";
import { type Evaluation, renderEvaluation } from "./eval-text.ts";
import { LabelError, type LabelledCall, readLabelledCalls } from "./labelled-calls.ts";
import { measure } from "./measure.ts";
import { ModelJudge } from "./model-judge.ts";
import { playCall } from "./play.ts";

const USAGE = `Measures verdicts and hand-offs on labelled calls; docs/sentiment.md explains every figure.

  npm run eval:sentiment -- FILE…        the embedded model
  npm run eval:sentiment -- --model FILE…         the model of SENTIMENT_MODEL at OPENAI_BASE_URL
  npm run eval:sentiment -- --play ws://localhost:8080/ws FILE…   a running server, whose agent answers

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
  const { files, model, play, json, price } = readArguments(args);
  const config = loadConfig();
  const calls = files.flatMap(readFile);
  const { name: policy, threshold } = createPolicy(config);
  const judge = model ? new ModelJudge(createLlm(config), config) : null;
  const ask = judge ? judge.ask : embeddedJudge();
  const judged = await inParallel(calls, (call) =>
    play === undefined ? judgeCall(call, ask, createPolicy(config)) : playCall(call, play),
  );
  const evaluation: Evaluation = {
    judge: judge ? config.SENTIMENT_MODEL : (play ?? "embedded"),
    policy: play === undefined ? `${policy}, threshold ${threshold}` : "the server's",
    figures: measure(judged, play === undefined ? threshold : 1),
    model: judge?.costs(price) ?? null,
  };
  console.log(json ? JSON.stringify(evaluation, null, 2) : renderEvaluation(evaluation));
}

type Arguments = {
  files: string[];
  model: boolean;
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
      options: { model: flag, json: flag, play: { type: "string" }, price: { type: "string" } },
    });
  try {
    parsed = parse();
  } catch (error) {
    throw new LabelError(`${error instanceof Error ? error.message : error}\n\n${USAGE}`);
  }
  const { values, positionals: files } = parsed;
  if (files.length === 0 || (values.model && values.play !== undefined)) throw new LabelError(USAGE);
  const [into, out] = (values.price ?? "").split(",").map(Number);
  const isPriced = into !== undefined && out !== undefined && into >= 0 && out >= 0;
  if (values.price !== undefined && !isPriced) {
    throw new LabelError(`--price ${values.price}: expected two numbers, such as 0.15,0.6`);
  }
  return { ...values, files, play: values.play, price: isPriced ? [into, out] : null };
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
