/** What a field's bytes are, by the three lowest bits of its tag. */
const VARINT = 0;
const FIXED64 = 1;
const LENGTH = 2;
const FIXED32 = 5;

/** Longest text that is copied letter by letter: a call of the runtime's encoder costs as much as so many letters. */
const SHORT = 48;

/** Writes protobuf (https://protobuf.dev/programming-guides/encoding): every value behind the number of its field. */
export class ProtobufWriter {
  #bytes: Buffer;
  #at = 0;

  /** @param size about how much will be written, bytes. */
  constructor(size: number) {
    this.#bytes = Buffer.allocUnsafe(size);
  }

  /** What was written. */
  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#at);
  }

  /** Begins a message within this one; what comes next belongs to it, until `close` is given what this returns. */
  open(field: number): number {
    this.#tag(field, LENGTH, 1);
    this.#at += 1;
    return this.#at;
  }

  /** Its length is known now. One byte was left for it; most need no more. */
  close(start: number): void {
    const length = this.#at - start;
    if (length < 0x80) {
      this.#bytes[start - 1] = length;
      return;
    }
    const more = length < 0x4000 ? 1 : length < 0x200000 ? 2 : length < 0x10000000 ? 3 : 4;
    this.#room(more);
    this.#bytes.copyWithin(start + more, start, this.#at);
    this.#at = start - 1;
    this.#number(length);
    this.#at += length;
  }

  text(field: number, value: string): void {
    // A letter takes three bytes at most.
    this.#tag(field, LENGTH, 1 + 3 * value.length);
    const start = this.#at + 1;
    const short = value.length <= SHORT ? this.#ascii(value, start) : -1;
    this.#at = start + (short < 0 ? this.#bytes.write(value, start) : short);
    this.close(start);
  }

  hex(field: number, value: string): void {
    this.#tag(field, LENGTH, 1 + value.length);
    this.#bytes[this.#at] = value.length / 2;
    this.#at += 1 + this.#bytes.write(value, this.#at + 1, "hex");
  }

  /** @param value a whole number. */
  varint(field: number, value: number): void {
    this.#tag(field, VARINT, 10);
    if (value >= 0) this.#number(value);
    else this.#negative(value);
  }

  double(field: number, value: number): void {
    this.#tag(field, FIXED64, 8);
    this.#at = this.#bytes.writeDoubleLE(value, this.#at);
  }

  fixed64(field: number, value: bigint): void {
    this.#tag(field, FIXED64, 8);
    this.#at = this.#bytes.writeBigUInt64LE(value, this.#at);
  }

  fixed32(field: number, value: number): void {
    this.#tag(field, FIXED32, 4);
    this.#at = this.#bytes.writeUInt32LE(value, this.#at);
  }

  /** The tag of a field, and room for it and so many bytes after it. */
  #tag(field: number, type: number, bytes: number): void {
    this.#room(5 + bytes);
    this.#number((field << 3) | type);
  }

  #room(bytes: number): void {
    const needed = this.#at + bytes;
    if (needed <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe(2 * needed);
    larger.set(this.#bytes.subarray(0, this.#at));
    this.#bytes = larger;
  }

  /** Seven bits a byte, the lowest first. */
  #number(value: number): void {
    let left = value;
    while (left > 0x7f) {
      this.#bytes[this.#at++] = (left % 0x80) | 0x80;
      left = Math.floor(left / 0x80);
    }
    this.#bytes[this.#at++] = left;
  }

  /** Ten bytes: the two's complement of 64 bits. */
  #negative(value: number): void {
    let left = BigInt.asUintN(64, BigInt(value));
    for (; left > 0x7fn; left >>= 7n) this.#bytes[this.#at++] = Number(left & 0x7fn) | 0x80;
    this.#bytes[this.#at++] = Number(left);
  }

  /** @returns how many bytes were written; −1: not all of the text is ASCII. */
  #ascii(value: string, start: number): number {
    const bytes = this.#bytes;
    for (let index = 0; index < value.length; index += 1) {
      const code = value.charCodeAt(index);
      if (code > 0x7f) return -1;
      bytes[start + index] = code;
    }
    return value.length;
  }
}
