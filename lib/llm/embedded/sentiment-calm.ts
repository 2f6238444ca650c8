/*
 * What sounds pleased, or bad and is not. Lower-case text with plain apostrophes; bounded gaps only.
 */

/** Praise that the lexicon does not know. */
export const praise: readonly RegExp[] = [
  /\bthank(?:s| you) (?:so|very) much\b|\bthanks a (?:lot|million)\b|\bmany thanks\b/,
  /\bthank(?:s| you) (?:[a-z]+ ){0,3}for (?:your|the|all|being|sorting|fixing|helping|making)\b/,
  /\b(?:solved|fixed|sorted|cleared) (?:it|that|everything)\b/,
  /\bworks (?:again|now|perfectly|great)\b/,
  /\b(?:good|great) (?:job|news|work|service|to hear)\b|\bwell done\b/,
  /\bso (?:quick|fast|easy|helpful|kind)\b/,
  /\b(?:very|really|so|super|extremely) (?:helpful|kind|good|quick|fast|easy|smooth|clear|useful|friendly)\b/,
  /\b(?:much|a lot|way|so much) better\b|\b(?:would|will|'d|'ll|definitely|highly) recommend\b/,
  /\b(?:so|very|really|incredibly|extremely) (?:patient|thoughtful|generous|professional|understanding|attentive|polite|nice|happy)\b/,
  /\byou(?:'re| are| guys are) (?:the best|a star|a lifesaver|so)\b|\bsaved (?:me|us|my|our|the)\b/,
  /\b(?:such|what) a relief\b|\ba relief\b|\bpleasantly\b|\brestored my\b/,
  /\bbest [a-z]+ (?:in|ever|i've|of)\b/,
  /\b(?:easier|faster|better|quicker|nicer|simpler|smoother) than (?:i|expected|ever)\b/,
  /\b(?:sorted|fixed|resolved|solved) now\b|\bout of (?:ten|five|10|5)\b/,
  /\b(?:so|very|really) well\b|\bout of your way\b|\b(?:yay|hooray|phew)\b/,
];

/** Praise when there are two of them, or a good word beside one. */
export const praiseHints: readonly RegExp[] = [
  /\b(?:was|been|is) (?:very |really |so )?(?:quick|fast|easy|smooth|painless|a breeze|a pleasure)\b/,
];

/** Idioms whose words mislead the lexicon, and what they come to. */
export const idioms: readonly { pattern: RegExp; meaning: string }[] = [
  { pattern: /\b(?:can't|cannot|can not|couldn't) believe how\b/g, meaning: "see how" },
  {
    pattern:
      /\b(?:no (?:problem|problems|worries|trouble|rush|complaints)|not (?:too |so )?bad|can't complain)\b/g,
    meaning: "okay",
  },
  {
    pattern:
      /\b(?:would|it'd|that'd|could) be (?:[a-z]+ )?(?:great|good|nice|lovely|perfect|wonderful|awesome|fantastic|happy|glad)\b/g,
    meaning: "please",
  },
  {
    pattern: /\b(?:would|'d) (?:really |also )?(?:love|be happy|be glad|appreciate|be grateful)\b/g,
    meaning: "would like",
  },
  { pattern: /\b(?:can't|cannot|can not) thank you enough\b/g, meaning: "wonderful" },
  { pattern: /\bnever (?:had|seen|met|experienced) (?:such|better|so)\b/g, meaning: "always had" },
  {
    pattern:
      /^(?:great|perfect|good|nice|cool|wonderful|awesome), (?=(?:and|so|then|how|what|can|could|is|do|does|where|when)\b.{0,200}\?$)/g,
    meaning: "okay, ",
  },
  { pattern: /\bgood (?:morning|afternoon|evening|day)\b/g, meaning: "hello" },
];

/** A plain question: the feeling of its words is its topic ("Does the cover include accidental damage?"). */
export const plainQuestion =
  /^(?:(?:hi|hello|hey|okay|ok|so|um|uh|sorry|excuse me|please)[,. ]{1,2}){0,2}(?:what|which|when|where|who|how|is|are|do|does|did|can|could|would|will|may|should)\b[^.!?]{0,300}\?$/;

/** Said with many exclamation marks by happy people too. */
export const thanks = /\b(?:thank|thanks|thx|congrat\w*|happy|merry|yes)\b/;

/** A question or a request: a fault named beside one is its topic more often than a complaint. */
export const request =
  /\?|\bplease\b|\bi(?:'d| would) (?:also |still |just |rather )?(?:like|prefer)\b|\bi (?:just |only )?(?:want|wanted|need|have) (?:to|a|an)\b|\b(?:could|can|would|may) (?:you|i|we)\b|\b(?:looking for|calling about|wondering|want to|i need|like to|to report)\b/;
