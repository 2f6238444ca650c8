import type OpenAI from "openai";
import { countWords } from "../../words.ts";
import type { ChatRequest } from "./chat-request.ts";
import type { Reply } from "./replies.ts";

type Completion = OpenAI.Chat.ChatCompletion;
type Chunk = OpenAI.Chat.ChatCompletionChunk;
type Choice = OpenAI.Chat.ChatCompletionChunk.Choice;
type Usage = OpenAI.CompletionUsage;

/** What the model in this process is called, on the record of calls, too. */
export const EMBEDDED_MODEL = "embedded";
let answers = 0;

/** The whole answer at once, in OpenAI's shape. */
export function completionOf(reply: Reply, request: ChatRequest): Completion {
  const id = nextId();
  const message: Completion["choices"][number]["message"] =
    reply.kind === "text"
      ? { role: "assistant", content: reply.text, refusal: null }
      : {
          role: "assistant",
          content: null,
          refusal: null,
          tool_calls: [{ id: callId(id), type: "function", function: functionOf(reply) }],
        };
  return {
    id,
    object: "chat.completion",
    created: now(),
    model: EMBEDDED_MODEL,
    choices: [{ index: 0, message, logprobs: null, finish_reason: finishReason(reply) }],
    usage: usageOf(reply, request),
  };
}

/** The answer as a stream's chunks: the role, one word after another or the tool call, the end, the usage. */
export function* chunksOf(reply: Reply, request: ChatRequest): Generator<Chunk, void> {
  const head = {
    id: nextId(),
    object: "chat.completion.chunk" as const,
    created: now(),
    model: EMBEDDED_MODEL,
  };
  const usage = request.includeUsage ? { usage: null } : {};
  const chunk = (delta: Choice["delta"], finish_reason: Choice["finish_reason"] = null): Chunk => ({
    ...head,
    choices: [{ index: 0, delta, logprobs: null, finish_reason }],
    ...usage,
  });

  if (reply.kind === "text") {
    yield chunk({ role: "assistant", content: "" });
    for (const word of reply.text.match(/\s*\S+/g) ?? []) yield chunk({ content: word });
  } else {
    const { name, arguments: json } = functionOf(reply);
    const call = {
      index: 0,
      id: callId(head.id),
      type: "function" as const,
      function: { name, arguments: "" },
    };
    yield chunk({ role: "assistant", content: null, tool_calls: [call] });
    yield chunk({ tool_calls: [{ index: 0, function: { arguments: json } }] });
  }
  yield chunk({}, finishReason(reply));
  if (request.includeUsage) yield { ...head, choices: [], usage: usageOf(reply, request) };
}

function functionOf(reply: Extract<Reply, { kind: "toolCall" }>): { name: string; arguments: string } {
  return { name: reply.name, arguments: JSON.stringify(reply.arguments) };
}

function finishReason(reply: Reply): "stop" | "tool_calls" {
  return reply.kind === "text" ? "stop" : "tool_calls";
}

/** Usage in words, not tokens: there is no tokenizer, and nothing is billed. */
function usageOf(reply: Reply, request: ChatRequest): Usage {
  const said = reply.kind === "text" ? reply.text : JSON.stringify(reply.arguments);
  const prompt_tokens = request.messages.reduce((words, message) => words + countWords(message.text), 0);
  const completion_tokens = countWords(said);
  return { prompt_tokens, completion_tokens, total_tokens: prompt_tokens + completion_tokens };
}

function nextId(): string {
  answers += 1;
  return `chatcmpl-embedded-${answers}`;
}

function callId(completionId: string): string {
  return completionId.replace("chatcmpl", "call");
}

function now(): number {
  return Math.floor(Date.now() / 1_000);
}
