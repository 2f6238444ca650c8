import { createHmac, timingSafeEqual } from "node:crypto";

/** Fields of a form; a name may occur several times. */
export type FormFields = Readonly<Record<string, string | readonly string[]>>;

/**
 * Whether a request carries Twilio's signature: base64 of HMAC-SHA1 over the URL and the sorted fields
 * (https://www.twilio.com/docs/usage/security). Senders differ in whether they sign the port, and for an upgrade the
 * scheme and the query: any of these texts will do, for a stranger can make none of them.
 * @param url as the sender was given it, never as a stranger's headers say.
 */
export function isSignedByTwilio(token: string, signature: string, url: string, fields: FormFields): boolean {
  const given = Buffer.from(signature);
  return [...textsToSign(url, fields)].some((text) => {
    const right = Buffer.from(createHmac("sha1", token).update(text).digest("base64"));
    return right.length === given.length && timingSafeEqual(right, given);
  });
}

function textsToSign(text: string, fields: FormFields): Set<string> {
  if (!URL.canParse(text)) return new Set();
  const url = new URL(text);
  const { username, password } = url;
  // As it was sent: a parsed URL writes some signs otherwise.
  const [, path = "", query = ""] = /^\w+:\/\/[^/?]*([^?]*)(.*)$/.exec(text) ?? [];
  const secure = url.protocol === "https:" || url.protocol === "wss:";
  const schemes = url.protocol.startsWith("ws") ? [secure ? "https" : "http"] : [];
  const ports = ["", secure ? ":443" : ":80", ...(url.port === "" ? [] : [`:${url.port}`])];
  const credentials = username === "" ? "" : `${username}${password === "" ? "" : `:${password}`}@`;
  const texts = new Set<string>();
  for (const scheme of [url.protocol.slice(0, -1), ...schemes]) {
    for (const port of ports) {
      const start = `${scheme}://${credentials}${url.hostname}${port}${path}`;
      texts.add(`${start}${query}${joined(fields)}`);
      if (query !== "") texts.add(`${start}${joined({ ...queryOf(url), ...fields })}`);
    }
  }
  return texts;
}

/** Every name with its value, in the order of the names; of several values each once, in their order. */
function joined(fields: FormFields): string {
  return Object.entries(fields)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) =>
      typeof value === "string"
        ? `${name}${value}`
        : [...new Set(value)]
            .sort()
            .map((one) => `${name}${one}`)
            .join(""),
    )
    .join("");
}

function queryOf({ searchParams }: URL): FormFields {
  return Object.fromEntries([...searchParams.keys()].map((name) => [name, searchParams.getAll(name)]));
}
