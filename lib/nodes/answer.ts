import type { ChatCompletionMessageParam } from "openai/resources/chat/completions";
import type { ChatRequest, ChatStream } from "../llm/chat.ts";
import { readArguments, type ToolSet } from "../llm/tools.ts";
import type { AgentEvent, Draft } from "../wire/events.ts";
import type { Turn } from "./turn.ts";

/** Rounds of tool calls in one turn; then the model has to speak with what it has. */
export const MAX_TOOL_ROUNDS = 4;

export type AnswerOptions = {
  /** The request of this turn, already sent as `first`. */
  request: ChatRequest;
  first: ChatStream;
  /** Sends the request of a further round. */
  open: (request: ChatRequest) => ChatStream;
  tools: ToolSet;
  turn: Turn;
  /** Puts tool calls on the call's timeline. */
  publish: (event: Draft<AgentEvent>) => void;
  /** Whether a tool has just ended the agent's part, so that the model must not be asked again. */
  isDone: () => boolean;
};

/** Streams the model's answer, running the tools it calls in between. Throws {@link LlmError}. */
export async function* streamAnswer(options: AnswerOptions): AsyncGenerator<string, void, void> {
  const { tools, turn, publish, isDone } = options;
  let { request, first: stream } = options;
  for (let round = 1; ; round += 1) {
    let text = "";
    for await (const piece of stream) {
      text += piece;
      yield piece;
    }
    const calls = stream.toolCalls;
    if (calls.length === 0 || request.toolChoice === "none") return;
    const results = await tools.run(calls, { signal: turn.signal, turnId: turn.id }, publish);
    if (turn.over) return;
    const asked = {
      role: "assistant" as const,
      tool_calls: calls.map((call) => ({
        id: call.id,
        type: "function" as const,
        // Some servers parse what they are sent back, and would refuse the whole conversation over bad JSON.
        function: { name: call.name, arguments: JSON.stringify(readArguments(call)?.value ?? {}) },
      })),
    };
    // What was said before the call is part of the turn's spoken text, so the history does not say it again.
    turn.answer.usedTools([{ ...asked, content: null }, ...results]);
    if (isDone()) return;
    const messages: ChatCompletionMessageParam[] = [
      ...request.messages,
      { ...asked, content: text === "" ? null : text },
      ...results,
    ];
    request = { ...request, messages, toolChoice: round < MAX_TOOL_ROUNDS ? "auto" : "none" };
    stream = options.open(request);
    // Two rounds of speech are two sentences.
    if (text !== "" && !/\s$/.test(text)) yield " ";
  }
}
