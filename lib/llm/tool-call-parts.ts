import type { ChatCompletionChunk } from "openai/resources/chat/completions";
import { LlmError } from "../errors.ts";
import type { JsonObject } from "../wire/events.ts";

/** Tool calls that one answer may make; more are a model that has lost its way. */
const MAX_TOOL_CALLS = 16;

export type ToolCall = {
  id: string;
  name: string;
  /** As the model wrote them: JSON, one hopes. */
  arguments: string;
  /** What else the server has put into it and wants back with it, such as Gemini's signature of the thought. */
  extra: JsonObject;
};

export type ToolCallPart = ChatCompletionChunk.Choice.Delta.ToolCall;

/** The tool calls of one answer, put together from the parts in which a server sends them. */
export class ToolCallParts {
  readonly #calls = new Map<number, ToolCall>();

  get calls(): ToolCall[] {
    return [...this.#calls.values()];
  }

  /**
   * @returns how many characters the part has.
   * @throws {LlmError} when the calls have become too many.
   */
  add(part: ToolCallPart): number {
    // Some servers send no index and each call whole: then a part with an id begins a new call.
    const index = part.index ?? (part.id ? this.#calls.size : this.#calls.size - 1);
    const call = this.#calls.get(index) ?? { id: `call_${index}`, name: "", arguments: "", extra: {} };
    const { id, type: _type, index: _index, function: called, ...extra } = part;
    const name = called?.name ?? "";
    const args = argumentsOf(called?.arguments);
    if (id) call.id = id;
    if (name) call.name = name;
    call.arguments += args;
    Object.assign(call.extra, extra);
    this.#calls.set(index, call);
    if (this.#calls.size > MAX_TOOL_CALLS) {
      throw new LlmError("bad_stream", `the model calls more than ${MAX_TOOL_CALLS} tools in one answer`);
    }
    return (id ?? "").length + name.length + args.length + JSON.stringify(extra).length;
  }

  clear(): void {
    this.#calls.clear();
  }
}

/** JSON as a rule, with some servers the object itself, or null for none. */
function argumentsOf(given: unknown): string {
  if (typeof given === "string") return given;
  return given === null || given === undefined ? "" : JSON.stringify(given);
}
