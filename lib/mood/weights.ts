import { readFileSync } from "node:fs";
import { addPhrase, type Step } from "./phrases.ts";

/** What one feature of an utterance says (log-odds): for a caller who is upset, and for one who is pleased. */
export type WordWeight = { upset: number; pleased: number };

/** The embedded model: made by `npm run train:sentiment`, see docs/sentiment.md. */
export type Weights = {
  /** By the names that `featuresOf` gives; "#bias" is there in every utterance. */
  words: ReadonlyMap<string, WordWeight>;
  /** The words, pairs and triples among them, as `findPhrases` looks for them. */
  grams: Step;
  /** By the names of `signalsOf`, log-odds. */
  signals: ReadonlyMap<string, number>;
  /** Risk at which a caller is handed over, by false escalations per 1,000 hard calm calls. */
  thresholds: ReadonlyMap<number, number>;
};

/** Weights are written down as whole hundredths. */
const SCALE = 100;

/** Reads a file of weights: on each line a section, a name and its numbers, between tabs; `#` begins a remark. */
export function parseWeights(text: string): Weights {
  const words = new Map<string, WordWeight>();
  const signals = new Map<string, number>();
  const thresholds = new Map<number, number>();
  for (const line of text.split("\n")) {
    if (line === "" || line.startsWith("# ")) continue;
    const [section, name = "", ...numbers] = line.split("\t");
    const [first = Number.NaN, second = 0] = numbers.map((number) => Number(number) / SCALE);
    if (Number.isNaN(first + second)) throw new Error(`No weight: ${line}`);
    if (section === "w") words.set(name, { upset: first, pleased: second });
    else if (section === "signal") signals.set(name, first);
    else if (section === "threshold") thresholds.set(Number(name), first);
    else throw new Error(`No section of the weights: ${line}`);
  }
  return weightsOf(words, signals, thresholds);
}

/** Puts weights together; what is looked for in an utterance is found word after word. */
export function weightsOf(
  words: Weights["words"],
  signals: Weights["signals"] = new Map(),
  thresholds: Weights["thresholds"] = new Map(),
): Weights {
  const grams: Step = { classes: [], next: new Map() };
  for (const name of words.keys()) if (!/^[@#]/.test(name)) addPhrase(grams, name.split(" "), name);
  return { words, grams, signals, thresholds };
}

/** The file that {@link parseWeights} reads. Names are in order, so that two trainings can be compared line by line. */
export function formatWeights(weights: Weights, remarks: readonly string[]): string {
  const whole = (number: number) => String(Math.round(number * SCALE) || 0);
  const byName = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]) => (a < b ? -1 : 1);
  const lines = [
    ...remarks.map((remark) => `# ${remark}`),
    ...[...weights.signals].sort(byName).map(([name, weight]) => `signal\t${name}\t${whole(weight)}`),
    ...[...weights.thresholds].map(([falsePer1000, risk]) => `threshold\t${falsePer1000}\t${whole(risk)}`),
    ...[...weights.words].sort(byName).map(([name, { upset, pleased }]) => {
      const second = whole(pleased);
      return `w\t${name}\t${whole(upset)}${second === "0" ? "" : `\t${second}`}`;
    }),
  ];
  return `${lines.join("\n")}\n`;
}

/** Beside this file, so that it goes wherever the code goes. */
export const WEIGHTS_FILE = new URL("./weights.txt", import.meta.url);

export const embeddedWeights: Weights = parseWeights(readFileSync(WEIGHTS_FILE, "utf8"));
