/** A number after a word that announces one: "order AB-1234", "my number is 482". */
const announced =
  /\b(?:order|number|reference|tracking|ticket|case|invoice|customer)\b[^.?!\d]{0,20}?\b([a-z]{0,4}-?\d[\d-]{2,19})\b/;

/** A number by itself, not a year or a price. */
const bare = /(?<!\b(?:since|in|from|of) )(?<![$€£\d-])\b([a-z]{0,4}-?\d[\d-]{3,19})\b/;

const digits: Readonly<Record<string, string>> = {
  zero: "0",
  oh: "0",
  one: "1",
  two: "2",
  three: "3",
  four: "4",
  five: "5",
  six: "6",
  seven: "7",
  eight: "8",
  nine: "9",
};

/** Fewest digits in a row that make a spoken number. */
const shortestSpoken = 3;

/**
 * The order number (or the like) in an utterance, or null. A bare one counts only where one was asked for;
 * "four eight two one" is read as 4821.
 */
export function findNumber(utterance: string, askedFor: boolean): string | null {
  const written = announced.exec(utterance)?.[1] ?? (askedFor ? bare.exec(utterance)?.[1] : undefined);
  if (written !== undefined) return written.toUpperCase();
  return askedFor || /\bnumber\b/.test(utterance) ? findSpoken(utterance) : null;
}

function findSpoken(utterance: string): string | null {
  let run = "";
  for (const word of utterance.split(/[^a-z]+/)) {
    const digit = digits[word];
    if (digit !== undefined) run += digit;
    else if (run.length >= shortestSpoken) break;
    else run = "";
  }
  return run.length >= shortestSpoken ? run : null;
}
