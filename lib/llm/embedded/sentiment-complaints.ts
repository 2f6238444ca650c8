import { number, period } from "./sentiment-times.ts";

/*
 * Complaints that the lexicon does not know. Every pattern runs on lower-case text with plain apostrophes, and
 * has bounded gaps only, so that it stays linear.
 */

/** A complaint, also beside a question or a request. */
export const complaints: readonly RegExp[] = [
  // Something that should have ended goes on.
  /\bstill (?:[a-z]{2,8}n't|[a-z]{2,5} not|cannot)\b/,
  /\bstill (?:no|not|nothing|waiting|broken|missing|down|wrong|the same|blank|empty)\b/,
  /\bkeeps (?:on )?[a-z]+ing\b/,
  /\b(?:you|they) (?:all )?(?:keep|kept) (?:on )?[a-z]+ing\b/,
  /\b(?:same|another) (?:problem|issue|error|fault|mistake|excuse)\b.{0,20}\bagain\b/,
  /\b(?:late|wrong|broken|broke|down|cancelled|missing|delayed|crashed|failed|lost|out|off) (?:yet |once )?again\b/,
  /\b(?:isn't|not) the first time\b|\balways something\b|\b(?:does|doing|did|done) nothing\b|\bignoring\b/,
  // Waiting and lateness.
  new RegExp(
    `\\b(?:waiting|waited|had to wait|on hold|on the phone|on this call|in (?:the|a|your|this) (?:queue|line|chat)|without (?:internet|power|heating|water|service))\\b.{0,40}\\b${period}\\b`,
  ),
  new RegExp(`\\b${period}\\b.{0,12}\\b(?:on hold|of waiting|late|overdue|without)\\b`),
  /\b(?:takes?|taking|took|taken) (?:[a-z]+ ){0,2}(?:too|so|very|this|forever|ages)\b/,
  /\b(?:far|much|way) too [a-z]+\b/,
  /\b(?:wait(?:ed|ing)?|took|takes?) (?:for )?(?:ages|forever|hours|an eternity)\b/,
  /\b(?:really|so|very|too|extremely|painfully) slow\b/,
  // Not done, not delivered, not answered.
  /\bnever (?:arrived|came|comes|received|got|shown|showed|turned|called|replied|answered|heard|worked|works|delivered|happened)\b/,
  /\b(?:nobody|no one|none of (?:you|them)|not one of)\b (?!else\b|(?:is|was|will be) (?:at )?(?:home|in)\b)/,
  /\b(?:came|arrived|delivered|sent|went up|changed) without\b/,
  /\bwithout (?:asking|telling|warning|informing|notice|permission|my (?:consent|permission))\b/,
  /\bnothing (?:has |ever |is |was )?(?:happen\w*|changed|changes|works?|worked|working|arrived|came|done)\b/,
  /\bgot nothing\b/,
  /\b(?:had|got|getting|been given) no (?:internet|power|heating|hot water|water|signal|service|help|reply|response|answer|electricity|connection|refund|news|warning)\b/,
  /\b(?:was|were|is|are) (?:supposed|meant|promised) (?:to|a|an|it|that)\b/,
  // Faulty goods and service.
  /\b(?:arrived|came|delivered|turned up|showed up|was|were) (?:[a-z]+ )?(?:cold|late|damaged|broken|smashed|scratched|torn|dirty|stained|soaked|incomplete|stale|mouldy|empty)\b/,
  /\b(?:broke|broken|died|failed|stopped|gave up|cracked|tore|snapped)\b (?:[a-z]+ ){0,2}(?:after|within)\b/,
  /\b(?:gone|going|went|got|gotten|getting) (?:downhill|worse|down over)\b|\btreated (?:like|as)\b/,
  /\b(?:unhelpful|unfriendly|impolite|condescending|dismissive|unprofessional|careless|short with me|rude)\b/,
  /\b(?:did|has|have)(?:n't| not) (?:really |actually )?(?:help|helped|solve|solved|fix|fixed)\b/,
  /\b(?:barely|hardly) (?:works?|working|usable|fits?)\b/,
  /\b(?:fell|falls|falling|came|coming) (?:apart|off)\b/,
  /\b(?:can't|cannot|couldn't|impossible to) (?:get through|reach any|reach you)/,
  /\bfull of (?:mistakes|errors|bugs|holes|ads)\b|\bmakes? no sense\b/,
  /\b(?:doesn't|don't) make (?:any )?sense\b/,
  /\b(?:looks?|feels?|smells?|tastes?|tasted|sounds?|looked|felt|smelled) (?:[a-z]+ )?(?:cheap|old|used|off|weird|strange|bad|burnt|stale|odd|nothing like)\b/,
  /\b(?:open|opened|empty|used|warm|wet|smashed) when (?:i|it|we)\b/,
  /\b(?:had|have) to (?:explain|repeat|call|wait|start|ask|go|drive|come|send|tell)\b.{0,40}\b(?:again|once more|twice|over)\b/,
  /\b(?:wrong|faulty|poor|low|cheap|bad) (?:quality|service|experience|advice|treatment)\b/,
  /\b(?:soggy|stale|burnt|mouldy|moldy|rotten|greasy|undercooked|overcooked)\b|\black of\b/,
  /\b(?:is|was|are|were|been) (?:[a-z]+ )?slow\b|\b(?:made|making|forced) (?:me|us) (?:to )?(?:wait|pay|call|repeat|start)\b/,
  // Money.
  /\b(?:a bit|too|so) much (?:to|for)\b|\bout of pocket\b|\bcost(?:s|ing)? (?:me|us) (?:a|my|our|money|time)\b/,
  /\b(?:overcharged|overbilled|overpriced|hidden fees?|too expensive)\b/,
  /\bi want my money\b|\b(?:just )?give me my\b|\bi demand\b/,
  /\b(?:bad|negative|one[- ]star|1[- ]star) review\b/,
  /\bi don't (?:even )?care (?:anymore|any more|about your|what your)\b/,
  /^(?:just )?stop [a-z]+ing\b|^(?:just |now )?fix (?:this|it|your)\b|\bor i(?:'ll| will|'m)\b/,
  /\bif (?:this|you|it|that) (?:is|are|do|does|ca|wo)n't\b.{0,40}\bi(?:'ll| will|'m| am)\b/,
  // Short of what was expected.
  /(?:n't|\bnot|\bnever) (?:[a-z]+ )?(?:fair|right|acceptable|good enough|okay|ok with)\b/,
  /(?:n't|\bnot) (?:[a-z]+ )?what (?:i|we|was|you) (?:was |were |had )?(?:ordered|paid|expect|want|asked|hop|agreed|signed|advertised|promised|said|told)/,
  /\bnot (?:very|exactly|particularly|really|that|so) (?!sure|certain|urgent|important|familiar|interested|keen|much|many|long|far|bad)[a-z]+\b/,
  /\bi thought (?:this|it|that|you) (?:would|were|was going)\b|\blet-?downs?\b/,
  /\bi wish (?:i|you|it|this|they)\b/,
  /\b(?:could|should) (?:have been|be) (?:better|easier|faster|quicker|clearer)\b|\bworse than\b/,
  /\bi(?:'d| had) hoped\b/,
  /\bhoping (?:someone|somebody|you|it|this|that)\b/,
  /\b(?!easier|faster|better|quicker|sooner|nicer|earlier|cheaper|simpler|smoother)[a-z]+er than\b.{0,15}\b(?:told|said|expect\w*|promised|advertised|agreed|ordered|described|thought)\b/,
  /\bnothing\b.{0,25}\b(?:matches|works|fits|helps)\b|\bi don't feel\b/,
  /\bhop(?:ing|ed) for (?:a |an |something |some )?(?:better|faster|quicker|more|sooner|different)\b/,
  /\b(?:not|nothing) (?:as|like) (?:good|advertised|described|promised|pictured|expected|the (?:picture|photo|description|advert)\w*)\b/,
  /\bexpect(?:ed|ing)? (?:[a-z]+ )?(?:better|more from)\b/,
  /\bshould(?:n't| not) (?:have to|be this|take|happen)\b/,
  /\bi (?:don't|do not) (?:think|see why) i should\b/,
  /\b(?:let (?:me|us) down|put off|not impressed|not ideal|not (?:very |really )?helpful)\b/,
];

/** A complaint when there are two, or when nothing is asked for: "The code doesn't work." */
export const hints: readonly RegExp[] = [
  // Something that should have ended goes on.
  /\b(?:constantly|repeatedly|continually|all the time|every time)\b/,
  /\b(?:second|2nd) time (?:now|this|the|my|that|you|it|in)\b|\bzero [a-z]+\b/,
  /\byou(?:'ve| have) been [a-z]+ing\b|\bcan't believe (?:you|this|they|that)\b/,
  // Waiting and lateness.
  new RegExp(`\\b(?:it's|it has|has|have) been (?:[a-z]+ ){0,2}(?:${number}|an?) ${period}\\b`),
  /\b(?:ordered|paid|asked|applied|returned|cancelled|called|requested|reported)\b.{0,30}\b(?:days?|weeks?|months?) ago\b/,
  /\b(?:running|hours?|days?|weeks?|so|very|too) (?:late|slow)\b/,
  new RegExp(`\\b(?:tried|done)\\b.{0,30}\\b${number} times\\b`),
  new RegExp(`\\btook (?:you |me |us |it )?(?:${number}|an?) ${period}\\b`),
  new RegExp(`\\bfor the (?:past|last) (?:${number} )?${period}\\b|\\b${period} later\\b`),
  // Not done, not delivered, not answered.
  /\b(?:have|has|did)(?:n't| not) (?:even |actually )?(?:received?|arrived?|heard|come|got|get|turned up|shown up|called|replied|answered|been)\b/,
  /\b(?:there is|there's|there was) (?:still )?(?:no|nothing)\b/,
  /\bbut\b.{0,40}\b(?:(?:is|are|has|was|were|did|does|wo|ca)n't|not|nothing|never|nobody|no one|still)\b/,
  /\bi was told (?:it|that|they|you|someone|i would|i'd|there)\b|\bnot even\b|n't even\b/,
  /\b(?:once again|yet another|more than once|several times)\b/,
  /\b(?:no|without (?:a|any)) (?:reply|response|answer|explanation|apology|update)\b/,
  /\bby now\b|\bsays? (?:it's |it was |it is )?delivered\b/,
  /\bi (?:had )?expect(?:ed)? (?:it|this|that|you|a|an|the|my|something)\b/,
  // Faulty goods and service.
  /\b(?:is|are|was|were|came|arrived|seems|got) (?:still |all |completely |totally |now |just )?(?:missing|broken|wrong|late|gone|faulty|defective|damaged|cracked|dirty|torn|leaking|down|dead|overdue|delayed|incorrect|unusable|unclear)\b/,
  /\b(?:the|a) wrong [a-z]+\b/,
  /(?:\b(?:was|were|has|is|are)|(?<!\bi |\bwe )\b(?:have|had))(?:n't| not) (?:yet |been |even |being ){0,3}(?:done|sent|paid|given|made|[a-z]{2,}ed)\b/,
  /\b(?:drops|drops out|cuts out|cut off|disconnect(?:s|ed)|locked me out|logged me out)\b/,
  /\b(?:stopped|stops|quit) working\b/,
  /\b(?:does|do|did|will|would|wo|is|are|was|has|ca|can)(?:n't|not| not) (?:even |really |actually |been )?(?:work|working|worked|fit|fitting|help|helping|helped|match|get it)\b/,
  /\bstill (?:see|get|getting|having|says?|shows?|happens|happening) (?:the same|this|that|an? (?:error|message)|it)\b/,
  /n't\b.{0,20}\b(?:either|at all|properly|anymore|any more)\b/,
  /\b(?:hard|difficult|impossible) to (?:find|use|read|reach|understand|get|hear|see)\b/,
  /\bi (?:couldn't|can't even|cannot even|can't get (?:it|this))\b/,
  /\b(?:crashes|freezes|hangs|glitch\w*|laggy|buggy|kicks me out|logs me out)\b/,
  /\b(?:shrank|faded|peel(?:s|ed)|rust(?:s|ed)|leaks|ripped|melted|overheats?|smells|squeaks|rattles|scratched)\b/,
  // The company as the culprit: "Your driver …".
  /(?:^|[.,;] |\band |\bthat |\bbecause )your [a-z]+ (?!number|name\b)/,
  /\b(?:won't|wouldn't|doesn't) let me\b|\brefuses? to\b|\bi paid\b.{0,30}\b(?:and|but|yet)\b/,
  // Money.
  /\b(?:charged|billed|debited)\b.{0,20}\b(?:twice|double|again|too much)\b/,
  /\bso (?:much )?(?:higher|more expensive|complicated|confusing|difficult|hard)\b/,
  /(?:n't|\bnever|\bnot) (?:even )?(?:order|ask(?:ed)? for|agreed? to|authori[sz]ed?|sign(?:ed)? up for)\b/,
  /\byou (?:have |people |guys |just )?(?:charged|billed|lost|forgot|ignored|broke|ruined|promised|cancelled|closed|blocked|deleted|removed|took|managed to)\b/,
  /\bi want (?:a (?:full )?refund|it fixed|this (?:fixed|sorted|resolved)|an (?:answer|explanation|apology)|answers)\b/,
  // Short of what was expected.
  /\bi don't (?:understand|see|get) why\b|\bno idea why\b/,
  /\b(?:should|could|would) have (?:been|told|had|let|liked|called)\b/,
  /\b(?:your|the company's) (?:mistake|fault|error)\b|\bmistake was yours\b/,
  /\b(?:like you|as you|you) (?:said|promised|told me) (?:you|it|that)\b/,
  // The polite way to begin a complaint.
  /\bi'm afraid\b|\bunfortunately\b|\bsorry to (?:bother|complain|say)\b|\bsadly\b/,
];
