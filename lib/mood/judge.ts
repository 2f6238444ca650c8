import type { Sentiment } from "../wire/log-events.ts";
import { CallContext, type UtteranceContext } from "./context.ts";
import { embeddedWeights, type Weights } from "./weights.ts";
import { probability } from "./words.ts";

export type Judgement = {
  sentiment: Sentiment;
  /** Probability that the caller is upset, 0…1. */
  upset: number;
  /** What counted, in a few words; words of the caller stand in quotation marks. Null for a neutral utterance. */
  cause: string | null;
};

/** From this probability on an utterance is negative, and from the other on frustrated. */
export const NEGATIVE_FROM = 0.6;
export const FRUSTRATED_FROM = 0.65;
/** A pleased caller is called so from this probability on, unless they may be upset. */
const PLEASED_FROM = 0.5;

const THANKS = /\b(?:thank|thanks|cheers|ta|appreciate|bless|brilliant|lovely|perfect|great|love)\b/i;
/** Thanks, praise and relief beyond a courtesy: whoever says so is pleased, however loud they are. */
const GRATITUDE =
  /\b(?:thank(?:s| you| u)(?: ever)? (?:so|very|a (?:lot|million|thousand))|thank you,? thank you|many thanks|hundred thanks|can(?:'t|not) thank you|so grateful|god bless|bless (?:you|u|your|every|them|him|her)|an? (?:absolute |real )?(?:angel|life ?saver|legend|saint|gem)|saved my|made my (?:day|week|year)|(?:such|what) a relief|weight off|over the moon|hallelujah|happy (?:crying|tears)|crying happy|love (?:you|u) (?:guys|all|lot)|i kiss|could (?:kiss|hug|cry)|it worked|that (?:solved|fixed|sorted|did) it|works (?:again|perfectly)|best (?:call|service|support|news))\b/i;
/** Most that is left of the probability of "upset" beside gratitude. */
const UPSET_AND_GRATEFUL = 0.2;
/** Highest probability of "upset" at which praise is taken at its word: sarcasm praises, too. */
const PRAISE_UP_TO = 0.35;
const ADVERBS = "so|very|really|extremely|incredibly|absolutely|quite|just|all";
const VERY = `(?:(?:${ADVERBS}|getting|beyond|deeply|completely) ){0,3}`;
/** Who says outright that they are upset, or calls us names, is upset, whatever else the call was like so far. */
const OUTRIGHT: readonly RegExp[] = [
  `\\b(?:i'?m|i am|we'?re|we are|i feel) ${VERY}(?:angry|furious|livid|fuming|annoyed|unhappy|disappointed|disgusted|appalled|frustrated|fed up|outraged|pissed(?: off)?)\\b(?! (?:at|with) my)`,
  `\\b(?:i'?m|i am|we'?re|we are) not ${VERY}(?:at all )?(?:happy|impressed|satisfied|pleased|amused)\\b`,
  `\\b(?:this|that|it)(?:'s| is) ${VERY}(?:unacceptable|ridiculous|outrageous|disgraceful|a disgrace|appalling|pathetic|shameful|infuriating|a shambles|a farce)\\b`,
  `\\byou(?:'re| are| people are| lot are| guys are) ${VERY}(?:useless|incompetent|pathetic|liars|thieves|crooks|idiots|hopeless|clueless)\\b`,
  `\\b(?:worst|terrible|awful|horrible|appalling|dreadful|disgraceful|lousy) (?:customer )?(?:service|support|company|experience)\\b`,
  "\\b(?:sick (?:and tired|to death|to the (?:back )?teeth) of|had (?:quite |more than )?enough of|had it up to here|the last straw|at my wits'? end)\\b",
  "\\b(?:for (?:crying out loud|god'?s sake|heaven'?s sake|goodness'? sake|fuck'?s sake|pete'?s sake)|ffs|wtf|what the (?:hell|fuck))\\b",
  "\\bhow many (?:more )?times (?:do|have|must|am|are|is)\\b",
  "\\b(?:third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|umpteenth|hundredth) (?:bloody |damn )?(?:time|call) (?:i'?ve|i have|i'?m|i am|i'?ve had to|calling|ringing|phoning)\\b",
  "\\b(?:thanks for nothing|waste of (?:my )?time|wasting my time|an? (?:absolute|complete|total|utter|bloody) (?:joke|shambles|disgrace|farce|mess|nightmare))\\b",
  "\\b(?:are you (?:even listening|kidding|joking|having a laugh|taking the (?:piss|mick))|do you (?:even|people|lot) (?:listen|care|read))\\b",
  "\\b(?:don'?t you dare|nobody (?:there )?(?:cares|listens|gives a)|none of you (?:care|listen)|you(?:'ve| have) (?:just )?lost (?:a|my) (?:customer|custom|business))\\b",
  `\\b(?:service|support|company) (?:is|has been) ${VERY}(?:bad|terrible|awful|horrible|appalling|dreadful|disgraceful|lousy|a joke)\\b`,
].map((pattern) => new RegExp(pattern, "i"));
const FINE =
  "(?:great|perfect|wonderful|excellent|amazing|fantastic|brilliant|awesome|lovely|superb|incredible|terrific|fabulous|outstanding)";
const TRULY = `(?:(?:${ADVERBS}|truly|genuinely|well|dead|most|such|ever so|more than) ){0,3}`;
/** Who says outright that they are pleased, or praises. "That would be great" asks for something. */
const PRAISE = new RegExp(
  [
    `\\b(?:(?:that|this|it|he|she|everything)(?:'s| is| was| has been)|(?:you|they)(?:'re| are| were|'ve been| have been)) ${TRULY}(?:an? |the )?${TRULY}(?:${FINE}|best|helpful|kind(?! of)|thoughtful|sweet|patient|star|angels?)\\b`,
    `\\b(?:you|they)(?:'ve| have) been (?:so|very|really|ever so) (?:good|fair|nice)\\b`,
    `\\b(?:i'?m|i am|we'?re|we are|makes? me|made me) ${TRULY}(?:happy|pleased|delighted|thrilled|glad|impressed|grateful|satisfied|relieved|chuffed|made up)\\b(?! (?:to|if|when|once|so))`,
    `^(?:\\w+ ){0,2}(?:so|very|really|well) (?:happy|pleased|impressed|chuffed|grateful)\\b`,
    `\\b(?:i|we) ${TRULY}(?:love|loved|enjoyed|appreciate|appreciated) (?:it|this|that|you|your|the|all)\\b`,
    `\\b(?:that|this|it|you)(?:'ve| have| has)? ${TRULY}helped\\b`,
    `\\b(?:thanks?|thank you|cheers) (?:so much |very much |ever so much )?for (?:sorting|fixing|solving|helping|being|your (?:help|patience|kindness|time))`,
    "\\b(?:can(?:'t| not|not) fault|could(?:n't| not) (?:ask for|be) (?:more|better|happier)|happy days|fair play|good on (?:you|ya))\\b",
    `\\b(?:an?|such|what|the|doing|did|for the) ${TRULY}(?:great|excellent|wonderful|fantastic|amazing|brilliant|outstanding|superb|cracking) (?:service|work|job|help|support)\\b`,
    `^${FINE}(?:!|[,. ]+(?:thanks|thank you|cheers|that works|much appreciated)\\W*$)`,
  ].join("|"),
  "i",
);
/** What those tell of who have something to complain of, whatever they praise. */
const COMPLAINT =
  /\b(?:another|still|again|yet|hours|weeks|months|waiting|waited|nobody|nothing|lost|charged?|wrong|without)\b/i;
/** Least probability of "upset" of who says so once, and in two ways. */
const UPSET_OUTRIGHT = [0, 0.7, 0.8] as const;
/** Log-odds from which words are telling wherever in a call they are said, and the least probability of "upset" then. */
const TELLING_WORDS = 1.5;
const UPSET_BY_WORDS = 0.6;
/** What an earlier utterance is taken for before there was one, 0…1. */
const UNHEARD = 0.2;

/** What the linear model looks at besides the words: each with its value for this utterance. */
export function signalsOf(context: UtteranceContext): Record<string, number> {
  const { text, words, utterance, earlier } = context;
  return {
    bias: 1,
    words: words.sum,
    earlier_mean: earlier?.mean ?? UNHEARD,
    earlier_last: earlier?.last ?? UNHEARD,
    first: utterance === 1 ? 1 : 0,
    second: utterance === 2 ? 1 : 0,
    length: Math.min(text.length, 400) / 100,
    thanks: THANKS.test(text) ? 1 : 0,
    comes_back: context.overlap.most ** 2,
    comes_back_often: Math.min(context.overlap.often, 2),
    corrects: context.corrects ? 1 : 0,
  };
}

/**
 * Says how a caller sounds, by a linear model over the words and their place in the call. Pure, synchronous and linear in
 * the length of the utterance; it knows English.
 */
export function judge(context: UtteranceContext, weights: Weights = embeddedWeights): Judgement {
  let logOdds = 0;
  for (const [name, value] of Object.entries(signalsOf(context))) {
    logOdds += value * (weights.signals.get(name) ?? 0);
  }
  const plain = context.text.slice(0, 2_000).replace(/’/g, "'");
  const isGrateful = GRATITUDE.test(plain);
  const outright = OUTRIGHT.flatMap((pattern) => pattern.exec(plain)?.[0] ?? []);
  const least = Math.max(
    UPSET_OUTRIGHT[Math.min(outright.length, 2)] ?? 0,
    context.words.sum >= TELLING_WORDS ? UPSET_BY_WORDS : 0,
  );
  const upset = isGrateful
    ? Math.min(probability(logOdds), UPSET_AND_GRATEFUL)
    : Math.max(probability(logOdds), least);
  const isTakenAtItsWord = upset <= PRAISE_UP_TO && !COMPLAINT.test(plain);
  const praise = isTakenAtItsWord ? PRAISE.exec(plain)?.[0] : undefined;
  const isPleased = isGrateful || praise !== undefined;
  const sentiment = isPleased ? "positive" : classOf(upset, context.words.pleased);
  const quoted = isPleased ? (praise ?? []) : outright;
  return { sentiment, upset, cause: causeOf(sentiment, context, [quoted].flat()) };
}

/** How one utterance sounds that stands by itself. */
export function classify(text: string): Sentiment {
  return judge(new CallContext(0).heard(text)).sentiment;
}

function classOf(upset: number, pleased: number): Sentiment {
  if (upset >= FRUSTRATED_FROM) return "frustrated";
  if (upset >= NEGATIVE_FROM) return "negative";
  return pleased >= PLEASED_FROM ? "positive" : "neutral";
}

/** What counted for this class, in a few words; null for neutral. */
export function causeOf(
  sentiment: Sentiment,
  context: UtteranceContext,
  outright: readonly string[] = [],
): string | null {
  const { words, saidBefore, failures, earlier } = context;
  const quote = (said: readonly string[]) => said.map((word) => `"${word}"`);
  switch (sentiment) {
    case "neutral":
      return null;
    case "positive":
      return quote(outright.length > 0 ? outright : words.strongest.pleased).join(", ") || "gratitude";
    case "negative":
    case "frustrated":
      break;
  }
  const causes = [
    saidBefore > 0 ? (saidBefore === 1 ? "said twice" : `said ${saidBefore + 1} times`) : null,
    context.corrects ? "corrects the agent" : null,
    context.interrupts ? "cuts the agent short" : null,
    failures > 1 ? `${ordinal(failures)} failure of the agent` : null,
    ...quote(outright.length > 0 ? outright : words.strongest.upset),
    (earlier?.mean ?? 0) >= NEGATIVE_FROM ? "upset before" : null,
  ].filter((cause) => cause !== null);
  return causes.slice(0, 4).join(", ") || "the remark as a whole";
}

/** The cause without the caller's words, for a record that keeps none. */
export function withoutWords(cause: string | null): string | null {
  const kept = cause?.split(", ").filter((part) => !part.startsWith('"'));
  return kept === undefined || kept.length === 0 ? null : kept.join(", ");
}

function ordinal(count: number): string {
  return ["zeroth", "first", "second", "third", "fourth", "fifth"][count] ?? `${count}th`;
}
