import { applyPolicy, type TextPolicy } from "../text-policy.ts";
import type { LogPayloads, RequestMessage } from "../wire/log-events.ts";
import { GEN_AI } from "./names.ts";
import { type Attributes, put } from "./span.ts";

/** Most characters of a request's messages that go into its span, the latest first: thousands of spans may wait. */
const MAX_INPUT_CHARS = 32_000;

type Request = LogPayloads["llm.request"];
type Part =
  | { type: "text"; content: string }
  | { type: "tool_call"; id: string; name: string; arguments: string }
  | { type: "tool_call_response"; id: string; response: string };

/** What a trace may hold of the words of a call, in the conventions' shape; empty where it may hold none. */
export class Content {
  readonly #policy: TextPolicy;

  constructor(policy: TextPolicy) {
    this.#policy = policy;
  }

  get isOff(): boolean {
    return this.#policy === "none";
  }

  /** What may be kept of a text; null: nothing. */
  text(text: string): string | null {
    return applyPolicy(text, this.#policy);
  }

  /** Adds what was heard and what was said in a turn. */
  addTurn(to: Attributes, heard: readonly string[], said: string, finish: string): void {
    if (this.isOff) return;
    const input = heard.map((text) => ({ role: "user", parts: [this.#part(text)] }));
    put(to, GEN_AI.inputMessages, input.length === 0 ? null : JSON.stringify(input));
    put(to, GEN_AI.outputMessages, said === "" ? null : JSON.stringify([this.#answer(said, [], finish)]));
  }

  /** @param said the model's words. */
  addRequest(to: Attributes, { messages, toolCalls, finishReason, usage }: Request, said: string): void {
    if (this.isOff) return;
    const system = messages
      .filter(({ role }) => role === "system")
      .map(({ content }) => this.#part(textOf(content)));
    const calls = toolCalls.map((call) => this.#call(call));
    put(to, GEN_AI.systemInstructions, system.length === 0 ? null : JSON.stringify(system));
    put(to, GEN_AI.inputMessages, JSON.stringify(this.#input(messages)));
    const finish = finishReason ?? (usage.outcome === "failed" ? "error" : usage.outcome);
    put(to, GEN_AI.outputMessages, JSON.stringify([this.#answer(said, calls, finish)]));
  }

  addTool(to: Attributes, args: unknown, result: string | null): void {
    if (this.isOff) return;
    put(to, GEN_AI.toolArguments, this.text(JSON.stringify(args) ?? "null"));
    put(to, GEN_AI.toolResult, result === null ? null : this.text(result));
  }

  #input(messages: readonly RequestMessage[]): object[] {
    const latest: object[] = [];
    let room = MAX_INPUT_CHARS;
    for (const message of messages.toReversed()) {
      if (message.role === "system") continue;
      const parts = this.#partsOf(message);
      room -= JSON.stringify(parts).length;
      if (room < 0) break;
      latest.push({ role: message.role, parts });
    }
    return latest.reverse();
  }

  #partsOf({ role, content, tool_calls = [], tool_call_id }: RequestMessage): Part[] {
    const text = textOf(content);
    if (role === "tool") {
      return [{ type: "tool_call_response", id: tool_call_id ?? "", response: this.text(text) ?? "" }];
    }
    return [
      ...(text === "" ? [] : [this.#part(text)]),
      ...tool_calls.map((call) => this.#call(readCall(call))),
    ];
  }

  #answer(said: string, calls: readonly Part[], finish_reason: string): object {
    const parts = [...(said === "" ? [] : [this.#part(said)]), ...calls];
    return { role: "assistant", parts, finish_reason };
  }

  #part(text: string): Part {
    return { type: "text", content: this.text(text) ?? "" };
  }

  #call(call: Request["toolCalls"][number]): Part {
    const { id, name } = call;
    return { type: "tool_call", id, name, arguments: this.text(call.arguments) ?? "" };
  }
}

function textOf(content: unknown): string {
  return typeof content === "string" ? content : "";
}

/** A call as it stands in a message that was sent. */
function readCall(call: unknown): Request["toolCalls"][number] {
  const field = (of: unknown, name: string): unknown =>
    typeof of === "object" && of !== null ? Reflect.get(of, name) : undefined;
  const called = field(call, "function");
  return {
    id: String(field(call, "id") ?? ""),
    name: String(field(called, "name") ?? ""),
    arguments: String(field(called, "arguments") ?? ""),
  };
}
