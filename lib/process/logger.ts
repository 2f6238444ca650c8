import querystring from "node:querystring";
import { type DestinationStream, type Logger, pino, stdTimeFunctions } from "pino";
import pretty from "pino-pretty";
import type { Config } from "../config.ts";
import { createRedactor } from "./redact.ts";

export type LoggerOptions = {
  destination?: DestinationStream;
  /** What each line of a logger says besides its own; by default nothing. */
  about?: (log: Logger) => object;
};

/** JSON lines for machines, or coloured ones where a person sits at a terminal. No line holds a secret. */
export function createLogger(config: Config, { destination, about }: LoggerOptions = {}): Logger {
  const { OPENAI_API_KEY, FALLBACK_API_KEY, AUTH_TOKEN, CALL_TOKEN, TOKENS } = config;
  const { WEBHOOK_SECRET, ALERT_WEBHOOK_URL } = config;
  const urls = [config.DATABASE_URL, config.WEBHOOK_URL, config.OPENAI_BASE_URL, config.FALLBACK_BASE_URL];
  const passwords = urls.map(passwordOf);
  const tokens = [AUTH_TOKEN, CALL_TOKEN, ...TOKENS.map(({ token }) => token)];
  const keys = [OPENAI_API_KEY, FALLBACK_API_KEY, WEBHOOK_SECRET, ALERT_WEBHOOK_URL];
  const secrets = [...keys, ...tokens, ...passwords].flatMap((secret) => secret || []);
  const options = {
    level: config.LOG_LEVEL,
    timestamp: stdTimeFunctions.isoTime,
    ...(about ? { mixin: (_fields: object, _level: number, log: Logger) => about(log) } : {}),
    hooks: { streamWrite: createRedactor(secrets) },
  };
  return pino(options, destination ?? standardOutput());
}

function passwordOf(url: string | undefined): string {
  return url !== undefined && URL.canParse(url) ? querystring.unescape(new URL(url).password) : "";
}

function standardOutput(): DestinationStream {
  if (!process.stdout.isTTY) return pino.destination(1);
  return pretty({ ignore: "pid,hostname,sessionId", translateTime: "SYS:HH:MM:ss" });
}
