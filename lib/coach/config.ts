import { readFileSync } from "node:fs";
import { z } from "zod";
import { ConfigError } from "../errors.ts";
import { ACKNOWLEDGEMENTS, CHURN_OR_LEGAL_PHRASES, PERSON_PHRASES } from "./phrases.ts";

const ms = (fallback: number) =>
  z
    .int()
    .min(1)
    .max(24 * 60 * 60_000)
    .default(fallback);
const count = (fallback: number) => z.int().min(1).max(50).default(fallback);
/** Without one that must be there a phrase is found everywhere. */
const hasWord = (phrase: string) => /[^?\s=](\s|$)/.test(phrase);
const phrases = (fallback: readonly string[]) =>
  z
    .array(z.string().trim().min(1).max(200).refine(hasWord, "a phrase needs a word that may not be missing"))
    .min(1)
    .max(500)
    .default([...fallback]);

type Common = {
  /** info: good to know; warn: do something; alert: somebody should look at this call now. */
  severity: "info" | "warn" | "alert";
  /** What the human beside the call reads. */
  message: string;
  /** Least time between two alerts of this rule in one call, ms. */
  cooldownMs: number;
  /** Whether ALERT_WEBHOOK_URL is told, by default; else those of severity `alert` are. */
  notify?: boolean;
};

/** One rule's settings: `false` in the file, null here, switches it off. */
function rule<S extends z.ZodRawShape>(common: Common, thresholds: S) {
  const settings = z.strictObject({
    severity: z.enum(["info", "warn", "alert"]).default(common.severity),
    message: z.string().trim().min(1).max(500).default(common.message),
    cooldownMs: z
      .int()
      .min(0)
      .max(24 * 60 * 60_000)
      .default(common.cooldownMs),
    /** Whether the chat of ALERT_WEBHOOK_URL is told. Default: by the severity. */
    notify: z
      .boolean()
      .nullable()
      .default(common.notify ?? null),
    /** What the agent is told for its next answer, as if a supervisor had whispered it. */
    whisper: z.string().trim().min(1).max(1_000).nullable().default(null),
    /** Whether the caller is handed over. */
    escalate: z.boolean().default(false),
    ...thresholds,
  });
  return z.preprocess((value) => (value === false ? null : (value ?? {})), settings.nullable());
}

/**
 * Every rule of the coach with its thresholds. A file named by COACH_RULES has the same shape: a field it leaves out
 * keeps the value below.
 */
const schema = z.strictObject({
  /** The agent has escalated because the frustration count reached ESCALATION_THRESHOLD. */
  frustration_threshold: rule(
    {
      severity: "alert",
      message: "The caller is out of patience and is being handed over.",
      cooldownMs: 0,
      // The escalation itself is told of.
      notify: false,
    },
    {},
  ),
  /** Every verdict for so long, and for so many utterances, was negative or frustrated. */
  negative_sustained: rule(
    {
      severity: "warn",
      message: "The caller has been unhappy for a while. Change the approach.",
      cooldownMs: 120_000,
    },
    { forMs: ms(60_000), minUtterances: count(2) },
  ),
  /** The mean of the last three scores is so far below the best such mean of the call, and below zero. */
  sentiment_drop: rule(
    {
      severity: "warn",
      message: "The caller's mood has dropped sharply. Ask what went wrong.",
      cooldownMs: 120_000,
    },
    { points: z.number().min(0.5).max(10).default(5) },
  ),
  human_request: rule(
    { severity: "alert", message: "The caller asks for a person.", cooldownMs: 30_000 },
    { phrases: phrases(PERSON_PHRASES) },
  ),
  churn_or_legal: rule(
    { severity: "alert", message: "The caller wants to leave or mentions a lawyer.", cooldownMs: 60_000 },
    { phrases: phrases(CHURN_OR_LEGAL_PHRASES) },
  ),
  /** So many interrupts within the window. */
  interruptions: rule(
    { severity: "warn", message: "The caller keeps interrupting. Answer shorter.", cooldownMs: 60_000 },
    { times: count(3), windowMs: ms(60_000) },
  ),
  /** The first chunk took longer than this in so many of the last answers. */
  slow_reply: rule(
    { severity: "warn", message: "The answers are slow. Check the language model.", cooldownMs: 120_000 },
    { firstChunkMs: ms(2_500), times: count(2), ofLast: count(3) },
  ),
  /** The caller has spoken, or an answer was asked for, and so long nothing came. */
  unanswered: rule(
    { severity: "alert", message: "The caller is waiting for an answer.", cooldownMs: 0 },
    { afterMs: ms(8_000) },
  ),
  /** Nobody has spoken for so long since the agent's last words were out. Not in a chat. */
  dead_air: rule(
    {
      severity: "warn",
      message: "Nobody speaks. Ask whether the caller is still there.",
      cooldownMs: 30_000,
    },
    { afterMs: ms(10_000) },
  ),
  /** An answer has more words than this. */
  monologue: rule(
    { severity: "info", message: "That was a long answer. Keep it to a few sentences.", cooldownMs: 60_000 },
    { words: z.int().min(1).max(10_000).default(60) },
  ),
  /** So many negative utterances in a row, and the answer to the last of them shows no understanding. */
  no_empathy: rule(
    {
      severity: "warn",
      message: "The caller is upset, and the answer showed no empathy. Acknowledge it first.",
      cooldownMs: 60_000,
    },
    { utterances: count(2), acknowledgements: phrases(ACKNOWLEDGEMENTS) },
  ),
  /** A positive utterance after so many negative ones. */
  recovered: rule(
    { severity: "info", message: "The caller is pleased again. Well done.", cooldownMs: 0 },
    { afterNegatives: count(2) },
  ),
});

export type CoachConfig = z.output<typeof schema>;
export type RuleId = keyof CoachConfig;
/** The settings of a rule that is switched on. */
export type RuleSettings<Id extends RuleId> = NonNullable<CoachConfig[Id]>;

/**
 * The coach's rules: those built in, or as the file changes them.
 * @param path the JSON file of COACH_RULES, if there is one.
 * @throws {ConfigError} naming the file, and the field that cannot be used.
 */
export function loadCoachConfig(path: string | undefined): CoachConfig {
  return path === undefined ? parseCoachConfig({}) : parseCoachConfig(readJson(path), path);
}

/** Checks the contents of such a file. Throws {@link ConfigError}. */
export function parseCoachConfig(value: unknown, path = "the coach's rules"): CoachConfig {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const problems = result.error.issues.map(
    ({ path: field, message }) => `${field.join(".") || "it"}: ${message}`,
  );
  throw new ConfigError(`COACH_RULES: cannot use ${path}: ${problems.join("; ")}`);
}

function readJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    const why = error instanceof SyntaxError ? `is not JSON: ${error.message}` : "cannot be read";
    throw new ConfigError(`COACH_RULES: ${path} ${why}`, { cause: error });
  }
}
