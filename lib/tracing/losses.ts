import type { Context } from "@opentelemetry/api";
import type { ReadableSpan, Span, SpanExporter, SpanProcessor } from "@opentelemetry/sdk-trace-base";
import type { Logger } from "pino";

/** What `OTEL_BSP_MAX_QUEUE_SIZE` is unless it is said, spans. */
const QUEUE_SIZE = 2_048;

/** What became of the spans. */
export type SpanFigures = {
  readonly sent: number;
  /** The queue was full, or the collector did not take them. */
  readonly lost: number;
};

type Export = Parameters<SpanExporter["export"]>;
/** 0: the collector has taken them. */
const SUCCESS = 0;

/** Counts what the collector takes and what not; the log hears of it when that changes. */
export class CountingExporter implements SpanExporter {
  sent = 0;
  refused = 0;
  readonly #exporter: SpanExporter;
  readonly #log: Logger;
  #failing = false;

  constructor(exporter: SpanExporter, log: Logger) {
    this.#exporter = exporter;
    this.#log = log;
  }

  export(spans: Export[0], done: Export[1]): void {
    this.#exporter.export(spans, (result) => {
      const ok = result.code === SUCCESS;
      if (ok) this.sent += spans.length;
      else this.refused += spans.length;
      if (this.#failing === ok) this.#tell(ok, result.error);
      this.#failing = !ok;
      done(result);
    });
  }

  forceFlush(): Promise<void> {
    return this.#exporter.forceFlush?.() ?? Promise.resolve();
  }

  shutdown(): Promise<void> {
    return this.#exporter.shutdown();
  }

  #tell(ok: boolean, error: Error | undefined): void {
    if (ok) this.#log.info("The collector takes traces again");
    else
      this.#log.warn(
        { reason: error?.message },
        "The collector does not take traces: they are lost until it does",
      );
  }
}

/** Bounds what waits, and counts what does not fit: the SDK's own processor drops it without a word. */
export class CountingProcessor implements SpanProcessor, SpanFigures {
  readonly #inner: SpanProcessor;
  readonly #exporter: CountingExporter;
  readonly #limit = Number(process.env.OTEL_BSP_MAX_QUEUE_SIZE) || QUEUE_SIZE;
  #taken = 0;
  #dropped = 0;

  constructor(inner: SpanProcessor, exporter: CountingExporter) {
    this.#inner = inner;
    this.#exporter = exporter;
  }

  get sent(): number {
    return this.#exporter.sent;
  }

  get lost(): number {
    return this.#dropped + this.#exporter.refused;
  }

  onStart(span: Span, parent: Context): void {
    this.#inner.onStart(span, parent);
  }

  onEnd(span: ReadableSpan): void {
    // What is on its way counts, too: it is in memory until the collector has answered.
    if (this.#taken - this.#exporter.sent - this.#exporter.refused >= this.#limit) {
      this.#dropped += 1;
      return;
    }
    this.#taken += 1;
    this.#inner.onEnd(span);
  }

  forceFlush(): Promise<void> {
    return this.#inner.forceFlush();
  }

  shutdown(): Promise<void> {
    return this.#inner.shutdown();
  }
}
