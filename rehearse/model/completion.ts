import type { MockReply } from "./mock-answers.ts";

/*
 * Chat Completions in OpenAI's shape, as bytes on the network.
 */

/** The answer as server-sent events: the role, one piece a word or call, then the end with the usage. */
export function streamOf(reply: MockReply, model: string): { chunks: string[]; tail: string } {
  const head = { id: "chatcmpl-rehearsal", object: "chat.completion.chunk", created: 0, model };
  const sse = (delta: object, finish: string | null) =>
    `data: ${JSON.stringify({ ...head, choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`;
  const words = reply.text.match(/\s*\S+/g) ?? [];
  const deltas = [
    ...words.map((content) => ({ content })),
    ...reply.calls.map(({ name, args }, index) => ({
      tool_calls: [{ ...callOf(name, args, index), index }],
    })),
  ];
  const chunks = deltas.map((delta, index) =>
    sse(index === 0 ? { role: "assistant", ...delta } : delta, null),
  );
  const usage = `data: ${JSON.stringify({ ...head, choices: [], usage: usageOf(reply) })}\n\n`;
  return { chunks, tail: `${sse({}, finishOf(reply))}${usage}data: [DONE]\n\n` };
}

/** The answer in one piece. */
export function wholeOf(reply: MockReply, model: string): string {
  const calls = reply.calls.map(({ name, args }, index) => callOf(name, args, index));
  const message = {
    role: "assistant",
    content: reply.text === "" && calls.length > 0 ? null : reply.text,
    ...(calls.length > 0 ? { tool_calls: calls } : {}),
  };
  return JSON.stringify({
    id: "chatcmpl-rehearsal",
    object: "chat.completion",
    created: 0,
    model,
    choices: [{ index: 0, message, finish_reason: finishOf(reply) }],
    usage: usageOf(reply),
  });
}

const finishOf = ({ calls }: MockReply) => (calls.length > 0 ? "tool_calls" : "stop");

function callOf(name: string, args: object, index: number) {
  const fn = { name, arguments: JSON.stringify(args) };
  return { id: `call_${name}_${index}`, type: "function", function: fn };
}

/** A token is about four characters; the mock has read nothing that it would have to count. */
function usageOf({ text, calls }: MockReply) {
  const completion_tokens = Math.ceil((text.length + JSON.stringify(calls).length) / 4);
  return { prompt_tokens: 0, completion_tokens, total_tokens: completion_tokens };
}
