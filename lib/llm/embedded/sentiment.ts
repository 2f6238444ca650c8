import lexicon from "wink-sentiment";
import type { Sentiment } from "../../wire/log-events.ts";
import { anger, pressing, wryOpening, wryRemark } from "./sentiment-anger.ts";
import { idioms, plainQuestion, praise, praiseHints, request, thanks } from "./sentiment-calm.ts";
import { complaints, hints } from "./sentiment-complaints.ts";
import { courtesies, missedWhenDenied, negators, topics } from "./sentiment-words.ts";

/** Characters of an utterance that are looked at: some two minutes of speech. */
const maxCharacters = 2_000;

/** Longer than any word that means something. */
const longRun = /\S{40}(?=\S)/g;

/** How many words back a negator reaches. */
const negationReach = 3;

/** Points that make a complaint, or praise. One cue counts two, one hint one, a word its AFINN value (2…5). */
const threshold = 2;

type Feeling = { displeasure: number; pleasure: number };

/**
 * Says how a caller sounds, by a lexicon (AFINN) and rules: rough, and blind to what neither knows.
 * Pure and synchronous; looks at the first 2,000 characters.
 */
export function classify(text: string): Sentiment {
  const utterance = text
    .slice(0, maxCharacters)
    // The tokenizer takes a time that grows with the square of a run without a blank.
    .replace(longRun, "$& ")
    .replace(/[‘’]/g, "'")
    .replace(/\s+/g, " ")
    .trim();
  const plain = idioms.reduce(
    (said, { pattern, meaning }) => said.replace(pattern, meaning),
    utterance.toLowerCase(),
  );

  if (anger.some((pattern) => pattern.test(plain))) return "frustrated";

  const { displeasure, pleasure } = feelingOf(plain);
  if (wryOpening.test(plain) && (displeasure >= threshold || wryRemark.test(plain))) return "frustrated";
  if (pleasure >= threshold && pleasure > displeasure) return "positive";
  if (isShout(utterance) && !thanks.test(plain)) return "frustrated";

  const emphasis = utterance.includes("!") || !request.test(plain) ? 1 : 0;
  if (displeasure === 0 || displeasure + emphasis < threshold) return "neutral";
  return isHeated(utterance, plain) ? "frustrated" : "negative";
}

/** What follows the last "but" is what is meant, if it has any feeling in it. */
function feelingOf(plain: string): Feeling {
  const but = plain.lastIndexOf(" but ");
  if (but >= 0) {
    const meant = weigh(plain.slice(but));
    if (meant.displeasure >= threshold || meant.pleasure >= threshold) return meant;
  }
  return weigh(plain);
}

function weigh(plain: string): Feeling {
  const words = plainQuestion.test(plain) ? { displeasure: 0, pleasure: 0 } : weighWords(plain);
  return {
    displeasure: words.displeasure + 2 * matches(complaints, plain) + matches(hints, plain),
    pleasure: words.pleasure + 2 * matches(praise, plain) + matches(praiseHints, plain),
  };
}

function matches(patterns: readonly RegExp[], plain: string): number {
  return patterns.filter((pattern) => pattern.test(plain)).length;
}

/** Adds up the lexicon's stronger words; a good word denied is a complaint, a bad one denied is nothing. */
function weighWords(plain: string): Feeling {
  const feeling: Feeling = { displeasure: 0, pleasure: 0 };
  const tokens = lexicon(plain).tokenizedPhrase ?? [];
  for (const [index, { value, score = 0, negation }] of tokens.entries()) {
    const own = negation ? -score : score; // wink's own negation reaches two words; ours decides
    if (Math.abs(own) < threshold) continue;
    const before = tokens.slice(Math.max(0, index - negationReach), index);
    const denied = before.some((token) => negators.has(token.value));
    if (own < 0 && !denied && !topics.has(value)) feeling.displeasure -= own;
    if (own > 0 && !denied && !courtesies.has(value)) feeling.pleasure += own;
    if (own > 0 && denied && (!courtesies.has(value) || missedWhenDenied.has(value))) {
      feeling.displeasure += threshold;
    }
  }
  return feeling;
}

/** Exclamation marks, capitals for stress, or a demand. */
function isHeated(utterance: string, plain: string): boolean {
  return /!|\?\?/.test(utterance) || hasStressedWord(utterance) || pressing.test(plain);
}

/** "Answer me now!!", "WHERE IS IT?!": marks piled up, or capitals with one. Capitals alone may be a stuck key. */
function isShout(utterance: string): boolean {
  if (isInCapitals(utterance)) return /!|\?\?/.test(utterance);
  return utterance.length >= 15 && /!!|!\?|\?!|\?\?\?/.test(utterance);
}

function isInCapitals(utterance: string): boolean {
  const letters = utterance.match(/[a-z]/gi)?.length ?? 0;
  const capitals = utterance.match(/[A-Z]/g)?.length ?? 0;
  return letters >= 8 && capitals > letters * 0.7;
}

/** A word of four letters or more in capitals, so that "PIN" and "USB" do not count. */
function hasStressedWord(utterance: string): boolean {
  return /\b[A-Z]{4,}\b/.test(utterance);
}
