import { CallContext } from "../lib/mood/context.ts";
import { featuresOf } from "../lib/mood/features.ts";
import { signalsOf } from "../lib/mood/judge.ts";
import { type Weights, type WordWeight, weightsOf } from "../lib/mood/weights.ts";
import type { Comment } from "./data-sets.ts";
import type { LabelledCall } from "./labelled-calls.ts";
import { type Example, trainLogistic } from "./logistic.ts";

export type TrainingData = {
  /** Labelled service calls, by their author. */
  authors: readonly (readonly LabelledCall[])[];
  /** Calm service calls. */
  calm: readonly LabelledCall[];
  comments: CommentScores;
};

/** What the words of comments say. */
export type CommentScores = Record<Target, Scores>;

/** Learns what words say from comments: the part of the training that no service call changes. */
export function learnFromComments(comments: readonly Comment[]): CommentScores {
  return { upset: trainOnComments(comments, "upset"), pleased: trainOnComments(comments, "pleased") };
}

/** A word of the comments that is rarer says nothing; in the few service calls two are enough. */
const MIN_IN_COMMENTS = 4;
const MIN_IN_CALLS = 2;
/** Penalties of squares: chosen by leaving out one author of calls after the other. */
const COMMENTS_PENALTY = 4;
const WORDS_PENALTY = 3;
const CLASSES_PENALTY = 1;
const SIGNALS_PENALTY = 0.5;
/** What a calm utterance of a data set counts beside one of the labelled calls, for its words and for what surrounds it. */
const CALM_WEIGHT = { words: 1, signals: 0.2 };
/** How a word's weight is drawn from how much oftener it is in upset utterances than in others (Wang and Manning, ACL 2012). */
const RATIO_POWER = 0.5;
/** Most features taken from the calls and from the comments, so that the file of weights stays under 100 KB. */
const MAX_FROM_CALLS: Record<Target, number> = { upset: 4_000, pleased: 400 };
const MAX_FROM_COMMENTS: Record<Target, number> = { upset: 1_400, pleased: 600 };

type Target = "upset" | "pleased";
type Scores = ReadonlyMap<string, number>;
/** A caller's turn, with all that does not change from one training to the next. */
type Utterance = {
  names: ReadonlySet<string>;
  /** What its words say in comments, log-odds. */
  inComments: Record<Target, number>;
  label: Record<Target, boolean>;
};
type PreparedCall = {
  call: LabelledCall;
  utterances: readonly Utterance[];
  /** Of a data set of calm calls. */
  isCalm: boolean;
  /** The part that is left out with it: its author's, or one of as many parts of the data set. */
  part: number;
};

/** Trains the embedded model. The same data always give the same weights. */
export function train({ authors, calm, comments: scores }: TrainingData): Weights {
  const prepared = [
    ...authors.flatMap((calls, part) => calls.map((call) => prepare(call, scores, part, false))),
    ...calm.map((call, at) => prepare(call, scores, at % authors.length, true)),
  ];
  const upset = trainTarget(prepared, scores, "upset");
  const pleased = trainTarget(prepared, scores, "pleased");
  const words = new Map<string, WordWeight>();
  for (const name of new Set([...upset.keys(), ...pleased.keys()])) {
    words.set(name, { upset: upset.get(name) ?? 0, pleased: pleased.get(name) ?? 0 });
  }
  const signals = trainSignals(prepared, scores, authors.length);
  return weightsOf(words, signals);
}

/** A call that its author filed under "thanks" is taken for a pleased caller's, all others for none. */
function prepare(call: LabelledCall, scores: CommentScores, part: number, isCalm: boolean): PreparedCall {
  const utterances = call.turns.flatMap(({ role, text }, at) => {
    if (role === "agent") return [];
    const names = featuresOf(text);
    const inComments = { upset: scoreOf(names, scores.upset), pleased: scoreOf(names, scores.pleased) };
    return [{ names, inComments, label: { upset: call.upset.has(at), pleased: call.kind === "thanks" } }];
  });
  return { call, utterances, isCalm, part };
}

/** What the words of comments say, as log-odds by name; "#bias" for all. */
function trainOnComments(comments: readonly Comment[], target: Target): Scores {
  const features = comments.map(({ text }) => featuresOf(text));
  const index = indexOf(features, MIN_IN_COMMENTS);
  const examples = features.map(
    (names, at): Example => ({
      indexes: [0, ...known(names, index)],
      values: null,
      label: comments[at]?.[target] ?? false,
      weight: 1,
    }),
  );
  const penalty = new Float64Array(index.size + 1).fill(COMMENTS_PENALTY);
  penalty[0] = 0;
  const weights = trainLogistic(examples, penalty);
  const strongest = [...index]
    .map(([name, at]) => [name, weights[at] ?? 0] as const)
    .sort(([, a], [, b]) => Math.abs(b) - Math.abs(a))
    .slice(0, MAX_FROM_COMMENTS[target]);
  return new Map([["#bias", weights[0] ?? 0], ...strongest]);
}

/** What the words of a service call say: what they say in comments, in a measure that is learnt, and what is different. */
function trainTarget(
  calls: readonly PreparedCall[],
  scores: CommentScores,
  target: Target,
): Map<string, number> {
  const labelled = calls.filter(({ isCalm }) => !isCalm).flatMap(({ utterances }) => utterances);
  const scale = telling(labelled, target);
  const index = new Map([...scale.keys()].map((name, at) => [name, at + 1]));
  const scales = [1, ...scale.values()];
  const [fromUpset, fromPleased] = [index.size + 1, index.size + 2];
  const examples = calls.flatMap(({ utterances, isCalm }) =>
    utterances.map(({ names, inComments, label }): Example => {
      const at = known(names, index);
      return {
        indexes: [0, ...at, fromUpset, fromPleased],
        values: [1, ...at.map((feature) => scales[feature] ?? 1), inComments.upset, inComments.pleased],
        label: label[target],
        weight: isCalm ? CALM_WEIGHT.words : 1,
      };
    }),
  );
  const penalty = new Float64Array(index.size + 3).fill(WORDS_PENALTY);
  for (const [name, at] of index) if (name.startsWith("@")) penalty[at] = CLASSES_PENALTY;
  const weights = trainLogistic(examples, penalty);
  const result = new Map<string, number>();
  for (const [name, at] of index) result.set(name, (weights[at] ?? 0) * (scales[at] ?? 1));
  const add = (from: Scores, share: number) => {
    for (const [name, score] of from) result.set(name, (result.get(name) ?? 0) + score * share);
  };
  add(scores.upset, weights[fromUpset] ?? 0);
  add(scores.pleased, weights[fromPleased] ?? 0);
  result.set("#bias", (result.get("#bias") ?? 0) + (weights[0] ?? 0));
  return result;
}

/** What stands around the words, weighed on calls whose words were judged by weights that have not seen their author. */
function trainSignals(
  calls: readonly PreparedCall[],
  scores: CommentScores,
  parts: number,
): Map<string, number> {
  const examples: Example[] = [];
  const names: string[] = [];
  for (let part = 0; part < parts; part += 1) {
    const seen = calls.filter((call) => call.part !== part);
    const upset = trainTarget(seen, scores, "upset");
    const words = new Map([...upset].map(([name, weight]) => [name, { upset: weight, pleased: 0 }]));
    const weights = weightsOf(words);
    for (const { call, isCalm } of calls.filter((call) => call.part === part)) {
      if (!isCalm && !isWhole(call)) continue;
      const context = new CallContext(0, weights);
      for (const [at, { role, text }] of call.turns.entries()) {
        if (role === "agent") continue;
        const signals = Object.entries(signalsOf(context.heard(text)));
        if (names.length === 0) names.push(...signals.map(([name]) => name));
        const [indexes, values] = [signals.map((_, place) => place), signals.map(([, value]) => value)];
        const weight = isCalm ? CALM_WEIGHT.signals : 1;
        examples.push({ indexes, values, label: call.upset.has(at), weight });
      }
    }
  }
  const weights = trainLogistic(examples, new Float64Array(names.length).fill(SIGNALS_PENALTY));
  return new Map(names.map((name, at) => [name, weights[at] ?? 0]));
}

/** Whether both sides speak. Of calls that are less, written for their words, nothing is learnt of how calls go on. */
export function isWhole({ turns }: LabelledCall): boolean {
  return turns.some(({ role }) => role === "agent");
}

/** Places of the features that are in enough texts, from 1. */
function indexOf(features: readonly ReadonlySet<string>[], least: number): Map<string, number> {
  const counts = new Map<string, number>();
  for (const names of features) for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  const index = new Map<string, number>();
  for (const [name, count] of counts) if (count >= least) index.set(name, index.size + 1);
  return index;
}

function known(names: ReadonlySet<string>, index: ReadonlyMap<string, number>): number[] {
  return [...names].flatMap((name) => index.get(name) ?? []);
}

/**
 * The features that tell most of the target, and for each how much oftener it is on one side than on the other: the root
 * of the absolute log-ratio.
 */
function telling(utterances: readonly Utterance[], target: Target): Map<string, number> {
  const counts = new Map<string, { yes: number; no: number }>();
  for (const { names, label } of utterances) {
    for (const name of names) {
      const count = counts.get(name) ?? { yes: 0, no: 0 };
      count[label[target] ? "yes" : "no"] += 1;
      counts.set(name, count);
    }
  }
  const total = utterances.filter(({ label }) => label[target]).length;
  const share = (count: number, of: number) => (count + 1) / (of + 2);
  const found = [...counts]
    .filter(([, { yes, no }]) => yes + no >= MIN_IN_CALLS)
    .map(([name, { yes, no }]) => {
      const ratio = Math.abs(Math.log(share(yes, total) / share(no, utterances.length - total)));
      return { name, scale: ratio ** RATIO_POWER, strength: ratio * Math.sqrt(yes + no) };
    });
  const strongest = found.sort((a, b) => b.strength - a.strength).slice(0, MAX_FROM_CALLS[target]);
  return new Map(strongest.map(({ name, scale }) => [name, scale]));
}

/** The log-odds of a text by these weights. */
function scoreOf(names: ReadonlySet<string>, scores: Scores): number {
  let sum = scores.get("#bias") ?? 0;
  for (const name of names) sum += scores.get(name) ?? 0;
  return sum;
}
