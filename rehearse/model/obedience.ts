/** Sentences that forbid to hand a caller over, whatever the tool is called. */
const FORBIDS =
  /\b(?:never|do not|don't|must not|under no circumstances)\b[^.\n]*\b(?:hand|transfer|connect|escalate|put)\w*/i;

/**
 * The tools that a model which does as it is told would use: one that the prompt names, and not one that the prompt
 * forbids. The embedded rules do not read a prompt; this makes a bad one show.
 */
export function allowedTools(prompt: string, tools: ReadonlySet<string>): Set<string> {
  const forbidden = prompt.split(/(?<=[.\n])/).some((sentence) => FORBIDS.test(sentence));
  return new Set([...tools].filter((name) => !(forbidden && /transfer|hand|escalate_call/.test(name))));
}
