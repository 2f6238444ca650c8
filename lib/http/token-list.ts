import { ConfigError } from "../errors.ts";
import { isRole, ROLE_NAMES, type Role } from "./roles.ts";

export type TokenEntry = { readonly role: Role; readonly name: string; readonly token: string };

/** Shortest token of a list, characters: as many as 64 bits in hex. */
const MIN_TOKEN_CHARS = 16;
const entry = /^(\S+)\s+([\w.@-]{1,64})\s+(\S+)$/;

/**
 * Reads a list of tokens: `role name token`, one a line or separated by commas; what follows a # is a remark.
 * Two tokens may have one name, while one takes the other's place.
 * @param where what the list is called, for the message; no token is ever part of that.
 * @throws {ConfigError} naming the entry that is wrong.
 */
export function parseTokens(text: string, where: string): TokenEntry[] {
  const lines = text.replaceAll(/#.*$/gm, "").split(/[\n,]/);
  const entries = lines.map((line) => line.trim()).filter((line) => line !== "");
  return entries.map((line, index) => {
    const [, role = "", name = "", token = ""] = entry.exec(line) ?? [];
    const at = `${where}, entry ${index + 1}`;
    if (token === "") throw new ConfigError(`${at}: expected \`role name token\``);
    if (!isRole(role)) throw new ConfigError(`${at} (${name}): the role must be one of ${ROLE_NAMES}`);
    if (token.length < MIN_TOKEN_CHARS) {
      const how = "e.g. of `openssl rand -hex 24`";
      throw new ConfigError(`${at} (${name}): use at least ${MIN_TOKEN_CHARS} characters, ${how}`);
    }
    return { role, name, token };
  });
}
