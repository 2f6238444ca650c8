import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parse, YAMLParseError } from "yaml";
import { z } from "zod";
import { ConfigError, describeError } from "../../errors.ts";

const DEFAULT_FORM = fileURLToPath(new URL("./default-form.yaml", import.meta.url));
const MAX_QUESTIONS = 50;

const question = z.strictObject({
  id: z.string().regex(/^[a-z\d_]{1,40}$/, "expected small letters, digits and _"),
  text: z.string().trim().min(1).max(300),
  type: z.enum(["yes_no", "scale"]).describe("yes or no, or 1 (worst) to 5 (best)"),
  weight: z.number().positive().max(100).default(1),
});
export const formSchema = z.strictObject({
  name: z.string().trim().min(1).max(100),
  questions: z
    .array(question)
    .min(1)
    .max(MAX_QUESTIONS)
    .refine((all) => new Set(all.map(({ id }) => id)).size === all.length, "two questions have the same id"),
});
/** What a call is scored by. Any question may not apply to a call. */
export type ScoringForm = z.output<typeof formSchema>;
export type Question = ScoringForm["questions"][number];

export const ANSWERS = ["yes", "no", "1", "2", "3", "4", "5", "not_applicable"] as const;
export type Answer = (typeof ANSWERS)[number];
/** Answers by the id of their question; a question may be left out. */
export type Answers = Record<string, Answer>;

/**
 * The form of calls: the one that is shipped, or that of a YAML or JSON file.
 * @param path the file of SCORING_FORM, if there is one.
 * @throws {ConfigError} naming the file, and the field that cannot be used.
 */
export function loadForm(path: string | undefined): ScoringForm {
  const file = path ?? DEFAULT_FORM;
  const result = formSchema.safeParse(readYaml(file));
  if (result.success) return result.data;
  const problems = result.error.issues.map(
    ({ path: field, message }) => `${field.join(".") || "it"}: ${message}`,
  );
  throw new ConfigError(`SCORING_FORM: cannot use ${file}: ${problems.join("; ")}`);
}

function readYaml(file: string): unknown {
  try {
    return parse(readFileSync(file, "utf8"));
  } catch (error) {
    const why =
      error instanceof YAMLParseError
        ? `is not YAML: ${error.message.split("\n")[0]?.replace(/:$/, "")}`
        : `cannot be read: ${describeError(error).reason}`;
    throw new ConfigError(`SCORING_FORM: ${file} ${why}`, { cause: error });
  }
}

/** The first answer that does not fit the form, in words; null if all do. */
export function misfit({ questions }: ScoringForm, answers: Answers): string | null {
  for (const [id, answer] of Object.entries(answers)) {
    const asked = questions.find((one) => one.id === id);
    if (!asked) return `there is no question ${id}`;
    if (!choicesOf(asked).includes(answer)) return `${id} takes ${choicesOf(asked).join(", ")}`;
  }
  return null;
}

/** What a question can be answered with. */
export function choicesOf({ type }: Question): readonly Answer[] {
  return ANSWERS.filter(
    (answer) => answer === "not_applicable" || (type === "yes_no") === /^(yes|no)$/.test(answer),
  );
}

/**
 * What was reached of what could have been, in percent: the mean of the answers by the weights of their questions, with
 * yes and 5 as 1, no and 1 as 0. What does not apply or is not answered does not count; null where nothing is left.
 */
export function scoreOf({ questions }: ScoringForm, answers: Answers): number | null {
  let reached = 0;
  let possible = 0;
  for (const { id, weight } of questions) {
    const value = shareOf(answers[id]);
    if (value === null) continue;
    reached += weight * value;
    possible += weight;
  }
  return possible === 0 ? null : Math.round((100 * reached) / possible);
}

/** 0…1; null where it says nothing. */
export function shareOf(answer: Answer | undefined): number | null {
  if (answer === undefined || answer === "not_applicable") return null;
  if (answer === "yes" || answer === "no") return answer === "yes" ? 1 : 0;
  return (Number(answer) - 1) / 4;
}
