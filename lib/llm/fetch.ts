import { Agent, type Dispatcher, request } from "undici";

/** A response whose body is a Node stream: the web streams of the built-in `fetch` cost more per chunk than all else. */
export class NodeResponse extends Response {
  readonly bytes: Dispatcher.ResponseData["body"];

  constructor(bytes: Dispatcher.ResponseData["body"], init: ResponseInit) {
    super(null, init);
    this.bytes = bytes;
  }

  override text = () => this.bytes.text();
  override json = () => this.bytes.json();
}

/**
 * A `fetch` for the `openai` client over connections of its own that are kept alive. It does what that client asks for:
 * a text body, headers, a signal that closes the connection, and a {@link NodeResponse} when all went well.
 */
export function createFetch(): typeof fetch {
  const dispatcher = new Agent();
  return async (url, init = {}) => {
    const { method = "GET", body, signal } = init;
    if (url instanceof Request || (typeof body !== "string" && body != null)) return fetch(url, init);
    const headers: Record<string, string> = { "accept-encoding": "identity" };
    new Headers(init.headers).forEach((value, name) => {
      headers[name] = value;
    });
    const answer = await request(url, { method, headers, body, signal, dispatcher });
    const response = { status: answer.statusCode, headers: flatten(answer.headers) };
    if (answer.statusCode < 300) return new NodeResponse(answer.body, response);
    if (answer.statusCode < 400) {
      // A redirect is rare; the built-in fetch knows how to follow it.
      await answer.body.dump();
      return fetch(url, init);
    }
    return new Response(await answer.body.text(), response);
  };
}

function flatten(headers: Dispatcher.ResponseData["headers"]): [string, string][] {
  return Object.entries(headers).flatMap(([name, value]) =>
    [value ?? []].flat().map((each): [string, string] => [name, each]),
  );
}
