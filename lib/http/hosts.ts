import type { IncomingHttpHeaders } from "node:http";
import { isIP } from "node:net";

/** What a proxy adds: then the address of the connection is the proxy's and says nothing about who asks. */
const PROXY_HEADERS = ["forwarded", "x-forwarded-for", "x-real-ip", "via"];

/** Whether a connection comes from this machine. */
export function isLocal(address: string, headers: IncomingHttpHeaders): boolean {
  return (
    isLoopback(address.replace(/^::ffff:/, "")) && PROXY_HEADERS.every((name) => headers[name] === undefined)
  );
}

export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || host.startsWith("127.");
}

/**
 * Whether a `Host` header can only mean this server: an address, a name of this machine, or one of `allowed`. A page
 * of any other name may be a stranger's who has let that name point here (DNS rebinding).
 */
export function isOwnHost(host: string | undefined, allowed: readonly string[]): boolean {
  // Browsers always send one.
  if (host === undefined) return true;
  if (!URL.canParse(`http://${host}`)) return false;
  const name = new URL(`http://${host}`).hostname.replace(/\.$/, "");
  const isAddress = isIP(name.replace(/^\[(.*)\]$/, "$1")) !== 0;
  return isAddress || name === "localhost" || name.endsWith(".localhost") || allowed.includes(name);
}
