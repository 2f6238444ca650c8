import { asPattern } from "../words.ts";

/*
 * What the rules listen for. A phrase is words; `a/b` is either, and a word with `?` may be missing:
 * "speak/talk to a/an real/live? person" also finds "talk to a person". One that begins with `=` is a sentence.
 */

/** The caller asks for a human being. "Are you a real person?" is a question, so the verb is always there. */
export const PERSON_PHRASES = [
  "speak/talk to/with a/an/the/your/any/another/some? real/live/actual/human? person/human/agent/representative/rep/operator/supervisor/manager/advisor/adviser/someone/somebody",
  "speak/talk to/with your/the/a customer? service/support/care? team/department",
  "speak/talk to/with someone/somebody",
  "get/give/want/need/fetch me? a/an/the/your real/live/actual? human? person/human/representative/operator/supervisor/manager",
  "get/give me an agent",
  "want/need a/an real/live/actual/human agent",
  "transfer/connect/pass/put me to/with/through/over",
  "let me speak/talk to/with a/an/the/your/someone/somebody/him/her/them",
  "human/agent/representative/operator please",
  // As one says it to a machine.
  "= a/an? real/live/actual/human? agent/representative/operator/person/human please/now?",
] as const;

/** The caller threatens to leave, or with the law, the press or a regulator. */
export const CHURN_OR_LEGAL_PHRASES = [
  "cancel/cancelling/canceling my/our/the/this whole? account/subscription/contract/plan/membership/service/order/policy",
  "close/closing/delete my/our account",
  "switch/switching/move/moving/go/going to a/another/your? different/other? competitor/competitors/provider/company/supplier/bank",
  "taking/take my business/money elsewhere",
  "want/need to cancel",
  "chargeback",
  "lawyer/lawyers/attorney/solicitor",
  "legal action",
  "sue/suing you/them/your/this",
  "see/take you in/to court",
  "small claims",
  "ombudsman/regulator",
  "trading standards",
  "better business bureau",
  "consumer protection/rights",
  "file/make/filing/making/lodge/raise a formal/official? complaint",
  "report/reporting you/this to",
  "go/going to the press/papers/news/media",
] as const;

/** The agent shows that it has understood how the caller feels. */
export const ACKNOWLEDGEMENTS = [
  "sorry",
  "apologise/apologize/apologies/apology",
  "understand/understandable/understandably",
  "frustrating/frustration/frustrated",
  "i can/do? hear/see/imagine/appreciate/tell",
  "you are/have every right",
  "you're/are right",
  "that/this/it should not/never have/be",
  "that/this/it shouldn't have/be",
  "not good enough",
  "our/my fault/mistake/error",
  "let you down",
  "that must be/have",
  "that's/that is? unacceptable/annoying/upsetting/awful",
  "i'd feel the same",
  "i would feel the same",
  "thank/thanks you? for your? patience/patient/waiting/bearing",
  "regret",
  "inconvenience",
] as const;

/** Finds the first of the phrases in a text that is meant, or null. The text is looked at up to 2,000 characters. */
export type PhraseFinder = (text: string) => string | null;

const MAX_CHARS = 2_000;
/** What stands right before a phrase that is not meant: "I don't want to speak to a person". "Can I not speak …" asks for one. */
const NEGATION =
  /(?:(?:\b(?:rather|do|did|does|will|am|are|is)|'m|'re) not|\b(?:never|(?:do|did|does|wo)n't))(?: (?:really|actually|even))?(?: (?:want|need|wish|have|like|going|trying|asking))?(?: to)? $/i;
const NEGATION_CHARS = 40;

/** Makes a finder for a table. It is slow to make and quick to use: make it once. */
export function phraseFinder(phrases: readonly string[]): PhraseFinder {
  if (phrases.length === 0) return () => null;
  const pattern = new RegExp(
    `(?<![\\p{L}\\p{N}])(?:${phrases.map(toSource).join("|")})(?![\\p{L}\\p{N}])`,
    "giu",
  );
  return (text) => {
    const said = plain(text);
    for (const { 0: phrase, index } of said.matchAll(pattern)) {
      if (!NEGATION.test(said.slice(Math.max(0, index - NEGATION_CHARS), index))) return phrase;
    }
    return null;
  };
}

function plain(text: string): string {
  return text
    .slice(0, MAX_CHARS)
    .replace(/[‘’]/g, "'")
    .replace(/[\s,]+/g, " ");
}

function toSource(phrase: string): string {
  if (!phrase.startsWith("=")) return wordsToSource(phrase);
  // Bounded, so that a text of nothing but signs costs no more than its length.
  const silence = "[^\\p{L}\\p{N}.!?]{0,8}";
  return `(?<=(?:^|[.!?])${silence})${wordsToSource(phrase.slice(1))}(?=${silence}(?:$|[.!?]))`;
}

function wordsToSource(phrase: string): string {
  let source = "";
  let begun = false;
  for (const token of phrase.trim().split(/\s+/)) {
    const isOptional = token.endsWith("?");
    const words = `(?:${(isOptional ? token.slice(0, -1) : token).split("/").map(asPattern).join("|")})`;
    // The blank belongs to the optional word, so that it goes with it.
    const before = begun ? " " : "";
    const after = isOptional && !begun ? " " : "";
    source += isOptional ? `(?:${before}${words}${after})?` : `${before}${words}`;
    begun ||= !isOptional;
  }
  return source;
}
