import { featuresOf, type WordSaid, wordsSaid } from "./features.ts";
import type { Weights } from "./weights.ts";

/** What the words of an utterance say by themselves. */
export type Words = {
  /** Their sum, log-odds, −5…5. */
  sum: number;
  /** That sum as a probability of an upset caller, 0…1. */
  upset: number;
  /** Probability that the caller is pleased, 0…1. */
  pleased: number;
  /** Those that counted most, the strongest first: for an upset caller, and for a pleased one. */
  strongest: { upset: readonly string[]; pleased: readonly string[] };
};

/** Beyond this a sum says no more. */
const MAX_SUM = 5;
/** Least weight of a word that is named as a cause, log-odds. */
const NOTABLE = 0.3;
const MAX_NAMED = 3;
/** A word that tells something by itself. */
const TELLING =
  /^[^#]*\b(?!(?:have|that|what|this|with|your|just|from|they|there|when|been|will|were|about|would|could|them|then|than|does|into)\b)[a-z]{4,}/;

/** Adds up the weights of an utterance's words. Linear in its length. */
export function weighWords(text: string, { words, grams }: Weights): Words {
  const bias = words.get("#bias") ?? { upset: 0, pleased: 0 };
  let { upset, pleased } = bias;
  const upsetting: Named[] = [];
  const pleasing: Named[] = [];
  const phrases = new Map<string, string>();
  for (const feature of featuresOf(text, phrases, grams)) {
    const weight = words.get(feature);
    if (weight === undefined) continue;
    const name = phrases.get(feature) ?? feature;
    upset += weight.upset;
    pleased += weight.pleased;
    if (weight.upset >= NOTABLE) upsetting.push({ name, weight: weight.upset });
    if (weight.pleased >= NOTABLE) pleasing.push({ name, weight: weight.pleased });
  }
  const sum = Math.max(-MAX_SUM, Math.min(MAX_SUM, upset));
  return {
    sum,
    upset: probability(sum),
    pleased: probability(pleased),
    strongest: { upset: nameStrongest(upsetting, text), pleased: nameStrongest(pleasing, text) },
  };
}

/** Of log-odds. */
export function probability(logOdds: number): number {
  return 1 / (1 + Math.exp(-logOdds));
}

type Named = { name: string; weight: number };

/** The strongest as the caller said them; a word that is part of a stronger phrase is not named again. */
function nameStrongest(named: Named[], text: string): string[] {
  const strongest: string[] = [];
  for (const { name } of named.sort((a, b) => b.weight - a.weight)) {
    const said = name.replace(/[\^$]/g, "").trim();
    // "is the" may weigh much and tells a reader nothing.
    if (!TELLING.test(said) || strongest.some((other) => isPart(said, other))) continue;
    strongest.push(said);
    if (strongest.length === MAX_NAMED) break;
  }
  if (strongest.length === 0) return strongest;
  const words = wordsSaid(text);
  return strongest.map((name) => inTheCallersWords(name, words, text));
}

function isPart(a: string, b: string): boolean {
  return ` ${b} `.includes(` ${a} `) || ` ${a} `.includes(` ${b} `);
}

/** "0 weeks" is what the model looks at, "3 weeks" what was said. Without punctuation: a comma parts two causes. */
function inTheCallersWords(name: string, words: readonly WordSaid[], text: string): string {
  const wanted = name.split(" ");
  const at = words.findIndex((_, index) => wanted.every((word, n) => words[index + n]?.word === word));
  const [first, last] = [words[at], words[at + wanted.length - 1]];
  if (!first || !last) return name;
  const said = text.slice(first.from, last.to).toLowerCase();
  return said.replace(/[^a-z\d'‘’]+/g, " ");
}
