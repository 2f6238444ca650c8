import { isIPv6 } from "node:net";
import type { Actor } from "./tokens.ts";

/** Wrong tokens that one address may try in a minute. */
const MAX_WRONG = 20;
const WINDOW_MS = 60_000;
/** Addresses that are remembered; the oldest go first. */
const MAX_ADDRESSES = 10_000;

/**
 * Who tries wrong tokens. After too many of them an address has to wait, with any token that has not been right from
 * there before: so nobody can guess on, and those who share the address with a guesser go on undisturbed.
 */
export class Guesses {
  readonly #wrong = new Map<string, { count: number; since: number }>();
  readonly #right = new Map<string, true>();

  /** How long this address has to wait before such a token is looked at, s; 0 for not at all. */
  wait(address: string, actor: Actor | null): number {
    const known = this.#wrong.get(networkOf(address));
    if (!known || known.count < MAX_WRONG) return 0;
    if (actor && this.#right.has(keyOf(address, actor))) return 0;
    return Math.max(0, Math.ceil((known.since + WINDOW_MS - performance.now()) / 1_000));
  }

  /** @returns how many it has been from this address within a minute. */
  noteWrong(address: string): number {
    const network = networkOf(address);
    const now = performance.now();
    const before = this.#wrong.get(network);
    const known = before && now - before.since < WINDOW_MS ? before : { count: 0, since: now };
    known.count += 1;
    remember(this.#wrong, network, known);
    return known.count;
  }

  noteRight(address: string, actor: Actor): void {
    remember(this.#right, keyOf(address, actor), true);
  }
}

function keyOf(address: string, { name, role }: Actor): string {
  return `${networkOf(address)} ${role} ${name}`;
}

/** Who has one address of IPv6 has a whole network of them: its first 64 bits. */
function networkOf(address: string): string {
  if (!isIPv6(address) || address.startsWith("::ffff:")) return address;
  const [head = "", tail = ""] = address.split("::");
  const given = head.split(":").filter(Boolean);
  const missing = address.includes("::") ? 8 - given.length - tail.split(":").filter(Boolean).length : 0;
  return [...given, ...Array<string>(missing).fill("0"), ...tail.split(":")].slice(0, 4).join(":");
}

function remember<V>(map: Map<string, V>, key: string, value: V): void {
  map.delete(key);
  map.set(key, value);
  const [oldest] = map.keys();
  if (map.size > MAX_ADDRESSES && oldest !== undefined) map.delete(oldest);
}
