import { type ChatRequest, chatRequestSchema } from "../../lib/llm/embedded/chat-request.ts";
import { isSentimentRequest, lastUtterance, type Reply, replyTo } from "../../lib/llm/embedded/replies.ts";
import { classify } from "../../lib/mood/judge.ts";
import type { LlmScript } from "../scenario/schema.ts";
import { allowedTools } from "./obedience.ts";

/** Which of the server's two uses of a model asks, about what, and how often the caller has spoken. */
export type Asked = {
  readonly on: "answer" | "verdict";
  readonly utterance: string;
  readonly turn: number;
  /** Whether a tool has just answered. */
  readonly afterTool: boolean;
};

export type MockReply = {
  readonly text: string;
  readonly calls: readonly { name: string; args: Readonly<Record<string, unknown>> }[];
};

/** Reads a request of the server's; null when it is none that can be answered. */
export function readRequest(body: unknown): { request: ChatRequest; asked: Asked } | null {
  const parsed = chatRequestSchema.safeParse(body);
  if (!parsed.success) return null;
  const request = parsed.data;
  const on = isSentimentRequest(request) ? "verdict" : "answer";
  const turn = request.messages.filter(({ role }) => role === "user").length;
  const afterTool = request.messages.at(-1)?.role === "tool";
  return { request, asked: { on, utterance: lastUtterance(request.messages), turn, afterTool } };
}

/** What the mock says: as the scenario has it, else by the embedded rules, with the tools its prompt allows. */
export function mockReply(
  request: ChatRequest,
  { on, utterance, afterTool }: Asked,
  script: LlmScript,
): MockReply {
  const fits = ({ to }: { to: string }) => utterance.toLowerCase().includes(to.toLowerCase());
  if (on === "verdict") {
    return { text: script.verdicts.find(fits)?.is ?? classify(utterance), calls: [] };
  }
  const scripted = script.replies.find(fits);
  // The words of a reply with calls are for after the tools have answered.
  if (scripted) {
    const calls = afterTool ? [] : scripted.calls;
    return { text: calls.length > 0 ? "" : (scripted.text ?? ""), calls };
  }
  const prompt = request.messages
    .filter(({ role }) => role === "system")
    .map(({ text }) => text)
    .join("\n");
  return asMock(replyTo(request.messages, allowedTools(prompt, request.tools)));
}

function asMock(reply: Reply): MockReply {
  if (reply.kind === "text") return { text: reply.text, calls: [] };
  return { text: "", calls: [{ name: reply.name, args: reply.arguments }] };
}
