/*
 * Reads OTLP's protobuf encoding of traces into the shape of its JSON encoding. The numbers of the fields are those of
 * opentelemetry/proto/collector/trace/v1/trace_service.proto and the files it imports; other fields are passed over.
 */

type Field = { number: number; bytes: Buffer; value: bigint };

/** The fields of one message, in their order. */
function* fieldsOf(message: Buffer): Generator<Field, void> {
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = message.readUInt8(at);
      at += 1;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  const take = (length: number): Buffer => {
    at += length;
    return message.subarray(at - length, at);
  };
  while (at < message.length) {
    const tag = varint();
    const number = Number(tag >> 3n);
    const none = Buffer.alloc(0);
    switch (Number(tag & 7n)) {
      case 0:
        yield { number, bytes: none, value: varint() };
        break;
      case 1: {
        const bytes = take(8);
        yield { number, bytes, value: bytes.readBigUInt64LE() };
        break;
      }
      case 2:
        yield { number, bytes: take(Number(varint())), value: 0n };
        break;
      case 5: {
        const bytes = take(4);
        yield { number, bytes, value: BigInt(bytes.readUInt32LE()) };
        break;
      }
      default:
        throw new Error(`a field of an unknown kind at byte ${at}`);
    }
  }
}

function all(message: Buffer, wanted: number): Field[] {
  return [...fieldsOf(message)].filter(({ number }) => number === wanted);
}

const bytesOf = (message: Buffer, wanted: number) => all(message, wanted).map(({ bytes }) => bytes);
const textOf = (message: Buffer, wanted: number) => bytesOf(message, wanted)[0]?.toString() ?? "";
const hexOf = (message: Buffer, wanted: number) => bytesOf(message, wanted)[0]?.toString("hex");
const numberOf = (message: Buffer, wanted: number) => all(message, wanted)[0]?.value ?? 0n;

function anyValueOf(message: Buffer): object {
  for (const { number, bytes, value } of fieldsOf(message)) {
    if (number === 1) return { stringValue: bytes.toString() };
    if (number === 2) return { boolValue: value === 1n };
    if (number === 3) return { intValue: String(BigInt.asIntN(64, value)) };
    if (number === 4) return { doubleValue: bytes.readDoubleLE() };
    if (number === 5) return { arrayValue: { values: bytesOf(bytes, 1).map(anyValueOf) } };
  }
  return {};
}

const attributesOf = (message: Buffer, wanted: number) =>
  bytesOf(message, wanted).map((pair) => ({
    key: textOf(pair, 1),
    value: anyValueOf(bytesOf(pair, 2)[0] ?? Buffer.alloc(0)),
  }));

function spanOf(message: Buffer): object {
  const parentSpanId = hexOf(message, 4);
  const status = bytesOf(message, 15)[0] ?? Buffer.alloc(0);
  return {
    traceId: hexOf(message, 1),
    spanId: hexOf(message, 2),
    ...(parentSpanId ? { parentSpanId } : {}),
    name: textOf(message, 5),
    kind: Number(numberOf(message, 6)),
    startTimeUnixNano: String(numberOf(message, 7)),
    endTimeUnixNano: String(numberOf(message, 8)),
    attributes: attributesOf(message, 9),
    events: bytesOf(message, 11).map((event) => ({
      timeUnixNano: String(numberOf(event, 1)),
      name: textOf(event, 2),
      attributes: attributesOf(event, 3),
      droppedAttributesCount: Number(numberOf(event, 4)),
    })),
    droppedAttributesCount: Number(numberOf(message, 10)),
    droppedEventsCount: Number(numberOf(message, 12)),
    status: { message: textOf(status, 2), code: Number(numberOf(status, 3)) },
    flags: Number(numberOf(message, 16)),
  };
}

/** The body of `POST /v1/traces`. */
export function readSpans(body: Buffer): object {
  return {
    resourceSpans: bytesOf(body, 1).map((resourceSpans) => ({
      resource: { attributes: attributesOf(bytesOf(resourceSpans, 1)[0] ?? Buffer.alloc(0), 1) },
      scopeSpans: bytesOf(resourceSpans, 2).map((scopeSpans) => ({
        spans: bytesOf(scopeSpans, 2).map(spanOf),
      })),
    })),
  };
}
