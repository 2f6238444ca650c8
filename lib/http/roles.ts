/**
 * What somebody may do: open calls, read what was and is said, speak with a caller in the agent's place, steer a running
 * call (whisper, mute, transfer, end), review calls (correct verdicts, score, write notes), delete and export, read
 * /metrics.
 */
export type Right = "call" | "read" | "speak" | "steer" | "review" | "manage" | "metrics";

/**
 * What a route asks of a request: a right; `any` for any token at all; `public` for none, which is for what holds no
 * data, such as the shell of a page.
 */
export type Access = Right | "any" | "public";

/** Who there is, and what each may do. */
const RIGHTS = {
  caller: ["call"],
  viewer: ["read"],
  agent: ["read", "speak"],
  supervisor: ["read", "speak", "steer", "review"],
  admin: ["call", "read", "speak", "steer", "review", "manage", "metrics"],
  scraper: ["metrics"],
} as const satisfies Record<string, readonly Right[]>;

export type Role = keyof typeof RIGHTS;

export function isRole(text: string): text is Role {
  return Object.hasOwn(RIGHTS, text);
}

export function hasRight(role: Role, right: Right): boolean {
  const rights: readonly Right[] = RIGHTS[role];
  return rights.includes(right);
}

/** The roles that have a right, for a person to read: `viewer, supervisor, or admin`. */
export function rolesWith(right: Right): string {
  const roles = Object.keys(RIGHTS).filter((role) => isRole(role) && hasRight(role, right));
  return new Intl.ListFormat("en", { type: "disjunction" }).format(roles);
}

/** All roles, for a person to read. */
export const ROLE_NAMES = Object.keys(RIGHTS).join(", ");
