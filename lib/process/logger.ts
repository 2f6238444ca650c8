import { type DestinationStream, type Logger, pino, stdTimeFunctions } from "pino";
import pretty from "pino-pretty";
import type { Config } from "../config.ts";
import { createRedactor } from "./redact.ts";

/** JSON lines for machines, or coloured ones where a person sits at a terminal. No line holds a secret. */
export function createLogger(config: Config, destination: DestinationStream = standardOutput()): Logger {
  const { OPENAI_API_KEY, AUTH_TOKEN, WEBHOOK_SECRET, DATABASE_URL } = config;
  const password = URL.canParse(DATABASE_URL) ? decodeURIComponent(new URL(DATABASE_URL).password) : "";
  const secrets = [OPENAI_API_KEY, AUTH_TOKEN, WEBHOOK_SECRET, password].flatMap((secret) => secret || []);
  const options = {
    level: config.LOG_LEVEL,
    timestamp: stdTimeFunctions.isoTime,
    hooks: { streamWrite: createRedactor(secrets) },
  };
  return pino(options, destination);
}

function standardOutput(): DestinationStream {
  if (!process.stdout.isTTY) return pino.destination(1);
  return pretty({ ignore: "pid,hostname,sessionId", translateTime: "SYS:HH:MM:ss" });
}
