/** Answers that a share is taken of: the latest ones. */
const WINDOW = 50;
/** Fewer answers tell nothing: one in five may be chance. */
const FEWEST = 10;
/** Share of unclear answers above which the model is not fit for the task. */
const MOST_UNCLEAR = 0.1;

/** How often a model that was asked for one of a few words says something else. One per model, shared by all calls. */
export class Clarity {
  readonly #listeners: ((share: number) => void)[] = [];
  /** Whether each of the latest answers was clear, oldest first. */
  #answers: boolean[] = [];
  #tooUnclear = false;

  /** Share of the latest answers that were not understood, 0…1. */
  get unclearShare(): number {
    if (this.#answers.length === 0) return 0;
    return this.#answers.filter((clear) => !clear).length / this.#answers.length;
  }

  /** Whether more than a tenth of the latest answers were not understood. */
  get tooUnclear(): boolean {
    return this.#tooUnclear;
  }

  /** Calls `listener` each time the share rises above a tenth. */
  onTooUnclear(listener: (share: number) => void): void {
    this.#listeners.push(listener);
  }

  note(clear: boolean): void {
    this.#answers.push(clear);
    if (this.#answers.length > WINDOW) this.#answers.shift();
    const before = this.#tooUnclear;
    const share = this.unclearShare;
    this.#tooUnclear = this.#answers.length >= FEWEST && share > MOST_UNCLEAR;
    if (this.#tooUnclear && !before) for (const listener of this.#listeners) listener(share);
  }
}
