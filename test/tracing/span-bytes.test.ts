import assert from "node:assert/strict";
import { test } from "node:test";
import { type Attributes, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { ProtobufTraceSerializer } from "@opentelemetry/otlp-transformer";
import { resourceFromAttributes } from "@opentelemetry/resources";
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from "@opentelemetry/sdk-trace-base";
import { spanBytes } from "../../lib/tracing/span-bytes.ts";
import { readSpans } from "../support/otlp-protobuf.ts";
import { fc } from "../support/property.ts";

// Lengths at which protobuf needs one more byte to say them, and where a text is no longer copied letter by letter.
const lengths = fc.constantFrom(0, 1, 47, 48, 49, 126, 127, 128, 129, 16_382, 16_383, 16_384);
const text = fc.oneof(
  { weight: 8, arbitrary: fc.string({ unit: "grapheme" }) },
  { weight: 4, arbitrary: fc.string({ unit: "binary-ascii" }) },
  { weight: 1, arbitrary: lengths.map((length) => "x".repeat(length)) },
  { weight: 1, arbitrary: lengths.map((length) => "ü".repeat(length)) },
);
const value = fc.oneof(
  text,
  fc.boolean(),
  fc.maxSafeInteger(),
  fc.double({ noInteger: true }),
  fc.array(text, { maxLength: 3 }),
);
const attributeName = fc.string({ unit: "grapheme" }).map((rest) => `a.${rest}`);
const attributes: fc.Arbitrary<Attributes> = fc.dictionary(attributeName, value, { maxKeys: 8 });
const seconds = fc.integer({ min: 0, max: 4_000_000_000 });
const time = fc.tuple(seconds, fc.integer({ min: 0, max: 999_999_999 }));
const span = fc.record({
  name: text,
  kind: fc.constantFrom(SpanKind.INTERNAL, SpanKind.CLIENT),
  startTime: time,
  endTime: time,
  attributes,
  events: fc.array(fc.record({ name: text, attributes, time }), { maxLength: 4 }),
  error: fc.option(text),
  isChild: fc.boolean(),
});

const provider = (exporter: InMemorySpanExporter, resource: Attributes) =>
  new BasicTracerProvider({
    resource: resourceFromAttributes(resource),
    spanLimits: { attributeCountLimit: 6, eventCountLimit: 3, attributePerEventCountLimit: 4 },
    spanProcessors: [new SimpleSpanProcessor(exporter)],
  });

const read = (bytes: Uint8Array | undefined) => readSpans(Buffer.from(bytes ?? []));

test("spans are written as the SDK's own serializer writes them", () => {
  fc.assert(
    fc.property(fc.array(span, { minLength: 1, maxLength: 5 }), attributes, (drafts, resource) => {
      const exporter = new InMemorySpanExporter();
      const tracer = provider(exporter, resource).getTracer("tests");
      const parent = trace.setSpan(ROOT_CONTEXT, tracer.startSpan("parent"));
      for (const { name, kind, startTime, endTime, isChild, ...rest } of drafts) {
        const written = tracer.startSpan(name, { kind, startTime }, isChild ? parent : ROOT_CONTEXT);
        written.setAttributes(rest.attributes);
        for (const event of rest.events) written.addEvent(event.name, event.attributes, event.time);
        if (rest.error !== null) written.setStatus({ code: SpanStatusCode.ERROR, message: rest.error });
        written.end(endTime);
      }
      assertSame(exporter.getFinishedSpans(), drafts.length);
    }),
    { numRuns: 100 },
  );
});

test("and so is a span with megabytes of words", () => {
  const exporter = new InMemorySpanExporter();
  const written = provider(exporter, {}).getTracer("tests").startSpan("long");
  written.setAttribute("words", "word ".repeat(500_000));
  written.end();
  assertSame(exporter.getFinishedSpans(), 1);
});

test("of no spans nothing is sent", () => {
  assert.equal(spanBytes.serializeRequest([]), undefined);
});

function assertSame(spans: ReadableSpan[], count: number): void {
  assert.equal(spans.length, count);
  assert.deepEqual(
    read(spanBytes.serializeRequest(spans)),
    read(ProtobufTraceSerializer.serializeRequest(spans)),
  );
}
