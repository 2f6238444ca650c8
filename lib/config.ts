import { readFileSync } from "node:fs";
import dotenv from "dotenv";
import { z } from "zod";
import { WEBHOOK_EVENTS } from "./calls/news/events.ts";
import { PrivateAddressError, refusePrivateHost } from "./calls/news/private-address.ts";
import { parsePrices } from "./calls/prices.ts";
import { ConfigError } from "./errors.ts";
import { parseTokens } from "./http/token-list.ts";
import { relayAttributes } from "./lines/relay-attributes.ts";
import { POLICIES } from "./mood/policy.ts";
import { HOLD_MUSIC, type JsonObject } from "./wire/events.ts";

const ms = (fallback: number) => z.coerce.number().int().min(1).max(2_147_483_647).default(fallback);
const count = (fallback: number) => z.coerce.number().int().min(1).default(fallback);
/** Stands in a path. */
const secret = z
  .string()
  .regex(/^[\w-]{16,}$/, "use at least 16 letters and digits, e.g. of `openssl rand -hex 24`");
/** `https://a.example, https://b.example`, each as a browser writes it in its Origin header. */
const origins = z.string().transform((list, context) => {
  const entries = list.split(",").map((entry) => entry.trim());
  const wrong = entries.filter((entry) => !URL.canParse(entry) || new URL(entry).origin !== entry);
  if (wrong.length > 0) {
    context.addIssue(`not an origin such as https://example.com: ${wrong.join(", ") || "(empty)"}`);
  }
  return entries;
});
/** The name of a text file; what comes out is its text. */
const textOfFile = z.string().transform((file, context) => {
  try {
    return readFileSync(file, "utf8");
  } catch {
    context.addIssue("cannot be read");
    return z.NEVER;
  }
});

/** `voice.example.com, agent.local`: names alone, without a port. */
const hosts = z.string().transform((list, context) => {
  const entries = splitNames(list.toLowerCase());
  const wrong = entries.filter((entry) => !/^[\w.-]+$/.test(entry));
  if (wrong.length > 0) context.addIssue(`not a host name such as voice.example.com: ${wrong.join(", ")}`);
  return entries;
});
/** `role name token, …`: see `http/token-list.ts`. */
const tokens = z.string().transform((list, context) => {
  try {
    return parseTokens(list, "TOKENS");
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    context.addIssue(error.message);
    return z.NEVER;
  }
});
/** `call.started,alert,call.ended`, or `all`. */
const webhookEvents = z
  .string()
  .transform((list) => (list.trim() === "all" ? [...WEBHOOK_EVENTS] : splitNames(list)))
  .pipe(z.array(z.enum(WEBHOOK_EVENTS, `must be some of ${WEBHOOK_EVENTS.join(", ")}, or all`)));
const jsonObject = z.record(z.string(), z.unknown());
/** A JSON object: parameters that go into every request as they are. */
const extraBody = z.string().transform((text, context): JsonObject => {
  const parsed = jsonObject.safeParse(parseJson(text));
  if (parsed.success) return parsed.data;
  context.addIssue('not a JSON object such as {"top_p":0.9}');
  return {};
});
const OTLP_PROTOCOLS = ["http/protobuf", "http/json"] as const;
/** Providers have words of their own for it, and add new ones. */
const effort = z.string().regex(/^[a-z_]+$/, "a word such as none, minimal, low, medium or high");

/**
 * Every environment variable of the server, with its default. Times are in ms, sizes in bytes.
 * docs/configuration.md and .env.example say the same to people; a test holds the three together.
 */
const schema = z.object({
  PORT: z.coerce.number().int().min(0).max(65_535).default(8080),
  HOST: z.string().default("0.0.0.0"),
  LOG_LEVEL: z.enum(["fatal", "error", "warn", "info", "debug", "trace", "silent"]).default("info"),

  OPENAI_API_KEY: z.string().optional(),
  OPENAI_BASE_URL: z.url({ protocol: /^https?$/ }).optional(),
  AGENT_MODEL: z.string().default("gpt-6-luna"),
  SENTIMENT_MODEL: z.string().default("gpt-6-luna"),
  AGENT_TEMPERATURE: z.coerce.number().min(0).max(2).default(0.7),
  // Without it a model thinks as little as it can: on the telephone thinking is silence.
  AGENT_REASONING_EFFORT: effort.optional(),
  SENTIMENT_REASONING_EFFORT: effort.optional(),
  AGENT_EXTRA_BODY: extraBody.optional(),
  SENTIMENT_EXTRA_BODY: extraBody.optional(),
  SUMMARY_EXTRA_BODY: extraBody.optional(),
  // One tiny request for each model at the start, which finds out what it takes and what is wrong.
  MODEL_CHECK: z.stringbool().default(true),
  // The longest silence, before the first word as between two; ten seconds is already long on a telephone.
  LLM_TIMEOUT_MS: ms(10_000),
  // Asked where the first model gives no answer; at the same server and with its key unless said otherwise.
  FALLBACK_MODEL: z.string().optional(),
  FALLBACK_BASE_URL: z.url({ protocol: /^https?$/ }).optional(),
  FALLBACK_API_KEY: z.string().optional(),
  // Most models speak within a second; after two of silence a caller begins to wonder.
  FALLBACK_AFTER_MS: ms(2_000),
  // A minute of silence, words and tools together: the command line client gives an answer up after that.
  TURN_TIMEOUT_MS: ms(60_000),
  SENTIMENT_TIMEOUT_MS: ms(5_000),
  // Speech is about 15 characters a second: nine minutes of it are a model that has lost its way.
  MAX_RESPONSE_CHARS: count(8_000),
  // The support agent's prompt in place of its own; what is kept here is the text.
  AGENT_PROMPT_FILE: textOfFile.optional(),
  // Shown beside each call, to tell the calls of one release of an agent from those of another.
  AGENT_VERSION: z.string().max(100).optional(),
  MAX_CONTEXT_MESSAGES: z.coerce.number().int().min(2).default(200),

  // Turns of both sides that a verdict is shown besides the utterance; each is cut to 400 characters.
  SENTIMENT_CONTEXT_TURNS: z.coerce.number().int().min(0).max(20).default(4),

  // An operator who has set a threshold for the count goes on with the count.
  ESCALATION_POLICY: z.enum(POLICIES).default("risk"),
  ESCALATION_THRESHOLD: count(3),
  // Of calm calls that are hard to tell from others; ordinary ones are handed over far more rarely, see docs/sentiment.md.
  ESCALATION_FALSE_PER_1000: z.coerce.number().min(1).max(1_000).default(40),
  // Verdicts take about 300 ms; 800 covers a slow one and is still a pause a caller accepts.
  ESCALATION_WAIT_MS: z.coerce.number().int().min(0).max(60_000).default(800),
  TRANSFER_NUMBER: z.string().optional(),
  TRANSFER_TYPE: z.enum(["cold", "warm"]).default("cold"),
  TRANSFER_HOLD_MUSIC: z.enum(HOLD_MUSIC).optional(),

  // How long a supervisor's telephone rings.
  TRANSFER_TIMEOUT_MS: ms(30_000),

  // Lines beside /ws, see docs/lines.md. Where the world reaches this server, as platforms are told and sign it.
  PUBLIC_URL: z.url({ protocol: /^https?$/ }).optional(),
  TWILIO_AUTH_TOKEN: z.string().min(8, "is the auth token of your Twilio account").optional(),
  TELNYX_SECRET: secret.optional(),
  RETELL_SECRET: secret.optional(),
  RELAY_ATTRIBUTES: z.string().transform(parseRelayAttributes).optional(),
  // A caller may listen, and think, for so long between two requests of a platform.
  OPENAI_CALL_IDLE_MS: ms(120_000),

  MAX_SESSIONS: count(1_000),
  // Decoding a quarter of a megabyte of many small fields takes some ten ms, a whole one ten times that.
  MAX_FRAME_BYTES: count(256 * 1024),
  // A platform sends a handful of events per utterance; 200 a second is a client gone wild.
  MAX_EVENTS_PER_SECOND: count(200),
  // A request that carries a whole long conversation has some 40 KB.
  MAX_BYTES_PER_SECOND: count(64 * 1024),
  // Each costs a request to a model. People take a turn every few seconds, and an impatient client repeats itself.
  MAX_REQUESTS_PER_SECOND: count(10),
  SESSION_IDLE_TIMEOUT_MS: ms(15 * 60_000),
  SLOW_CLIENT_TIMEOUT_MS: ms(10_000),
  // A caller who thinks is left alone; one who is gone should not hold the line for the quarter of an hour above. 0: never.
  SILENCE_TIMEOUT_MS: z.coerce.number().int().min(0).max(3_600_000).default(20_000),
  HTTP_TIMEOUT_MS: ms(10_000),

  // Who may enter, and how long calls may go on once the server has been told to stop.
  AUTH_TOKEN: z.string().min(8, "use at least 8 characters, e.g. of `openssl rand -hex 24`").optional(),
  CALL_TOKEN: z.string().min(16, "use at least 16 characters, e.g. of `openssl rand -hex 24`").optional(),
  TOKENS: tokens.default([]),
  TOKENS_FILE: z.string().optional(),
  ALLOWED_ORIGINS: origins.optional(),
  ALLOWED_HOSTS: hosts.optional(),
  DRAIN_TIMEOUT_MS: z.coerce.number().int().min(0).max(2_147_483_647).default(30_000),

  // The coach: a JSON file that changes its rules, and whether "a human, please" is an escalation.
  COACH_RULES: z.string().optional(),
  ESCALATE_ON_REQUEST: z.stringbool().default(false),

  // Processes behind the one port; each uses one core.
  WORKERS: z.coerce.number().int().min(1).max(64).default(1),

  AGENT_LOG: z.enum(["auto", "always", "never"]).default("auto"),

  // The record of calls.
  RECORD_CALLS: z.stringbool().default(true),
  RECORD_TEXT: z.enum(["full", "redacted", "none"]).default("full"),
  // Names of initial variables that may be stored, separated by commas; none unless named.
  RECORD_VARIABLES: z.string().default("").transform(splitNames),
  DATABASE_URL: z
    .string()
    .regex(/^(file:|postgres(ql)?:\/\/)/, "must begin with file: or postgres://")
    .refine((url) => url.startsWith("file:") || isEncoded(url), "has a lone %: write %25 for it")
    .default("file:./data/calls.db"),
  // Where changes of the record wait while the database does not take them, and how many bytes of them, for each process.
  RECORD_BACKLOG_FOLDER: z.string().default("./data/backlog"),
  RECORD_BACKLOG_BYTES: count(256 * 1024 * 1024),
  // Four missed beats, and the other servers on the database count this one as gone.
  HEARTBEAT_MS: z.coerce.number().int().min(100).max(3_600_000).default(15_000),
  // 0 keeps every call.
  RETENTION_DAYS: z.coerce.number().int().min(0).max(36_500).default(90),
  POST_CALL_SUMMARY: z.stringbool().default(false),
  // What calls are scored by, in their reports.
  SCORING_FORM: z.string().optional(),
  POST_CALL_SCORE: z.stringbool().default(false),
  // For the cost in /quality: dollars per million tokens in and out, such as gpt-4o-mini=0.15/0.60.
  MODEL_PRICES: z.string().default("").transform(parsePrices),
  SUMMARY_MODEL: z.string().default("gpt-6-luna"),
  // Traces, by the names that OpenTelemetry's SDKs share; it reads its other variables itself, see docs/tracing.md.
  OTEL_EXPORTER_OTLP_ENDPOINT: z.url({ protocol: /^https?$/ }).optional(),
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: z.url({ protocol: /^https?$/ }).optional(),
  OTEL_EXPORTER_OTLP_PROTOCOL: z.enum(OTLP_PROTOCOLS).default("http/protobuf"),
  OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: z.enum(OTLP_PROTOCOLS).optional(),
  OTEL_TRACES_EXPORTER: z.enum(["otlp", "none"]).default("otlp"),
  OTEL_SDK_DISABLED: z.stringbool().default(false),
  // What traces hold of the words of a call.
  TRACE_TEXT: z.enum(["none", "redacted", "full"]).default("none"),

  // Who is told what. An alert in a chat is worth most at once, so these go out while the call goes on.
  WEBHOOK_URL: z.url({ protocol: /^https?$/ }).optional(),
  WEBHOOK_SECRET: z.string().min(16, "use at least 16 characters").optional(),
  WEBHOOK_EVENTS: webhookEvents.default(["call.ended"]),
  ALERT_WEBHOOK_URL: z.url({ protocol: /^https?$/ }).optional(),
  // What the server can reach and the world cannot is no place for a URL that somebody has mistyped, or meant.
  WEBHOOK_ALLOW_PRIVATE: z.stringbool().default(false),
});

/** A JSON object, as ConversationRelay names its attributes. */
function parseRelayAttributes(json: string, context: z.RefinementCtx) {
  try {
    const result = relayAttributes.safeParse(JSON.parse(json));
    if (result.success) return result.data;
    context.addIssue(
      result.error.issues.map(({ path, message }) => `${path.join(".")} ${message}`).join(", "),
    );
  } catch {
    context.addIssue("is not JSON");
  }
  return z.NEVER;
}

/** Why a receiver's address may not be used as it is; null if it may. */
function privateHost(url: string): string | null {
  try {
    refusePrivateHost(url);
    return null;
  } catch (error) {
    if (error instanceof PrivateAddressError) return error.message;
    throw error;
  }
}

/** Whether every % of an address stands for a character, as in a password. */
function isEncoded(url: string): boolean {
  try {
    decodeURIComponent(url);
    return true;
  } catch {
    return false;
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function splitNames(list: string): string[] {
  return list
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
}

type Env = z.output<typeof schema>;
export type Config = Readonly<Env>;

/**
 * Reads `.env` in the working folder and the environment, which wins.
 * @throws {ConfigError} naming every variable that cannot be used.
 */
export function loadConfig(): Config {
  dotenv.config({ quiet: true });
  return parseConfig(process.env);
}

/** Validates variables. An empty one counts as not set: `PORT=""` must not mean port 0. */
export function parseConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const given = Object.fromEntries(
    Object.entries(env).filter(([, value]) => value !== undefined && value.trim() !== ""),
  );
  if (given.ESCALATION_THRESHOLD !== undefined) given.ESCALATION_POLICY ??= "count";
  const result = schema
    .refine(({ WEBHOOK_URL, WEBHOOK_SECRET }) => WEBHOOK_URL === undefined || WEBHOOK_SECRET !== undefined, {
      path: ["WEBHOOK_SECRET"],
      error: "is needed with WEBHOOK_URL: the receiver must be able to tell who is calling",
    })
    .refine(
      ({ FALLBACK_MODEL, FALLBACK_BASE_URL, FALLBACK_API_KEY }) =>
        FALLBACK_MODEL !== undefined || (FALLBACK_BASE_URL ?? FALLBACK_API_KEY) === undefined,
      { path: ["FALLBACK_MODEL"], error: "is needed with FALLBACK_BASE_URL and FALLBACK_API_KEY" },
    )
    .refine(
      ({ FALLBACK_MODEL, OPENAI_API_KEY, OPENAI_BASE_URL }) =>
        FALLBACK_MODEL === undefined || (OPENAI_API_KEY ?? OPENAI_BASE_URL) !== undefined,
      {
        path: ["FALLBACK_MODEL"],
        error: "is a second model, but the first one is missing: set OPENAI_API_KEY or OPENAI_BASE_URL",
      },
    )
    .refine(
      ({ FALLBACK_MODEL, FALLBACK_AFTER_MS, LLM_TIMEOUT_MS }) =>
        FALLBACK_MODEL === undefined || FALLBACK_AFTER_MS < LLM_TIMEOUT_MS,
      {
        path: ["FALLBACK_AFTER_MS"],
        error: "must be less than LLM_TIMEOUT_MS: the second model gets what is left of that time",
      },
    )
    .refine(
      ({ PUBLIC_URL, TWILIO_AUTH_TOKEN, TELNYX_SECRET }) => {
        return PUBLIC_URL !== undefined || (TWILIO_AUTH_TOKEN ?? TELNYX_SECRET) === undefined;
      },
      {
        path: ["PUBLIC_URL"],
        error: "is needed with TWILIO_AUTH_TOKEN and TELNYX_SECRET: the platform signs it and dials it",
      },
    )
    .refine(
      ({ WORKERS, TWILIO_AUTH_TOKEN, TELNYX_SECRET, RETELL_SECRET }) =>
        WORKERS === 1 || (TWILIO_AUTH_TOKEN ?? TELNYX_SECRET ?? RETELL_SECRET) === undefined,
      {
        path: ["WORKERS"],
        error: "must be 1 with Twilio, Telnyx or Retell: their calls come back to the process they began in",
      },
    )
    .superRefine(({ WEBHOOK_URL, ALERT_WEBHOOK_URL, WEBHOOK_ALLOW_PRIVATE }, context) => {
      if (WEBHOOK_ALLOW_PRIVATE) return;
      for (const [name, url] of Object.entries({ WEBHOOK_URL, ALERT_WEBHOOK_URL })) {
        const problem = url === undefined ? null : privateHost(url);
        if (problem !== null) context.addIssue({ code: "custom", path: [name], message: problem });
      }
    })
    .safeParse(given);
  if (result.success) return result.data;
  const problems = result.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`);
  throw new ConfigError(`Cannot start with these settings: ${problems.join("; ")}`);
}
