/*
 * What a model at a server does not take, as far as is known. A lesson is a word that people read in the log and on
 * /ready, and that `body.ts` acts upon; lessons are added and never taken back while the process runs.
 */

/** Parameters that may be left out when they are refused, the more telling names first. */
export const OPTIONAL_PARAMETERS = [
  "max_completion_tokens",
  "max_tokens",
  "stream_options",
  "parallel_tool_calls",
  "chat_template_kwargs",
  "thinking",
  "reasoning_effort",
  "response_format",
  "top_logprobs",
  "logprobs",
  "temperature",
  "tool_choice",
] as const;
export type OptionalParameter = (typeof OPTIONAL_PARAMETERS)[number];

export type Lesson =
  /** Refuses that parameter. */
  | `without ${OptionalParameter}`
  | "without strict tools"
  | "without reasoning_content"
  /** Wants `max_completion_tokens` where others want `max_tokens`. */
  | "max_completion_tokens"
  /** Wants the caller first and the two sides in turn, whoever has really spoken. */
  | "turn by turn"
  /** Knows no system role: the instructions go into the caller's first message. */
  | "no system role"
  /** Knows no tools: none are offered, and those used before are told in words. */
  | "no tools"
  | "one tool call a message"
  /** Mistral's: nine letters or digits. */
  | "tool call ids of nine characters"
  /** Thinks before it answers. */
  | "thinks"
  /** Its thinking has an end in the text, but no beginning. */
  | "thinks from the start"
  /** Takes this for the least effort of reasoning. */
  | `effort ${string}`
  /** Takes this one, whatever is wanted. */
  | `only effort ${string}`;

/** What one model at one server takes. */
export type Taken = {
  readonly lessons: ReadonlySet<Lesson>;
  /** Longest conversation it has room for, characters; null: not known to be too short. */
  readonly contextChars: number | null;
};

export const EVERYTHING: Taken = { lessons: new Set(), contextChars: null };

/** The same with one more lesson. */
export function learn(taken: Taken, ...lessons: readonly Lesson[]): Taken {
  return { ...taken, lessons: new Set([...taken.lessons, ...lessons]) };
}

/** What either of the two knows. */
export function merge(a: Taken, b: Taken): Taken {
  const chars = [a.contextChars, b.contextChars].filter((each) => each !== null);
  return {
    lessons: new Set([...a.lessons, ...b.lessons]),
    contextChars: chars.length === 0 ? null : Math.min(...chars),
  };
}

/** The lessons of `after` that `before` did not know, for people to read. */
export function newIn(before: Taken, after: Taken): string[] {
  const lessons: string[] = [...after.lessons].filter((lesson) => !before.lessons.has(lesson));
  if (after.contextChars !== null && after.contextChars !== before.contextChars) {
    lessons.push(`at most ${after.contextChars} characters of conversation`);
  }
  return lessons;
}

/**
 * The effort of reasoning to ask for; null: none, for it is no model that reasons.
 * @param wanted null: as little as it can.
 */
export function effortFor(wanted: string | null, { lessons }: Taken): string | null {
  const last = (prefix: string) =>
    [...lessons].findLast((lesson) => lesson.startsWith(prefix))?.slice(prefix.length) ?? null;
  const only = last("only effort ");
  if (only !== null) return only;
  const wantsLeast = wanted === null || wanted === "none";
  if (wantsLeast) return last("effort ") ?? (lessons.has("thinks") ? "none" : wanted);
  return wanted;
}

/** Whether its name says that its reasoning has degrees. */
export function hasEfforts({ lessons }: Taken): boolean {
  return [...lessons].some((lesson) => lesson.startsWith("effort "));
}
