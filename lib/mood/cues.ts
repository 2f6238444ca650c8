/*
 * Turns of phrase that stand for many others, each a feature of the linear model beside the words. Lower-case text with
 * plain apostrophes; bounded gaps only, so that each stays linear.
 */

const CUES: readonly (readonly [name: string, pattern: RegExp])[] = [
  [
    "#anger",
    /\b(?:ridiculous|unacceptable|outrageous|outraged|disgrace(?:ful)?|disgust(?:ed|ing)|appall(?:ed|ing)|pathetic|ludicrous|shambles|shameful|furious|livid|infuriat\w+|fuming|unbelievable|frustrat(?:ed|ing)|nightmare|farce|fiasco|fed up|had it with|had enough|enough is enough|last straw|sick (?:and tired )?of|tired of|out of patience|drives? me (?:mad|crazy|nuts)|can(?:'t|not) believe (?:this|how|you|they|that)|are you (?:kidding|serious|joking)|for (?:god|heaven|christ|pete)'?s sake|what the (?:hell|heck)|bloody|wtf)\b/,
  ],
  [
    "#contempt",
    /\b(?:useless|worthless|hopeless|incompeten\w+|idiots?|morons?|stupid|clueless|liars?|lied|lying|crooks?|scam(?:mers?)?|thieves|theft|rip[- ]?off|a joke|clowns?|cowboys|rubbish|garbage|worst|terrible|horrible|awful|how dare|shame on|ashamed|you people|you lot|lot of you|wast(?:e|ed|ing) (?:of )?(?:my|our)? ?(?:time|money|day)|do your jobs?|never again|don't you (?:get|understand)|what (?:kind|sort) of (?:company|service|people))\b/,
  ],
  [
    "#again",
    /\b(?:(?:second|third|fourth|fifth|sixth|seventh|tenth|\d+(?:rd|th)|umpteenth) (?:time|call|email|person|agent|week)|(?:two|three|four|five|six|ten|\d+|many|several) (?:times|calls|emails)|twice (?:now|already|today)|over and over|again and again|every (?:single )?(?:day|time|week)|how many (?:more )?times|(?:already|just|i've|i have) (?:told|gave|given|said|explained|answered)|told you|keeps? (?:asking|saying|telling|sending)|repeat(?:ing)? (?:myself|it)|not what i (?:asked|said)|not listening|even listening|pass(?:ed|ing) (?:me )?(?:around|from)|another transfer)\b/,
  ],
  [
    "#demand",
    /\b(?:get me|put me (?:on|through)|give me) (?:a|an|your|the|some|my)\w*\b|\b(?:your|a) (?:manager|supervisor|boss)\b|\bsomeone (?:who|with|else|in charge)\b|\bmoney back\b|\bright now\b|\bi want (?:it|this|that|an (?:answer|apology|explanation))\b|\b(?:demand|at once|immediately)\b/,
  ],
  [
    "#threat",
    /\b(?:lawyer|solicitor|attorney|sue|court|ombudsman|trading standards|report(?:ing)? you|(?:one|1)[- ]star|(?:bad|negative) review|elsewhere|another (?:company|bank|provider|firm)|cancel (?:everything|it all|all of it)|done with you)\b/,
  ],
  [
    "#nobody",
    /\b(?:nobody|no one|no-one|not one of you|none of you|never) (?:\w+ )?(?:helps?|helped|helping|answers?|answered|calls?|called|cares?|cared|came|comes|rang|rings|replied|replies|picks?|turned up|showed up|listens?|will|told|knows|does|did|done)\b/,
  ],
  [
    "#wry",
    /^(?:oh|ah|yeah|well|wow|right|so|and)?[,. ]{0,2}(?:how |that's |just |isn't that )?(?:great|brilliant|wonderful|fantastic|perfect|lovely|marvell?ous|splendid|superb|charming|bravo|terrific|congratulations|genius|fabulous|magnificent)\b/,
  ],
  [
    "#resigned",
    /\b(?:whatever|forget it|never ?mind|don't bother|needn't bother|as you (?:wish|like|please)|suit yourself|if you say so|do (?:what|as) you (?:like|want|please)|no point|what's the point|makes no (?:odds|difference)|so that's (?:that|it|a no)|keep (?:it|the money)|i give up|i'm done|we're done)\b/,
  ],
];

/** The names of the turns of phrase that a text shows. */
export function cuesOf(plain: string): string[] {
  return CUES.filter(([, pattern]) => pattern.test(plain)).map(([name]) => name);
}
