/** How many of the latest lines a report of the client may be about: an answer, and what was spoken just before it. */
export const REPORT_WINDOW = 6;

/** What the agent said: as the client reports it to have been spoken, else as it was sent. */
export type SpokenLine = { text: string; reported: boolean };

/** Notes all that was sent of a line. The client may have reported it already: the whole, or the part spoken by then. */
export function noteSent(line: SpokenLine, sent: string): void {
  if (!line.reported || sent.startsWith(line.text)) line.text = sent;
}

/**
 * Takes a report of the client, that this text was spoken, to the line it is about. It may be about one line, a part of
 * it, or several that were spoken in one go.
 * @param latest the agent's latest lines, oldest first; a text is empty while nothing has been said of its answer yet.
 * @returns the line, with its text replaced; `unchanged` if all was spoken as it was sent; null if it is about none.
 */
export function reportSpoken<L extends SpokenLine>(
  latest: readonly L[],
  text: string,
): L | "unchanged" | null {
  const unreported = latest.filter(({ reported }) => !reported);
  const last = unreported.findLast((line) => line.text !== "") ?? unreported.at(-1);
  if (!last) return null;
  if (sameWords(unreported.map((line) => line.text).join(""), text)) {
    for (const line of unreported) line.reported = true;
    return "unchanged";
  }
  const about = unreported.find((line) => sameWords(line.text, text)) ?? last;
  about.reported = true;
  about.text = text;
  return about;
}

function sameWords(a: string, b: string): boolean {
  return a === b || squeeze(a) === squeeze(b);
}

function squeeze(text: string): string {
  return text.replace(/\s+/g, "");
}
