import { EventEmitter, once } from "node:events";
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from "node:http";
import { buffer } from "node:stream/consumers";
import { gunzipSync } from "node:zlib";
import { z } from "zod";
import { readSpans } from "./otlp-protobuf.ts";

const valueSchema = z.looseObject({
  stringValue: z.string().optional(),
  boolValue: z.boolean().optional(),
  intValue: z.union([z.number(), z.string()]).optional(),
  doubleValue: z.number().optional(),
  arrayValue: z.object({ values: z.array(z.looseObject({ stringValue: z.string() })) }).optional(),
});
const attributesSchema = z
  .array(z.object({ key: z.string(), value: valueSchema }))
  .transform((list) => Object.fromEntries(list.map(({ key, value }) => [key, plain(value)])));
const nano = z.union([z.string(), z.number()]).transform((value) => Number(BigInt(value) / 1_000n) / 1_000);
const spanSchema = z.looseObject({
  traceId: z.string(),
  spanId: z.string(),
  parentSpanId: z.string().optional(),
  name: z.string(),
  /** 1: internal, 3: client. */
  kind: z.number(),
  /** Epoch, ms. */
  startTimeUnixNano: nano,
  endTimeUnixNano: nano,
  attributes: attributesSchema,
  events: z
    .array(z.looseObject({ name: z.string(), timeUnixNano: nano, attributes: attributesSchema }))
    .default([]),
  /** 2: error. */
  status: z.looseObject({ code: z.number().default(0) }).default({ code: 0 }),
});
const requestSchema = z.object({
  resourceSpans: z.array(
    z.looseObject({
      resource: z.looseObject({ attributes: attributesSchema }),
      scopeSpans: z.array(z.looseObject({ spans: z.array(spanSchema) })),
    }),
  ),
});

export type Attribute = string | number | boolean | string[] | undefined;
export type OtlpSpan = z.output<typeof spanSchema> & { resource: Record<string, Attribute> };

/** A span is awaited for so long, ms: a hang, not a delay. */
const GUARD_MS = 60_000;

/** Takes spans as a collector does, over HTTP, in both of OTLP's encodings. */
export class OtlpReceiver {
  /** For OTEL_EXPORTER_OTLP_ENDPOINT. */
  readonly endpoint: string;
  readonly spans: OtlpSpan[] = [];
  readonly requests: { path: string; headers: IncomingHttpHeaders; bytes: number }[] = [];
  /** How it answers: takes them, refuses them, or never answers. */
  mode: "well" | "refuses" | "hangs" = "well";
  readonly #changes = new EventEmitter();
  readonly #stop: () => Promise<void>;

  private constructor(endpoint: string, stop: () => Promise<void>) {
    this.endpoint = endpoint;
    this.#stop = stop;
    this.#changes.setMaxListeners(0);
  }

  static async start(): Promise<OtlpReceiver> {
    const server = createServer((request, response) => void receiver.#take(request, response));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("the receiver has no TCP port");
    const receiver = new OtlpReceiver(`http://127.0.0.1:${address.port}`, async () => {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    });
    return receiver;
  }

  /** The first span that is so; awaited if it has not come. @throws after a minute. */
  async span(what: string, matches: (span: OtlpSpan) => boolean): Promise<OtlpSpan> {
    const guard = AbortSignal.timeout(GUARD_MS);
    for (;;) {
      const found = this.spans.find(matches);
      if (found) return found;
      await once(this.#changes, "change", { signal: guard }).catch(() => {
        throw new Error(`no span ${what}; there are: ${this.spans.map(({ name }) => name).join(", ")}`);
      });
    }
  }

  /** Resolves when a request has come. */
  async request(): Promise<void> {
    if (this.requests.length === 0)
      await once(this.#changes, "change", { signal: AbortSignal.timeout(GUARD_MS) });
  }

  close(): Promise<void> {
    return this.#stop();
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const sent = await buffer(request);
    const { headers, url = "" } = request;
    this.requests.push({ path: url, headers, bytes: sent.length });
    if (this.mode === "well") {
      const body = headers["content-encoding"] === "gzip" ? gunzipSync(sent) : sent;
      const isJson = headers["content-type"] === "application/json";
      const { resourceSpans } = requestSchema.parse(isJson ? JSON.parse(body.toString()) : readSpans(body));
      for (const { resource, scopeSpans } of resourceSpans) {
        for (const { spans } of scopeSpans) {
          this.spans.push(...spans.map((span) => ({ ...span, resource: resource.attributes })));
        }
      }
      response.writeHead(200, { "content-type": headers["content-type"] }).end(isJson ? "{}" : undefined);
    } else if (this.mode === "refuses") {
      response.writeHead(400).end();
    }
    this.#changes.emit("change");
  }
}

function plain(value: z.output<typeof valueSchema>): Attribute {
  const { stringValue, boolValue, intValue, doubleValue, arrayValue } = value;
  if (intValue !== undefined) return Number(intValue);
  return stringValue ?? boolValue ?? doubleValue ?? arrayValue?.values.map((each) => each.stringValue);
}
