/** An attribute that is not there is left out. */
type Attributes = Readonly<Record<string, string | number | boolean | undefined>>;

/** A piece of TwiML that is finished: its texts are escaped. */
export type Twiml = { readonly xml: string };

/** An element with its attributes, and in it other elements and texts. */
export function element(name: string, attributes: Attributes, ...content: (Twiml | string)[]): Twiml {
  const given = Object.entries(attributes)
    .flatMap(([key, value]) => (value === undefined ? [] : [` ${key}="${escapeXml(String(value))}"`]))
    .join("");
  const inner = content.map((part) => (typeof part === "string" ? escapeXml(part) : part.xml)).join("");
  return { xml: inner === "" ? `<${name}${given}/>` : `<${name}${given}>${inner}</${name}>` };
}

/** A whole answer to one of the platform's webhooks. */
export function twimlResponse(...content: Twiml[]): string {
  return `<?xml version="1.0" encoding="UTF-8"?>${element("Response", {}, ...content).xml}`;
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&apos;",
};

function escapeXml(text: string): string {
  return (
    text
      .replace(/[&<>"']/g, (char) => ENTITIES[char] ?? char)
      // What XML cannot hold at all, and half a character.
      .replace(/[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu, "")
  );
}
