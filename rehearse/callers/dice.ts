import { uniformFloat64 } from "pure-rand/distribution/uniformFloat64";
import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";

/** Numbers that are thrown away at first: those of neighbouring seeds begin alike. */
const ALIKE = 20;

/** Chance, the same for the same seed. */
export class Dice {
  readonly #generator;

  constructor(seed: number) {
    this.#generator = xoroshiro128plus(seed);
    for (let thrown = 0; thrown < ALIKE; thrown += 1) this.roll();
  }

  /** 0 up to 1, without 1. */
  roll(): number {
    return uniformFloat64(this.#generator);
  }

  /** One of these. */
  pick(choices: readonly string[]): string {
    return choices[Math.floor(this.roll() * choices.length)] ?? "";
  }
}
