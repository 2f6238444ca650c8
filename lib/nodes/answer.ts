import type { ChatCompletionMessageParam } from "openai/resources/chat/completions";
import type { AnswerStream, ChatRequest } from "../llm/chat.ts";
import type { ToolCall } from "../llm/tool-call-parts.ts";
import { readArguments, type ToolSet } from "../llm/tools.ts";
import { withoutExtras } from "../llm/turn-models.ts";
import type { AgentEvent, Draft, SessionContext } from "../wire/events.ts";
import type { Turn } from "./turn.ts";

/** Rounds of tool calls in one turn; then the model has to speak with what it has. */
export const MAX_TOOL_ROUNDS = 4;

export type AnswerOptions = {
  /** The request of this turn, already sent as `first`. */
  request: ChatRequest;
  first: AnswerStream;
  /** Sends the request of a further round. */
  open: (request: ChatRequest) => AnswerStream;
  tools: ToolSet;
  turn: Turn;
  /** Puts tool calls on the call's timeline. */
  publish: (event: Draft<AgentEvent>) => void;
  /** Whether a tool has just ended the agent's part, so that the model must not be asked again. */
  isDone: () => boolean;
  /** The call that the tools are used in. */
  about: SessionContext;
  /** What asks the caller for the keys that these tools wait for; null if they wait for none. */
  asksForKeys: (calls: readonly ToolCall[]) => string | null;
  /** What is said when tools have kept the caller waiting for so long, ms. */
  holding: { line: string; afterMs: number };
};

/** Streams the model's answer, running the tools it calls in between. Throws {@link LlmError}. */
export async function* streamAnswer(options: AnswerOptions): AsyncGenerator<string, void, void> {
  const { tools, turn, publish, isDone, holding } = options;
  let { request, first: stream } = options;
  for (let round = 1; ; round += 1) {
    let text = "";
    for await (const piece of stream) {
      text += piece;
      turn.model = stream.model;
      yield piece;
    }
    const calls = stream.toolCalls;
    if (calls.length === 0 || request.toolChoice === "none") return;
    const { initialVariables: variables, caller } = options.about;
    const ask = options.asksForKeys(calls);
    if (ask !== null && text === "") yield ask;
    const { interruptible } = turn;
    // A key comes with an interrupt on many a line.
    if (ask !== null) turn.interruptible = false;
    const running = tools.run(calls, { signal: turn.signal, turnId: turn.id, variables, caller }, publish);
    if (ask === null && (await isSlow(running, holding.afterMs, turn.signal))) {
      // Words of before, and those that follow the tool, are sentences of their own.
      yield `${/\S$/.test(turn.said) ? " " : ""}${holding.line} `;
    }
    const results = await running;
    // Else a tool may have decided about it.
    if (ask !== null) turn.interruptible = interruptible;
    if (turn.over) return;
    const asked = {
      role: "assistant" as const,
      tool_calls: calls.map((call) => ({
        ...call.extra,
        id: call.id,
        type: "function" as const,
        // Some servers parse what they are sent back, and would refuse the whole conversation over bad JSON.
        function: { name: call.name, arguments: JSON.stringify(readArguments(call)?.value ?? {}) },
      })),
    };
    // What was said before the call is part of the turn's spoken text, so the history does not say it again.
    const own = { ...asked, content: null };
    // Later turns go to the first model again, to whom what another's maker has put into a call means nothing.
    turn.answer.usedTools([stream.model === request.model ? own : withoutExtras(own), ...results]);
    if (isDone()) return;
    const messages: ChatCompletionMessageParam[] = [
      ...request.messages,
      { ...asked, content: text === "" ? null : text, ...thoughtsOf(stream) },
      ...results,
    ];
    request = { ...request, messages, toolChoice: round < MAX_TOOL_ROUNDS ? "auto" : "none" };
    stream = options.open(request);
    // Two rounds of speech are two sentences.
    if (/\S$/.test(turn.said)) yield " ";
  }
}

/** Some models that think want to read within the turn what they thought before the call; in the history it is dropped. */
function thoughtsOf({ thoughts }: AnswerStream): { reasoning_content?: string } {
  return thoughts === "" ? {} : { reasoning_content: thoughts };
}

/** Whether the work has not ended after `ms`; false as soon as it has, or as nobody wants it any more. */
async function isSlow(work: Promise<unknown>, ms: number, signal: AbortSignal): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(!signal.aborted), ms);
  });
  try {
    return await Promise.race([work.then(() => false), late]);
  } finally {
    clearTimeout(timer);
  }
}
