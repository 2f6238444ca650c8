import { createHmac, randomBytes } from "node:crypto";
import { readFileSync, unwatchFile, watchFile } from "node:fs";
import type { Logger } from "pino";
import type { Config } from "../config.ts";
import { ConfigError, describeError } from "../errors.ts";
import { hasRight, type Right, type Role } from "./roles.ts";
import { parseTokens, type TokenEntry } from "./token-list.ts";

/** How often `TOKENS_FILE` is looked at, ms. By polling, because a mounted secret is replaced as a link. */
const LOOK_EVERY_MS = 1_000;

/** Whose token a request carries. */
export type Actor = {
  readonly name: string;
  readonly role: Role;
  /** Aborted when the token is taken back. */
  readonly revoked: AbortSignal;
};

type Holder = Actor & { readonly revoke: AbortController };

/** The tokens that open this server. They can be exchanged while it runs. */
export class Tokens {
  // What is compared are digests under a key nobody knows: how long that takes says nothing about a token.
  readonly #key = randomBytes(32);
  #holders = new Map<string, Holder>();

  constructor(entries: readonly TokenEntry[]) {
    this.replace(entries);
  }

  get size(): number {
    return this.#holders.size;
  }

  /** Whether somebody has this right by a token. */
  grants(right: Right): boolean {
    return [...this.#holders.values()].some(({ role }) => hasRight(role, right));
  }

  /** Whose token it is; null for one of nobody. */
  find(token: string): Actor | null {
    return this.#holders.get(this.#digest(token)) ?? null;
  }

  /** Takes these in place of all; who is among both notices nothing. */
  replace(entries: readonly TokenEntry[]): void {
    const before = this.#holders;
    this.#holders = new Map(
      entries.map(({ name, role, token }) => {
        const digest = this.#digest(token);
        const known = before.get(digest);
        const same = known?.name === name && known.role === role;
        return [digest, same ? known : newHolder(name, role)];
      }),
    );
    for (const [digest, holder] of before) if (this.#holders.get(digest) !== holder) holder.revoke.abort();
  }

  #digest(token: string): string {
    return createHmac("sha256", this.#key).update(token).digest("base64");
  }
}

function newHolder(name: string, role: Role): Holder {
  const revoke = new AbortController();
  return { name, role, revoke, revoked: revoke.signal };
}

/** Reads the tokens of the settings and of `TOKENS_FILE`. @throws {ConfigError} when they cannot be used. */
export function readTokens(config: Config): TokenEntry[] {
  const { AUTH_TOKEN, CALL_TOKEN, TOKENS, TOKENS_FILE } = config;
  const entries: TokenEntry[] = [...TOKENS];
  if (AUTH_TOKEN !== undefined) entries.push({ role: "admin", name: "admin", token: AUTH_TOKEN });
  if (CALL_TOKEN !== undefined) entries.push({ role: "caller", name: "caller", token: CALL_TOKEN });
  if (TOKENS_FILE !== undefined) entries.push(...readFile(TOKENS_FILE));
  const seen = new Map<string, string>();
  for (const { token, name } of entries) {
    const other = seen.get(token);
    if (other !== undefined)
      throw new ConfigError(`${other} and ${name} have the same token: give each its own`);
    seen.set(token, name);
  }
  return entries;
}

function readFile(path: string): TokenEntry[] {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw new ConfigError(`TOKENS_FILE cannot be read: ${describeError(error).reason}`);
  }
  return parseTokens(text, "TOKENS_FILE");
}

/**
 * Reads the tokens again when `TOKENS_FILE` changes and on SIGHUP. What cannot be used changes nothing.
 * @returns what ends it.
 */
export function watchTokens(tokens: Tokens, config: Config, log: Logger): () => void {
  const { TOKENS_FILE } = config;
  // Without a file there is nothing that could have changed, and SIGHUP is a terminal that was closed.
  if (TOKENS_FILE === undefined) return () => {};
  const read = () => {
    try {
      tokens.replace(readTokens(config));
      log.info({ tokens: tokens.size }, "Reloaded the tokens");
    } catch (error) {
      log.error({ err: describeError(error) }, "The new tokens cannot be used: the old ones stay valid");
    }
  };
  watchFile(TOKENS_FILE, { interval: LOOK_EVERY_MS, persistent: false }, read);
  process.on("SIGHUP", read);
  return () => {
    unwatchFile(TOKENS_FILE, read);
    process.off("SIGHUP", read);
  };
}
