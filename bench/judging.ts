/*
 * What a verdict of the embedded model costs: an utterance in its call, from text to probability. `npm run bench:judging`,
 * some seconds; the fastest of many rounds is what it costs where nobody else uses the processor.
 */
import { CallContext } from "../lib/mood/context.ts";
import { judge } from "../lib/mood/judge.ts";
import { spread } from "./statistics.ts";

const ROUNDS = 60;
const ROUND_MS = 20;
const MAX_CHARS = 2_000;

const SENTENCE = "I've been waiting for my order for 3 weeks and nobody will help me!";
const SPEECH =
  "so I rang on Monday and the lady at the desk told me that the van would come round by noon, and I waited in all day, " +
  "and then a text came that said it had been left with a neighbour, but we have no neighbours on this side of the road; ";

const UTTERANCES: readonly (readonly [name: string, text: string])[] = [
  ["a sentence", SENTENCE],
  ["500 characters", SPEECH.repeat(3).slice(0, 500)],
  ["1,000 characters", SPEECH.repeat(5).slice(0, 1_000)],
  ["2,000 characters", SPEECH.repeat(10).slice(0, MAX_CHARS)],
  ['"1" × 1,999 and "!"', `${"1".repeat(MAX_CHARS - 1)}!`],
];

for (const [name, text] of UTTERANCES) {
  round(text);
  const { min, median } = spread(Array.from({ length: ROUNDS }, () => round(text)));
  console.log(
    `${name.padEnd(20)} ${format(min)} ms at best, ${format(median)} ms in the middle of ${ROUNDS} rounds`,
  );
}

/** One verdict after the other for a while, each in a call of ten: ms of the process's own time for one. */
function round(text: string): number {
  const before = process.cpuUsage();
  const until = performance.now() + ROUND_MS;
  let count = 0;
  while (performance.now() < until) {
    const context = new CallContext(4);
    for (let utterance = 0; utterance < 10; utterance += 1) judge(context.heard(text));
    count += 10;
  }
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000 / count;
}

function format(ms: number): string {
  return ms.toFixed(3);
}
