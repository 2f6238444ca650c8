export type Attributes = Readonly<Record<string, string | number | boolean | string[]>>;

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

/** A first span that has been written, for its children. */
export type WrittenRoot = TraceIds & { readonly sampled: boolean };

/** Where spans go. */
export type SpanWriter = {
  newIds(): TraceIds;
  writeRoot(ids: TraceIds, span: FinishedSpan): WrittenRoot;
  writeChild(root: WrittenRoot, span: FinishedSpan): void;
};

/** Leaves out what is not known. */
export function known(
  attributes: Readonly<Record<string, string | number | boolean | string[] | null>>,
): Attributes {
  const entries = Object.entries(attributes).flatMap(([name, value]) =>
    value === null ? [] : [[name, value] as const],
  );
  return Object.fromEntries(entries);
}
