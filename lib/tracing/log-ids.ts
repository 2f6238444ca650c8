import type { TraceIds } from "./span.ts";

/** Which trace the log lines of a call belong to, by the call's logger. */
export class LogIds {
  readonly #ids = new WeakMap<object, { trace_id: string; span_id: string }>();

  set(log: object, { traceId, spanId }: TraceIds): void {
    this.#ids.set(log, { trace_id: traceId, span_id: spanId });
  }

  /** What a line of this logger says besides its own; empty where it belongs to no turn. */
  of(log: object): { trace_id?: string; span_id?: string } {
    return this.#ids.get(log) ?? {};
  }
}
