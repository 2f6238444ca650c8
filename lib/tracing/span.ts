type AttributeValue = string | number | boolean | string[];
export type Attributes = Record<string, AttributeValue>;

export type SpanEvent = {
  name: string;
  /** Epoch, ms. */
  at: number;
  attributes: Attributes;
};

/** A span that is over; the times are epoch, ms. */
export type FinishedSpan = {
  name: string;
  kind: "internal" | "client";
  startedAt: number;
  endedAt: number;
  attributes: Attributes;
  events: readonly SpanEvent[];
  /** A word for what went wrong; null: nothing. */
  error: string | null;
};

/** A trace and its first span, as its log lines name them. */
export type TraceIds = { readonly traceId: string; readonly spanId: string };

/** Where spans go. */
export type SpanWriter = {
  newIds(): TraceIds;
  /** Writes the first span of a trace; what it returns writes its children. */
  writeRoot(ids: TraceIds, span: FinishedSpan): (child: FinishedSpan) => void;
};

/** Notes what is known. A span has a score of these: objects that are copied into one another would cost more than it. */
export function put(into: Attributes, name: string, value: AttributeValue | null): void {
  if (value !== null) into[name] = value;
}
