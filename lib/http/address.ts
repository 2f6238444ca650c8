import { isIPv6 } from "node:net";
import type { Config } from "../config.ts";

/** Listening on all addresses of the machine; people need one they can open. */
const ANY = new Set(["0.0.0.0", "::"]);

/**
 * Where a person reaches this server: `PUBLIC_URL`, else what it listens on, without a slash at the end.
 * @param port the one it listens on; `PORT` may be 0.
 */
export function addressOf({ PUBLIC_URL, HOST }: Pick<Config, "PUBLIC_URL" | "HOST">, port: number): string {
  if (PUBLIC_URL !== undefined) return PUBLIC_URL.replace(/\/+$/, "");
  const host = ANY.has(HOST) ? "localhost" : isIPv6(HOST) ? `[${HOST}]` : HOST;
  return `http://${host}:${port}`;
}
