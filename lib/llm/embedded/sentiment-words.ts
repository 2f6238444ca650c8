/**
 * Words that the general-purpose AFINN lexicon scores as feelings, and that name the topic, or a mere courtesy,
 * when a customer says them: "cancel", "charged", "lost card"; "thanks", "help", "good morning".
 */
const topicWords = `
  accident accidental accidentally alarm blah alarms alone anti ban banned blocked breach breached burglar burglary
  cancel cancelled charged charges complain complaint complaints conflict crash crashed critical
  damage damaged damages danger dangerous dead death deaths debt defect defective defects denied deny dent
  die died dirt disability dispute disputed disputes disputing emergency error errors expelled
  fail failed failing fails failure failures fallen fine fines fire fired flu fraud frauds fraudulent hurt
  ill illegal illness incorrectly infected injured injury insecure interrupted interruption jammed junk
  lack lag lost loss losses loose miss missed missing misplaced mistake mistaken mistakes mistakenly
  misunderstood obsolete oops outage outages pain penalty poison problem problems protest refuse refused
  rejection restricted restriction restrictions risk risks risky scam scams severe severely shock shortage sick
  sickness sorry spam stall stalled stand steal stole stolen stuck suffer threat trouble unable
  unaware unstable victim violation violations virus vulnerable war warn warned warning warnings weak
  withdrawal wrong
`;

const courtesyWords = `
  ability able advantage advantages appropriate approval approved asset assets award benefit benefits best better
  bless care careful chance cheers clean cleaner clear commitment competitive confident consent credit dear
  eager ease effective exclusive fair fairness fan favor favour favorite favourite gain gift glory gold
  good grand greetings help helping helps highlight honest hope hopefully hoping important importance improve improved
  improvement interested interesting joke jokes kind leading like liked likes luck loyalty opportunity pardon popular
  positive premium profit progress quality recommend recommended resolution resolve resolved resolving respect
  responsible reward rewards rich save secure secured security strong success successful successfully suitable suited
  super support supported supports sweet talent thank thanks top tops true useful vibrant want warm wealth welcome
  win won work worked working works worth yes yeah
`;

const asSet = (words: string): ReadonlySet<string> => new Set(words.trim().split(/\s+/));

/** Bad-sounding words that carry no displeasure by themselves. */
export const topics = asSet(topicWords);

/** Good-sounding words that carry no pleasure by themselves. */
export const courtesies = asSet(courtesyWords);

/** Courtesies that make a complaint all the same when they are denied: "I don't like it", "it wasn't clean". */
export const missedWhenDenied = asSet("clean fair good helpful honest like resolved useful worth");

/** A feeling up to three words after one of these is turned round: "not really happy". wink splits "don't" into "do" and "n't". */
export const negators = asSet(
  "not n't no never none nor nobody nothing hardly barely without cannot cant dont wont isnt wasnt didnt doesnt havent",
);
