import { embeddedFetch } from "../../lib/llm/embedded/fetch.ts";

/** The model that the server would ask if the rehearsal did not stand between. */
export type Upstream = (body: string, signal: AbortSignal) => Promise<Response>;

/** By `OPENAI_BASE_URL` and `OPENAI_API_KEY`; with neither, the embedded model. */
export function upstreamOf(env: Readonly<Record<string, string | undefined>>): Upstream {
  const { OPENAI_API_KEY: key, OPENAI_BASE_URL: base } = env;
  const request = (body: string, signal: AbortSignal, authorization?: string): RequestInit => ({
    method: "POST",
    body,
    signal,
    headers: { "content-type": "application/json", ...(authorization ? { authorization } : {}) },
  });
  if (!key && !base) {
    return (body, signal) =>
      embeddedFetch("http://embedded.invalid/v1/chat/completions", request(body, signal));
  }
  const url = `${(base ?? "https://api.openai.com/v1").replace(/\/$/, "")}/chat/completions`;
  return (body, signal) => fetch(url, request(body, signal, key ? `Bearer ${key}` : undefined));
}

/** The server-sent events of a body, each with the blank line that ends it. */
export async function* eventsOf(body: ReadableStream<Uint8Array>): AsyncGenerator<string, void, void> {
  const utf8 = new TextDecoder();
  let text = "";
  for await (const bytes of body) {
    text += utf8.decode(bytes, { stream: true });
    const events = text.split("\n\n");
    text = events.pop() ?? "";
    for (const event of events) yield `${event}\n\n`;
  }
  if (text !== "") yield text;
}
