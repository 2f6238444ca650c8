import { StringDecoder } from "node:string_decoder";
import { LlmError } from "../errors.ts";

/** Longest event, characters: a server may send the arguments of a tool call in one, and nothing longer. */
const MAX_EVENT_CHARS = 1024 * 1024;

/**
 * Takes server-sent events apart as their bytes come, wherever they are cut
 * (https://html.spec.whatwg.org/multipage/server-sent-events.html). Only `data` is of interest here.
 */
export class SseParser {
  readonly #decoder = new StringDecoder("utf8");
  /** The beginning of a line whose end has not come. */
  #rest = "";
  #data: string | null = null;
  #endedInCr = false;

  /**
   * The data of every event that these bytes complete.
   * @throws {LlmError} of kind `bad_stream` when an event has no end.
   */
  push(bytes: Uint8Array): string[] {
    const text = this.#rest + this.#lineFeedsOnly(this.#decoder.write(bytes));
    const complete: string[] = [];
    let from = 0;
    for (let to = text.indexOf("\n"); to >= 0; to = text.indexOf("\n", from)) {
      if (to > from) this.#takeLine(text, from, to);
      else if (this.#data !== null) {
        complete.push(this.#data);
        this.#data = null;
      }
      from = to + 1;
    }
    this.#rest = text.slice(from);
    if (this.#rest.length + (this.#data?.length ?? 0) > MAX_EVENT_CHARS) {
      throw new LlmError("bad_stream", "the model sends an event that has no end");
    }
    return complete;
  }

  #takeLine(text: string, from: number, to: number): void {
    if (!text.startsWith("data", from)) return;
    let begin = from + "data".length;
    if (begin < to) {
      if (text[begin] !== ":") return;
      begin += text[begin + 1] === " " ? 2 : 1;
    }
    const value = text.slice(begin, to);
    this.#data = this.#data === null ? value : `${this.#data}\n${value}`;
  }

  /** A line may end in CR LF, LF or CR, and CR LF may be cut in two. */
  #lineFeedsOnly(text: string): string {
    if (text === "") return text;
    const fresh = this.#endedInCr && text.startsWith("\n") ? text.slice(1) : text;
    this.#endedInCr = text.endsWith("\r");
    return fresh.includes("\r") ? fresh.replace(/\r\n?/g, "\n") : fresh;
  }
}
