import { z } from "zod";

/** One message of the conversation, as far as the embedded model reads it. */
export type Message =
  | { role: "system" | "user"; text: string }
  | { role: "assistant"; text: string; toolCalls: readonly { id: string; name: string }[] }
  | { role: "tool"; text: string; callId: string };

export type ChatRequest = {
  messages: readonly Message[];
  /** Names of the functions that may be called. */
  tools: ReadonlySet<string>;
  stream: boolean;
  includeUsage: boolean;
  wantsJson: boolean;
};

/** A message's content: a string, or parts of which only the text is read. */
const content = z
  .union([z.string(), z.array(z.object({ text: z.string().default("") }))])
  .nullish()
  .transform((said) => (typeof said === "string" ? said : (said ?? []).map((part) => part.text).join(" ")));

const toolCall = z
  .object({ id: z.string(), function: z.object({ name: z.string() }) })
  .transform((call) => ({ id: call.id, name: call.function.name }));

const message = z.discriminatedUnion("role", [
  z.object({ role: z.enum(["system", "developer"]), content }),
  z.object({ role: z.literal("user"), content }),
  z.object({ role: z.literal("assistant"), content, tool_calls: z.array(toolCall).nullish() }),
  z.object({ role: z.literal("tool"), content, tool_call_id: z.string() }),
]);

const body = z.object({
  model: z.string(),
  messages: z.array(message).min(1),
  tools: z
    .array(z.object({ type: z.literal("function"), function: z.object({ name: z.string() }) }))
    .nullish(),
  tool_choice: z.unknown().optional(),
  stream: z.boolean().nullish(),
  stream_options: z.object({ include_usage: z.boolean().nullish() }).nullish(),
  response_format: z.object({ type: z.string() }).nullish(),
});

/** A Chat Completions body, reduced to what the embedded model needs; parameters it has no use for are ignored. */
export const chatRequestSchema = body.transform(
  (sent): ChatRequest => ({
    messages: sent.messages.map(toMessage),
    tools: new Set(sent.tool_choice === "none" ? [] : sent.tools?.map((tool) => tool.function.name)),
    stream: sent.stream ?? false,
    includeUsage: sent.stream_options?.include_usage ?? false,
    wantsJson: sent.response_format?.type.startsWith("json") ?? false,
  }),
);

function toMessage(sent: z.infer<typeof message>): Message {
  switch (sent.role) {
    case "system":
    case "developer":
      return { role: "system", text: sent.content };
    case "user":
      return { role: "user", text: sent.content };
    case "assistant":
      return { role: "assistant", text: sent.content, toolCalls: sent.tool_calls ?? [] };
    case "tool":
      return { role: "tool", text: sent.content, callId: sent.tool_call_id };
  }
}
