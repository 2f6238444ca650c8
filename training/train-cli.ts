import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { CallContext } from "../lib/mood/context.ts";
import { RiskPolicy } from "../lib/mood/policy.ts";
import { formatWeights, WEIGHTS_FILE } from "../lib/mood/weights.ts";
import { embeddedJudge, handedOverAt, isFlagged, type JudgedCall, judgeCall } from "./calls.ts";
import { readGoEmotions, readMultiDogo } from "./data-sets.ts";
import { LabelError, type LabelledCall, readLabelledCalls } from "./labelled-calls.ts";
import { measure, type Share, shareOf } from "./measure.ts";
import { isWhole, learnFromComments, train } from "./train.ts";

const USAGE = `Trains the embedded sentiment model and writes lib/mood/weights.txt.

  npm run train:sentiment -- DATA

DATA is a folder with goemotions/train.tsv, goemotions/labels.txt and multidogo/*.tsv.
docs/sentiment.md says where they come from. The labelled calls of training/calls are used besides.`;

const REMARKS = [
  "The embedded sentiment model: weights in hundredths of a log-odd. Made by npm run train:sentiment; do not edit.",
  "Trained on GoEmotions (Demszky et al., ACL 2020; Apache-2.0), MultiDoGO (Peskov et al., EMNLP 2019;",
  "CDLA-Permissive-1.0) and the labelled calls of training/calls. No sentence of theirs is in here.",
];
/** Of the calm calls of the data set so many are taken, evenly: more would outweigh the labelled ones. */
const CALM_CALLS = 480;
/** False escalations per 1,000 calm calls for which a threshold is written down. */
const RATES = [5, 10, 20, 30, 40, 60, 100];
/** Above 1 no single verdict decides, and no calm turn waits for one. */
const LEAST_RISK = 1.01;

try {
  await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof LabelError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}

async function main([folder, ...more]: string[]): Promise<void> {
  if (folder === undefined || more.length > 0) throw new LabelError(USAGE);
  const comments = learnFromComments(readGoEmotions(join(folder, "goemotions", "train.tsv")));
  const domains = readDomains(join(folder, "multidogo"));
  const authors = readAuthors();
  const judged: JudgedCall[] = [];
  const calm: JudgedCall[] = [];
  // Each author is judged by weights that have seen neither them nor one of the data set's domains, which is judged as well.
  for (const [left, { name, calls }] of authors.entries()) {
    if (!calls.some(isWhole)) continue;
    const domain = domains[left % domains.length];
    const weights = train({
      authors: authors.filter((_, at) => at !== left).map((author) => author.calls),
      calm: evenly(domains.filter((each) => each !== domain).flatMap((each) => each.calls)),
      comments,
    });
    const judge = (call: LabelledCall) =>
      judgeCall(call, embeddedJudge(weights), new RiskPolicy(Infinity), new CallContext(0, weights));
    for (const call of calls.filter(isWhole)) judged.push(await judge(call));
    for (const call of domain?.calls ?? []) calm.push(await judge(call));
    console.log(`Judged ${name} and ${domain?.name} by weights that have seen neither`);
  }
  const weights = train({
    authors: authors.map(({ calls }) => calls),
    calm: evenly(domains.flatMap(({ calls }) => calls)),
    comments,
  });
  const thresholds = thresholdsOf(judged);
  const percent = ({ share }: Share) => `${((share ?? 0) * 100).toFixed(1)} %`;
  for (const [rate, risk] of thresholds) {
    const { inTime, hardCalm } = measure(judged, risk);
    const { share } = shareOf(calm, (call) => handedOverAt(call, risk) !== null);
    console.log(
      `${rate} in 1,000: risk ${risk}, in time ${percent(inTime)}, hard calm ${percent(hardCalm)}, data set ${((share ?? 0) * 1_000).toFixed(2)} in 1,000`,
    );
  }
  const flagged = shareOf(calm, ({ turns }) => turns.some(isFlagged));
  const { calibrationError } = measure(judged, 0);
  console.log(
    `Data set: ${percent(flagged)} of calls flagged. Calibration error: ${calibrationError?.toFixed(3)}`,
  );
  const text = formatWeights({ ...weights, thresholds }, REMARKS);
  writeFileSync(WEIGHTS_FILE, text);
  console.log(`${fileURLToPath(WEIGHTS_FILE)}: ${Math.round(text.length / 1_000)} KB`);
}

/** The lowest risk, in hundredths and above 1, at which no more of the calm calls are handed over than the rate allows. */
function thresholdsOf(judged: readonly JudgedCall[]): Map<number, number> {
  const peaks = judged
    .filter(({ handoverFrom }) => handoverFrom === null)
    .map(({ turns }) => Math.max(0, ...turns.map(({ level }) => level)))
    .sort((a, b) => b - a);
  return new Map(
    RATES.map((rate) => {
      const allowed = Math.floor((peaks.length * rate) / 1_000);
      return [rate, Math.max(LEAST_RISK, Math.floor((peaks[allowed] ?? 0) * 100 + 1) / 100)];
    }),
  );
}

function readAuthors(): { name: string; calls: LabelledCall[] }[] {
  const folder = fileURLToPath(new URL("./calls", import.meta.url));
  const files = readdirSync(folder).filter((name) => name.endsWith(".jsonl"));
  return files.sort().map((name) => ({ name, calls: readLabelledCalls(join(folder, name)) }));
}

function readDomains(folder: string): { name: string; calls: LabelledCall[] }[] {
  const files = readdirSync(folder).filter((name) => name.endsWith(".tsv"));
  return files.sort().map((name) => ({ name, calls: readMultiDogo(join(folder, name)) }));
}

function evenly(calls: readonly LabelledCall[]): LabelledCall[] {
  const step = Math.max(1, Math.floor(calls.length / CALM_CALLS));
  return calls.filter((_, at) => at % step === 0);
}
