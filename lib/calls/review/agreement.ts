import { groupBy } from "../group-by.ts";

/** What two said of the same thing, and how often they did. */
export type Rated = {
  /** What was judged: things of one kind have the same name, such as a question of the form. */
  item: string;
  one: string;
  other: string;
  times: number;
};

/** Counts what two judges say. Answers are few, so it stays small however much they have judged. */
export class RatedCounts {
  readonly #counts = new Map<string, Rated>();

  add(item: string, one: string, other: string): void {
    const key = `${item}\n${one}\n${other}`;
    const known = this.#counts.get(key);
    if (known) known.times += 1;
    else this.#counts.set(key, { item, one, other, times: 1 });
  }

  get all(): readonly Rated[] {
    return [...this.#counts.values()];
  }
}

/** How far two judges, or several pairs of them, agree. */
export type Agreement = {
  /** Judgements that both gave. */
  answers: number;
  /** Equal ones by all, 0…1; null without any. */
  equal: number | null;
  /** 1: full agreement, 0: what chance would give, below 0: less than that. Null where chance alone makes all equal. */
  kappa: number | null;
};

/**
 * Cohen's kappa, (po − pe) / (1 − pe): po is how often both say the same, pe how often they would if each said what they
 * say as often as they do, but at random (Cohen, Educational and Psychological Measurement 20, 1960). Over several items
 * po and pe are worked out for each and their means put into the formula, each item by the number of its answers (pooled
 * kappa: De Vries et al., Field Methods 20, 2008).
 */
export function agreementOf(rated: readonly Rated[]): Agreement {
  const all = timesOf(rated);
  if (all === 0) return { answers: 0, equal: null, kappa: null };
  const equal = timesOf(rated.filter(({ one, other }) => one === other)) / all;
  let byChance = 0;
  for (const own of groupBy(rated, ({ item }) => item).values()) {
    const answers = timesOf(own);
    const share = (side: "one" | "other", said: string) =>
      timesOf(own.filter((each) => each[side] === said)) / answers;
    const said = new Set(own.map(({ one }) => one));
    const chance = [...said].reduce((sum, each) => sum + share("one", each) * share("other", each), 0);
    byChance += (chance * answers) / all;
  }
  // Sums of shares are only nearly 1.
  const kappa = 1 - byChance < 1e-9 ? null : (equal - byChance) / (1 - byChance);
  return { answers: all, equal: round(equal), kappa: kappa === null ? null : round(kappa) };
}

function timesOf(rated: readonly Rated[]): number {
  return rated.reduce((sum, { times }) => sum + times, 0);
}

function round(value: number): number {
  const short = Number(value.toFixed(2));
  return short === 0 ? 0 : short;
}
