import { BlockList, isIP } from "node:net";
import { AgentServerError } from "../../errors.ts";

/** Everything that is not the public internet: IANA's special-purpose registries of IPv4 and IPv6, and multicast. */
const PRIVATE = listOf("ipv4", [
  "0.0.0.0/8",
  "10.0.0.0/8",
  "100.64.0.0/10",
  "127.0.0.0/8",
  "169.254.0.0/16",
  "172.16.0.0/12",
  "192.0.0.0/24",
  "192.0.2.0/24",
  "192.88.99.0/24",
  "192.168.0.0/16",
  "198.18.0.0/15",
  "198.51.100.0/24",
  "203.0.113.0/24",
  "224.0.0.0/4",
  "240.0.0.0/4",
]);
/** A list of its own: one that holds mapped IPv4 addresses takes every IPv4 address for one of them. */
const PRIVATE_6 = listOf("ipv6", [
  "::/96",
  "64:ff9b:1::/48",
  "100::/64",
  "2001::/23",
  "2001:db8::/32",
  "3fff::/20",
  "fc00::/7",
  "fe80::/10",
  "fec0::/10",
  "ff00::/8",
  // An IPv4 address within an IPv6 one: a way round every range above.
  "::ffff:0:0/96",
  "64:ff9b::/96",
  "2002::/16",
]);

function listOf(family: "ipv4" | "ipv6", ranges: readonly string[]): BlockList {
  const list = new BlockList();
  for (const range of ranges) {
    const [address = "", bits] = range.split("/");
    list.addSubnet(address, Number(bits), family);
  }
  return list;
}

/** A receiver is on this machine or in a private network, and that was not allowed. */
export class PrivateAddressError extends AgentServerError {
  readonly code = "private_address";

  constructor(host: string, address: string) {
    const where = host === address ? host : `${host} is ${address}, and that`;
    super(
      `${where} is a private address: set WEBHOOK_ALLOW_PRIVATE=true if the receiver is meant to be there`,
    );
  }
}

/** Whether an IP address is loopback, of a private network, or otherwise not of the public internet. */
export function isPrivateAddress(address: string): boolean {
  const family = isIP(address);
  if (family === 6) return PRIVATE_6.check(address, "ipv6");
  return family === 0 || PRIVATE.check(address, "ipv4");
}

/** Throws {@link PrivateAddressError} if the host of an address, as it is written there, is private. No name is looked up. */
export function refusePrivateHost(url: string): void {
  const host = bare(new URL(url).hostname);
  const isLocal = host === "localhost" || host.endsWith(".localhost");
  if (isLocal) throw new PrivateAddressError(host, host);
  if (isIP(host) !== 0 && isPrivateAddress(host)) throw new PrivateAddressError(host, host);
}

/** The host of an address without the brackets of IPv6 and the dot of a full name. */
export function bare(hostname: string): string {
  return hostname.replace(/^\[|\]$/g, "").replace(/\.$/, "");
}
