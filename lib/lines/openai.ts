import { z } from "zod";
import type { EventOf } from "../wire/events.ts";
import { MAX_REQUEST_MESSAGES } from "../wire/events.ts";
import type { HistoryItem } from "./history.ts";

/*
 * The wire of chat completions, as far as a caller's conversation needs it:
 * https://platform.openai.com/docs/api-reference/chat
 */

/** The one model there is: the agent. */
export const MODEL = "voice-agent";

const text = z.string();
const content = z
  .union([
    text,
    z
      .array(z.looseObject({ text: text.optional() }))
      .transform((parts) => parts.map((part) => part.text ?? "").join("")),
  ])
  .nullish();

const toolSchema = z.looseObject({
  function: z.looseObject({
    name: text,
    parameters: z
      .looseObject({
        properties: z.record(text, z.looseObject({ enum: z.array(z.unknown()).optional() })).default({}),
      })
      .nullish(),
  }),
});
export type RequestTool = z.output<typeof toolSchema>;

const party = z.looseObject({ number: text.nullish() }).nullish();

export const chatRequest = z.looseObject({
  model: text.default(MODEL),
  messages: z
    .array(z.looseObject({ role: text, content }))
    .min(1)
    .max(MAX_REQUEST_MESSAGES),
  stream: z.boolean().nullish(),
  stream_options: z.looseObject({ include_usage: z.boolean().nullish() }).nullish(),
  tools: z.array(toolSchema).nullish().catch(null),
  user: text.nullish(),
  // Where platforms say which call it is.
  call: z.looseObject({ id: text.nullish(), customer: party }).nullish().catch(null),
  customer: party.catch(null),
  metadata: z.looseObject({ call_id: text.nullish() }).nullish().catch(null),
  elevenlabs_extra_body: z.looseObject({ call_id: text.nullish() }).nullish().catch(null),
});
export type ChatRequest = z.output<typeof chatRequest>;

/** The call a request belongs to, or null if it does not say. @param header of `x-call-id`. */
export function callIdOf(request: ChatRequest, header: string | null): string | null {
  const { call, metadata, elevenlabs_extra_body: extra, user } = request;
  return header ?? call?.id ?? metadata?.call_id ?? extra?.call_id ?? user ?? null;
}

export function callerNumberOf({ call, customer }: ChatRequest): string | null {
  return customer?.number ?? call?.customer?.number ?? null;
}

/** What both sides have said; prompts and tools are of no concern to our agent, which has its own. */
export function conversationOf({ messages }: ChatRequest): HistoryItem[] {
  return messages.flatMap(({ role, content: words }): HistoryItem[] => {
    if ((role !== "user" && role !== "assistant") || !words) return [];
    return [{ role: role === "user" ? "user" : "agent", content: words }];
  });
}

export type HandOff = EventOf<"agent.end_call"> | EventOf<"agent.transfer_call">;
export type ToolCall = { id: string; type: "function"; function: { name: string; arguments: string } };

const TRANSFER_TOOL = /transfer|hand_?off|forward/i;
const END_TOOL = /end_?call|hang_?up|end_?conversation/i;

/** The call of the request's own tool that does what the agent has decided; null if the request has none for it. */
export function toolCallFor(handOff: HandOff, tools: readonly RequestTool[], id: string): ToolCall | null {
  const wanted = handOff.type === "agent.end_call" ? END_TOOL : TRANSFER_TOOL;
  const tool = tools.find(({ function: { name } }) => wanted.test(name));
  if (!tool) return null;
  const { name, parameters } = tool.function;
  const args = Object.entries(parameters?.properties ?? {}).flatMap(([key, property]) => {
    const value = argumentFor(key, property.enum ?? null, handOff);
    return value === null ? [] : [[key, value] as const];
  });
  return { id, type: "function", function: { name, arguments: JSON.stringify(Object.fromEntries(args)) } };
}

function argumentFor(key: string, choices: readonly unknown[] | null, handOff: HandOff): string | null {
  const value = valueFor(key, handOff);
  if (value === null || !choices || choices.includes(value)) return value;
  const [first] = choices;
  return typeof first === "string" ? first : null;
}

function valueFor(key: string, handOff: HandOff): string | null {
  if (handOff.type === "agent.end_call") return /reason/i.test(key) ? "The conversation is over." : null;
  if (/destination|number|phone/i.test(key)) return handOff.transferCallNumber;
  const briefing =
    handOff.transferOptions.privateHandoffOption?.prompt ?? "The caller is to speak with a supervisor.";
  return /reason|summary|briefing|agent_message/i.test(key) ? briefing : null;
}

export type Usage = { prompt_tokens: number; completion_tokens: number; total_tokens: number };

/** What does not change from one piece of an answer to the next. */
export type Completion = { id: string; model: string; created: number };

export function chunk({ id, model, created }: Completion, delta: object, finish: string | null): string {
  const choices = [{ index: 0, delta, finish_reason: finish, logprobs: null }];
  return `data: ${JSON.stringify({ id, object: "chat.completion.chunk", created, model, choices })}\n\n`;
}

export function usageChunk({ id, model, created }: Completion, usage: Usage): string {
  return `data: ${JSON.stringify({ id, object: "chat.completion.chunk", created, model, choices: [], usage })}\n\n`;
}

export function whole(
  { id, model, created }: Completion,
  said: string,
  toolCall: ToolCall | null,
  usage: Usage,
): object {
  const message = {
    role: "assistant",
    content: said,
    refusal: null,
    ...(toolCall ? { tool_calls: [toolCall] } : {}),
  };
  const finish_reason = toolCall ? "tool_calls" : "stop";
  return {
    id,
    object: "chat.completion",
    created,
    model,
    choices: [{ index: 0, message, finish_reason, logprobs: null }],
    usage,
  };
}

/** An error in OpenAI's shape. */
export function errorBody(status: number, message: string, param: string | null = null): object {
  const types: Record<number, string> = { 401: "authentication_error", 429: "rate_limit_error" };
  const type = types[status] ?? (status < 500 ? "invalid_request_error" : "server_error");
  return { error: { message, type, param, code: null } };
}
