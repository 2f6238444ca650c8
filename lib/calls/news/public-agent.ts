import { lookup } from "node:dns";
import { isIP, type LookupFunction } from "node:net";
import { Agent, buildConnector } from "undici";
import { bare, isPrivateAddress, PrivateAddressError } from "./private-address.ts";

/**
 * Connections to the public internet alone. What is judged is the very address that is connected to, at the moment of
 * connecting, so a name that changes its address between a check and its use gains nothing.
 */
export function publicAgent(): Agent {
  const connect = buildConnector({ lookup: lookupPublic });
  return new Agent({
    connect(options, callback) {
      // A host that is an address already is not looked up.
      const host = bare(options.hostname);
      if (isIP(host) !== 0 && isPrivateAddress(host)) callback(new PrivateAddressError(host, host), null);
      else connect(options, callback);
    },
  });
}

const lookupPublic: LookupFunction = (host, options, callback) => {
  lookup(host, { ...options, all: true }, (error, found) => {
    const wrong = error ? undefined : found.find(({ address }) => isPrivateAddress(address));
    const [first] = found ?? [];
    if (error) callback(error, []);
    else if (wrong) callback(new PrivateAddressError(host, wrong.address), []);
    else if (options.all || !first) callback(null, found);
    else callback(null, first.address, first.family);
  });
};
