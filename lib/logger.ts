import { type Logger, pino, stdTimeFunctions } from "pino";
import pretty from "pino-pretty";
import type { Config } from "./config.ts";

/** JSON lines for machines, or coloured ones where a person sits at a terminal. */
export function createLogger(config: Config): Logger {
  const options = { level: config.LOG_LEVEL, timestamp: stdTimeFunctions.isoTime };
  if (!process.stdout.isTTY) return pino(options);
  return pino(options, pretty({ ignore: "pid,hostname,sessionId", translateTime: "SYS:HH:MM:ss" }));
}
