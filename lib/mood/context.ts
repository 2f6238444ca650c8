import { likeness, overlap, Repeats, wordsOf } from "./repeats.ts";
import { embeddedWeights, type Weights } from "./weights.ts";
import { type Words, weighWords } from "./words.ts";

/** One turn of a call, as far as a verdict looks at it. */
export type Said = {
  role: "user" | "agent";
  text: string;
  /** Agent: the caller cut it short. */
  interrupted: boolean;
  /** Agent: a tool failed in it, or the answer itself did. */
  failed: boolean;
};

/** What the agent failed at just before an utterance. */
export type Failure = "tool" | "same_again" | "not_understood" | "apology";

/** An utterance in its call: what a verdict is given on. */
export type UtteranceContext = {
  text: string;
  words: Words;
  /** The last turns of both sides before it, oldest first, bounded in number and length. */
  before: readonly Said[];
  /** Number among the caller's utterances, from 1. */
  utterance: number;
  /** How often the caller has said nearly the same before. */
  saidBefore: number;
  /** How much of its longer words an earlier utterance had, 0…1: the most, and how many earlier ones had half of them. */
  overlap: { most: number; often: number };
  /** The caller says that it was not that, or that it was said before. */
  corrects: boolean;
  /** The caller cut the agent short to say this. */
  interrupts: boolean;
  failure: Failure | null;
  /** How many answers of the agent have failed in this call so far. */
  failures: number;
  /** How upset the words of the earlier utterances were by themselves, 0…1: their mean, and the last one's. Null before the second. */
  earlier: { mean: number; last: number } | null;
};

/** Longest part of an utterance that is judged, characters: nobody says more in one breath. */
const MAX_UTTERANCE_CHARS = 4_000;
/** Longest part of an earlier turn that is looked at, characters: its end, for that is what is answered. */
const MAX_TURN_CHARS = 400;
/** Two answers of the agent are the same when they share so much of their words. */
const SAME_ANSWER = 0.75;
/** So many turns are kept at least, to see that the agent says the same again. */
const MIN_KEPT = 12;
/** Earlier utterances whose words are compared. */
const MAX_COMPARED = 20;
/** Share of its longer words from which an utterance comes back to an earlier one. */
const COMES_BACK = 0.5;

const CORRECTION =
  /\bno[,.!]? (?:i (?:said|meant|asked)|that's not|that isn't|it's not|not that)\b|\bnot what i (?:said|asked|meant|want(?:ed)?)\b|\b(?:as|like) i (?:just )?said\b|\bi (?:just|already) (?:said|told|gave|explained|answered)\b|\bi (?:did not|didn't) (?:ask|say|mean)\b/;
const NOT_UNDERSTOOD =
  /\b(?:(?:didn't|did not|don't|do not|couldn't) (?:quite |fully )?(?:catch|understand|get|follow|hear)|say (?:it|that) again|put it another way|rephrase|repeat that|once more)\b/;
const APOLOGY = /\b(?:sorry|apologi[sz]e|apologies|regret)\b/;

/** Keeps the last turns of one call, and gives each utterance its context. */
export class CallContext {
  readonly #limit: number;
  readonly #weights: Weights;
  readonly #repeats = new Repeats();
  readonly #heard: ReadonlySet<string>[] = [];
  #turns: Said[] = [];
  #utterances = 0;
  #failures = 0;
  #upsetSum = 0;
  #upsetLast = 0;

  /** @param limit how many turns before an utterance its context has. */
  constructor(limit: number, weights = embeddedWeights) {
    this.#limit = limit;
    this.#weights = weights;
  }

  /** What the agent has said; of an answer that is still being given, what was said of it so far. */
  agentSaid(text: string, { interrupted, failed }: Pick<Said, "interrupted" | "failed">): void {
    if (text.trim() === "" && !failed) return;
    this.#add({ role: "agent", text: text.slice(-MAX_TURN_CHARS), interrupted, failed });
  }

  /** What the caller has said, in its context. */
  heard(said: string): UtteranceContext {
    const text = said.slice(0, MAX_UTTERANCE_CHARS);
    const words = weighWords(text, this.#weights);
    const failure = this.#failure();
    if (failure !== null) this.#failures += 1;
    const earlier =
      this.#utterances === 0 ? null : { mean: this.#upsetSum / this.#utterances, last: this.#upsetLast };
    this.#utterances += 1;
    this.#upsetSum += words.upset;
    this.#upsetLast = words.upset;
    const context: UtteranceContext = {
      text,
      words,
      before: this.#limit === 0 ? [] : this.#turns.slice(-this.#limit),
      utterance: this.#utterances,
      saidBefore: this.#repeats.count(text),
      overlap: this.#overlap(text),
      corrects: CORRECTION.test(text.slice(0, MAX_TURN_CHARS).toLowerCase().replace(/’/g, "'")),
      interrupts: this.#turns.at(-1)?.interrupted ?? false,
      failure,
      failures: this.#failures,
      earlier,
    };
    this.#add({ role: "user", text: text.slice(-MAX_TURN_CHARS), interrupted: false, failed: false });
    return context;
  }

  #failure(): Failure | null {
    const last = this.#turns.at(-1);
    if (last?.role !== "agent") return null;
    if (last.failed) return "tool";
    const words = wordsOf(last.text);
    const isSame = ({ role, text }: Said) =>
      role === "agent" && likeness(wordsOf(text), words) >= SAME_ANSWER;
    if (this.#turns.slice(0, -1).some(isSame)) return "same_again";
    const text = last.text.toLowerCase().replace(/’/g, "'");
    if (NOT_UNDERSTOOD.test(text)) return "not_understood";
    return APOLOGY.test(text) ? "apology" : null;
  }

  #overlap(text: string): UtteranceContext["overlap"] {
    const words = wordsOf(text.slice(0, MAX_TURN_CHARS));
    const shares = this.#heard.map((before) => overlap(words, before));
    this.#heard.push(words);
    if (this.#heard.length > MAX_COMPARED) this.#heard.shift();
    return { most: Math.max(0, ...shares), often: shares.filter((share) => share >= COMES_BACK).length };
  }

  #add(turn: Said): void {
    this.#turns.push(turn);
    if (this.#turns.length > Math.max(this.#limit, MIN_KEPT)) this.#turns.shift();
  }
}
