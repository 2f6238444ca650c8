import { number } from "./sentiment-times.ts";

const contacted =
  "(?:called|phoned|rung|rang|emailed|mailed|written|wrote|texted|messaged|contacted|asked|told|explained|complained|reported|requested|repeated)";

/** One of these makes an utterance frustrated. Bounded gaps only, so that each stays linear. */
export const anger: readonly RegExp[] = [
  /\b(?:ridiculous|unacceptable|outrageous|absurd|disgrace(?:ful)?|disgust(?:ed|ing)|appall(?:ed|ing)|pathetic|ludicrous|insane|shambles|shameful|inexcusable)\b/,
  /\b(?:furious|livid|outraged|infuriat\w+|fuming|irate|exasperat\w+|frustrat(?:ed|ing)|unbelievable)\b/,
  /\b(?:i'm|i am|so|very|really|extremely|getting|makes? me|making me|me) (?:[a-z]+ )?(?:angry|mad)\b/,
  /\b(?:extremely|beyond|incredibly|absolutely|so) (?:upset|annoyed|irritated|annoying|rude|unhappy|unprofessional)\b/,
  /\bdriv(?:es|ing|en) (?:me|us) (?:crazy|mad|nuts|insane|up the wall)\b/,
  /\bi (?:really |absolutely |just )?(?:hate|despise|detest) (?!to\b)/,
  /\b(?:lied|lying) to\b|\b(?:another|more|your|new|any) (?:apology|apologies|excuses?)\b/,
  /\bdo (?:your|their) jobs?\b/,
  /\bwhy (?:can't|won't|can|will|does|do|is) (?:anyone|anybody|someone|somebody|nobody|no one|you people|you guys)\b/,
  /\bseriously\?|^(?:okay |ok )?enough[!.]/,
  /\b(?:los(?:e|ing|t) (?:my |all )?patience|patience (?:is|has)|out of patience)\b/,
  /\b(?:some nerve|the nerve|you dare|this close to|on earth|in circles|(?:not|won't) (?:asking|ask) again|no more (?:bots|robots|excuses)|why should i)\b/,
  /\b(?:fix|fixing|pay|paying) (?:for )?your (?:mistakes?|errors?|incompetence)\b|\blied to\b/,
  /\b(?:tell|telling) me to (?:calm|relax|wait|be patient)\b|\bis this how you\b/,
  /\bfor the love of\b|\brun-?around\b|\bwhy do i even\b|\bi've had it\b(?! for)/,
  /\bhung up on (?:me|us)\b|\bruined my\b|\bi(?:'ve| have)? (?:already )?told you\b/,
  /\blast time i\b.{0,20}\b(?:you|here|from|with)\b/,
  /\bit(?:'s| is) (?:[a-z]+ )?(?:theft|robbery|fraud|a scam|a nightmare|a disaster|a farce)\b/,
  /\bnightmare\b|\bfiasco\b/,
  /\bwhat kind of (?:company|service|people|support|business)\b|\bhow hard (?:can|is) it\b/,
  /\breport you\b/,
  /\b(?:useless|worthless|incompeten\w+|idiots?|morons?|stupid|liars?|crooks?|scammers?|thieves|rip[- ]?off|clueless)\b/,
  /\b(?:fed up|had enough|had it with|enough is enough|last straw|sick (?:and tired )?of|(?:tired|done) (?:of|with) (?:this|you|your|waiting|being|hearing|talking|repeating|explaining))\b/,
  /\bwast(?:e|ed|ing) (?:of )?(?:my|our|everyone's)? ?(?:whole |entire )?(?:time|money|day|morning|afternoon|breath)\b/,
  /\b(?:worst|horrible|horrendous) (?:[a-z]+ ){0,2}(?:service|company|support|experience|shop|store|provider|app|ever)\b/,
  /\b(?:a|complete|total|sick|bad) joke\b|\bjoke of a\b/,
  /\b(?:are you|you'?ve got to be|you must be|got to be) (?:even |fucking )?(?:kidding|joking|serious|listening)\b/,
  /\b(?:how dare|shame on you|you people|what is wrong with you|don't you (?:get|understand))\b/,
  /\b(?:not|never|isn't|aren't) (?:even )?listening\b/,
  /\blet me get this straight\b|\bso (?:you're|you are) telling me\b/,
  /\bhow (?:many times|much longer|many more)\b.{0,20}\b(?:do|must|will|am|should)\b/,
  /\bnever again\b|\bnever (?:buy|order|us|shop|com)(?:e|ing|ping)?\b.{0,25}\bagain\b/,
  /\b(?:my|a) (?:lawyer|attorney|solicitor)\b|\bsue you\b|\blegal action\b|\bsmall claims\b/,
  /\bombudsman\b/,
  /\b(?:take|taking|going|go) (?:my business )?(?:elsewhere|to (?:your|a|the) competit\w+)\b/,
  /\b(?:wtf|ffs|what the (?:hell|heck|fuck)|for (?:god|christ|heaven)'?s sake|bloody|damn|bullshit|crap|shit|fuck\w*)\b/,
  /\b(?:this|your|such|pure|absolute|complete|total|utter) (?:garbage|trash|rubbish|junk|nonsense)\b|\boutrage\b/,
  /\bi refuse to\b|\bend of my (?:rope|tether)\b|\bcan't (?:stand|take) (?:this|it|any|you)\b|\bgive me a break\b/,
  /\b(?:don't|doesn't|clearly|nobody) (?:even |seem to )?cares? about (?:your|me|us|customers|any)\b/,
  /\b(?:last chance|final warning|false advertising|misled)\b|\bwhat a (?:mess|waste|farce|circus)\b/,
  // Repeat contact.
  new RegExp(
    `\\b${contacted}\\b.{0,40}\\b(?:${number} (?:different |other )?(?:times|people|agents|persons|departments|colleagues)|twice|over and over|every (?:single )?day)\\b`,
  ),
  new RegExp(
    `\\b(?:${contacted}|made|sent) ${number} (?:different )?(?:emails|messages|letters|calls|people|agents|times)\\b`,
  ),
  /\b(?:third|fourth|fifth|sixth|tenth|3rd|4th|5th|6th|\d+th|umpteenth|hundredth) (?:time|call|email|agent|person)\b/,
  /\b(?:over and over|time and (?:time )?again|again and again|yet again|every single (?:time|day|month|week))\b/,
  /\b(?:already|just) (?:told|gave|explained|sent|said|answered|given)\b.{0,40}\b(?:twice|times|you|before)\b/,
  /\b(?:repeat|explain(?:ing)?|repeating) (?:myself|everything|it all|all of this|the whole thing)\b/,
  /\b(?:passed|bounced|transferred|shunted) (?:around|from (?:one|person|department)|between|back and forth)\b/,
];

/** A wry "great" or "brilliant" at the start; sarcasm if a complaint follows. */
export const wryOpening =
  /^(?:oh|yeah|well|wow|right|yes|just)?[, ]{0,2}(?:how |that's |just )?(?:great|brilliant|wonderful|fantastic|perfect|lovely|nice|awesome|terrific|congratulations)\b/;

/** What a wry opening is usually followed by, when no complaint names it. */
export const wryRemark =
  /\bjust what i (?:needed|wanted)\b|\banother (?:hour|day|week|month|fee|delay|error|form|queue|robot|bot)\b|\b(?:broke|lost|ruined|crashed|failed|managed to|disconnected)\b|(?<!works |working |fine |thanks )\bagain\.$/;

/** Turns a complaint into anger: a demand for now, for a person, or the last word on it. */
export const pressing =
  /\b(?:right now|now!|immediately|at once|this instant|real person|actual (?:person|human)|(?:your|a) (?:manager|supervisor)|you promised|you (?:still )?(?:lost|broke|ruined)|demand)\b/;
