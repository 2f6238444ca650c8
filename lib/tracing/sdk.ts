import {
  type Context,
  ROOT_CONTEXT,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from "@opentelemetry/api";
import { OTLPTraceExporter as JsonExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { OTLPExporterBase } from "@opentelemetry/otlp-exporter-base";
import {
  convertLegacyHttpOptions,
  createOtlpHttpExportDelegate,
} from "@opentelemetry/otlp-exporter-base/node-http";
import { TraceExporterMetricsHelper } from "@opentelemetry/otlp-transformer";
import {
  defaultResource,
  detectResources,
  envDetector,
  resourceFromAttributes,
} from "@opentelemetry/resources";
import {
  BasicTracerProvider,
  BatchSpanProcessor,
  type IdGenerator,
  RandomIdGenerator,
  type SpanExporter,
} from "@opentelemetry/sdk-trace-base";
import type { Logger } from "pino";
import { CountingExporter, CountingProcessor, type SpanFigures } from "./losses.ts";
import type { FinishedSpan, SpanWriter, TraceIds } from "./span.ts";
import { spanBytes } from "./span-bytes.ts";

/** How long what waits may take to leave when the server ends, ms; a collector that is down must not hold up an end. */
const CLOSE_TIMEOUT_MS = 3_000;

/** Of a moment, ms: Jaeger warns of spans that take no time. */
const SHORTEST_MS = 0.001;

export type SdkOptions = {
  /** Where spans are posted. */
  url: string;
  protocol: "http/protobuf" | "http/json";
  log: Logger;
};

/**
 * Spans by OpenTelemetry's SDK. Everything in its environment counts that is not said here: headers, time-outs,
 * compression, certificates, the sampler, limits, sizes of queue and batch, and the resource.
 */
export class Sdk implements SpanWriter {
  readonly figures: SpanFigures;
  readonly #provider: BasicTracerProvider;
  readonly #tracer: Tracer;
  readonly #ids = new PlannedIds();

  constructor({ url, protocol, log }: SdkOptions) {
    const counting = new CountingExporter(exporterOf(protocol, url), log);
    const processor = new CountingProcessor(new BatchSpanProcessor(counting), counting);
    this.figures = processor;
    this.#provider = new BasicTracerProvider({
      resource: defaultResource()
        .merge(resourceFromAttributes({ "service.name": "voice-agent-server" }))
        .merge(detectResources({ detectors: [envDetector] })),
      idGenerator: this.#ids,
      spanProcessors: [processor],
    });
    this.#tracer = this.#provider.getTracer("voice-agent-server");
  }

  newIds(): TraceIds {
    return this.#ids.plan();
  }

  writeRoot(ids: TraceIds, span: FinishedSpan): (child: FinishedSpan) => void {
    this.#ids.useNext(ids);
    const root = trace.setSpanContext(ROOT_CONTEXT, this.#write(span, ROOT_CONTEXT));
    return (child) => this.#write(child, root);
  }

  /** Sends what waits, and ends; within {@link CLOSE_TIMEOUT_MS}, whatever the collector does. */
  async close(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, CLOSE_TIMEOUT_MS);
    });
    // That it could not send is counted and logged where it is met.
    const closed = this.#provider.shutdown().catch(() => {});
    await Promise.race([closed, late]);
    clearTimeout(timer);
  }

  #write(span: FinishedSpan, parent: Context): SpanContext {
    const { name, kind, startedAt, endedAt, attributes, events, error } = span;
    const written = this.#tracer.startSpan(
      name,
      {
        kind: kind === "client" ? SpanKind.CLIENT : SpanKind.INTERNAL,
        startTime: timeOf(startedAt),
      },
      parent,
    );
    // Given with the rest they would be copied, and looked at, three times.
    written.setAttributes(attributes);
    for (const event of events) written.addEvent(event.name, event.attributes, timeOf(event.at));
    if (error !== null) written.setStatus({ code: SpanStatusCode.ERROR, message: error });
    written.end(timeOf(Math.max(endedAt, startedAt + SHORTEST_MS)));
    return written.spanContext();
  }
}

/** As the SDK's own exporters are made, but that protobuf is written by {@link spanBytes}. */
function exporterOf(protocol: SdkOptions["protocol"], url: string): SpanExporter {
  if (protocol === "http/json") return new JsonExporter({ url });
  const headers = { "Content-Type": "application/x-protobuf" };
  const options = convertLegacyHttpOptions({ url }, "TRACES", "v1/traces", headers);
  const metrics = TraceExporterMetricsHelper;
  return new OTLPExporterBase(
    createOtlpHttpExportDelegate(options, spanBytes, "otlp_http_span_exporter", metrics, undefined),
  );
}

/**
 * Seconds and nanoseconds, to the microsecond, as a number of today's milliseconds is no finer. A bare number might be
 * taken for a time since the process began.
 */
function timeOf(epochMs: number): [number, number] {
  return [Math.floor(epochMs / 1_000), Math.round((epochMs % 1_000) * 1_000) * 1_000];
}

/** Ids that are made before their span is. */
class PlannedIds implements IdGenerator {
  readonly #random = new RandomIdGenerator();
  #next: TraceIds | null = null;

  plan(): TraceIds {
    return { traceId: this.#random.generateTraceId(), spanId: this.#random.generateSpanId() };
  }

  /** The very next first span has these. */
  useNext(ids: TraceIds): void {
    this.#next = ids;
  }

  generateTraceId = (): string => {
    const traceId = this.#next?.traceId ?? this.#random.generateTraceId();
    this.#next = null;
    return traceId;
  };

  // It is asked for before the id of the trace.
  generateSpanId = (): string => this.#next?.spanId ?? this.#random.generateSpanId();
}
