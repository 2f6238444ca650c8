import { Agent, type Dispatcher } from "undici";
import { toOpenAiError } from "./complaint.ts";
import { ResponseBytes } from "./response-bytes.ts";

/** A response whose body is not a web stream: those of the built-in `fetch` cost more per chunk than all else. */
export class DirectResponse extends Response {
  readonly bytes: ResponseBytes;

  constructor(bytes: ResponseBytes, init: ResponseInit) {
    super(null, init);
    this.bytes = bytes;
  }

  override text = () => this.bytes.text();
  override json = async (): Promise<unknown> => JSON.parse(await this.bytes.text());
}

/**
 * A `fetch` for the `openai` client over connections of its own that are kept alive. It does what that client asks for:
 * a text body, headers, a signal that closes the connection, and a {@link DirectResponse} when all went well.
 */
export function createFetch(): typeof fetch {
  // Whoever asks has a time-out of his own, and these would be looked after with every piece that comes.
  const dispatcher = new Agent({ headersTimeout: 0, bodyTimeout: 0 });
  return async (url, init = {}) => {
    const { method = "GET", body, signal } = init;
    if (url instanceof Request || (typeof body !== "string" && body != null)) return fetch(url, init);
    const { origin, pathname, search } = new URL(url);
    const request = { origin, path: `${pathname}${search}`, method, headers: toFields(init.headers), body };
    const { status, headers, bytes } = await exchange(dispatcher, request, signal ?? null);
    if (status < 300) return new DirectResponse(bytes, { status, headers });
    if (status < 400) {
      // A redirect is rare; the built-in fetch knows how to follow it.
      await bytes.return();
      return fetch(url, init);
    }
    return new Response(toOpenAiError(await bytes.text()), { status, headers });
  };
}

type Answer = { status: number; headers: [string, string][]; bytes: ResponseBytes };

/** Resolves when the head of the answer is there. The signal ends the request and what is still to come of the answer. */
function exchange(
  dispatcher: Dispatcher,
  request: Dispatcher.DispatchOptions,
  signal: AbortSignal | null,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    let controller: Dispatcher.DispatchController | null = null;
    let bytes: ResponseBytes | null = null;
    const abort = () => {
      reject(signal?.reason);
      controller?.abort(signal?.reason);
    };
    const end = (error: Error | null) => {
      signal?.removeEventListener("abort", abort);
      bytes?.end(error);
    };
    signal?.addEventListener("abort", abort, { once: true });
    dispatcher.dispatch(request, {
      onRequestStart(begun) {
        controller = begun;
        // It has waited for a connection, and nobody for it.
        if (signal?.aborted) begun.abort(signal.reason);
      },
      onResponseStart(begun, status, fields) {
        // 1xx: the answer itself is still to come.
        if (status < 200) return;
        bytes = new ResponseBytes(begun);
        resolve({ status, headers: flatten(fields), bytes });
      },
      onResponseData: (_, data) => bytes?.push(data),
      onResponseEnd: () => end(null),
      onResponseError(_, error) {
        reject(error);
        end(error);
      },
    });
  });
}

function toFields(headers: RequestInit["headers"]): Record<string, string> {
  const fields: Record<string, string> = { "accept-encoding": "identity" };
  // The client has made them already, and copying them costs.
  const asked = headers instanceof Headers ? headers : new Headers(headers);
  asked.forEach((value, name) => {
    fields[name] = value;
  });
  return fields;
}

function flatten(fields: Record<string, string | string[] | undefined>): [string, string][] {
  return Object.entries(fields).flatMap(([name, value]) =>
    [value ?? []].flat().map((each): [string, string] => [name, each]),
  );
}
