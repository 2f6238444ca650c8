import type { Logger } from "pino";
import type { Config } from "../config.ts";
import type { TimelineNode } from "../nodes/timeline-node.ts";
import type { LogIds } from "./log-ids.ts";
import type { SpanFigures } from "./losses.ts";

/** Traces of calls, where they are switched on. */
export type Tracing = {
  /** Traces one call. */
  watch(): TimelineNode;
  readonly figures: SpanFigures;
  /** Sends what waits, within a few seconds. */
  close(): Promise<void>;
};

/** Whether an endpoint is set and nothing says no. */
export function isTraced(config: Config): boolean {
  return urlOf(config) !== null && !config.OTEL_SDK_DISABLED && config.OTEL_TRACES_EXPORTER === "otlp";
}

/**
 * Traces by OpenTelemetry's SDK, which is loaded here and only where it is wanted: it costs a tenth of a second and 16 MB.
 * @param logIds told which trace a call's log lines belong to.
 */
export async function openTracing(config: Config, log: Logger, logIds: LogIds): Promise<Tracing | null> {
  const url = urlOf(config);
  if (url === null || !isTraced(config)) return null;
  const [{ Sdk }, { TraceNode }, { Content }] = await Promise.all([
    import("./sdk.ts"),
    import("./trace-node.ts"),
    import("./content.ts"),
  ]);
  const protocol = config.OTEL_EXPORTER_OTLP_TRACES_PROTOCOL ?? config.OTEL_EXPORTER_OTLP_PROTOCOL;
  const sdk = new Sdk({ url, protocol, log });
  const content = new Content(config.TRACE_TEXT);
  log.info({ collector: new URL(url).host, text: config.TRACE_TEXT }, "Every turn is traced");
  return {
    watch: () => new TraceNode({ writer: sdk, content, logIds }),
    figures: sdk.figures,
    close: () => sdk.close(),
  };
}

/** Where traces are posted; the address for all signals gets the path of this one. */
function urlOf(config: Config): string | null {
  const { OTEL_EXPORTER_OTLP_ENDPOINT: all, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: own } = config;
  return own ?? (all === undefined ? null : `${all.replace(/\/+$/, "")}/v1/traces`);
}
