import type {
  ChatCompletionCreateParamsNonStreaming,
  ChatCompletionMessageParam,
  ChatCompletionTool,
} from "openai/resources/chat/completions";
import type { JsonObject } from "../wire/events.ts";
import { fitHistory, shapeHistory } from "./history.ts";
import { effortFor, hasEfforts, type OptionalParameter, type Taken } from "./lessons.ts";

/** What is wanted of a model; what it does not take of it is left out. */
export type ModelRequest = {
  messages: readonly ChatCompletionMessageParam[];
  tools?: readonly ChatCompletionTool[];
  /** `none`: the tools are shown, for the history to make sense, but may not be called. */
  toolChoice?: "auto" | "none";
  /** 0…2 */
  temperature: number;
  /** Room for the answer, tokens; a model that thinks gets more. Default: the server's own bound. */
  maxTokens?: number;
  /** How much the model may think, in the words of its provider; null: as little as it can. */
  effort: string | null;
  /** Further parameters of the request, which win over all others and are never left out. */
  extraBody: JsonObject;
  /** The likelihood of the first tokens' alternatives, so many of each; default: none are asked for. */
  topLogprobs?: number;
};

/** A request that says all but whether the answer is streamed. */
export type RequestBody = Omit<ChatCompletionCreateParamsNonStreaming, "stream"> & {
  /** How servers of open models hand switches to the chat template, such as Qwen's `enable_thinking`. */
  chat_template_kwargs?: JsonObject;
  /** The same switch where the model's own maker serves it. */
  thinking?: JsonObject;
};

/** Room for an answer of a few words after some thinking, tokens. */
const TOKENS_TO_THINK = 2_000;
/** Where the thinking is switched on and off by `thinking`; elsewhere the template's own switches are. */
const SWITCHED_BY_THINKING = /deepseek|z\.ai|bigmodel|moonshot/;

/** Writes down a request as this model takes it. */
export function bodyOf(
  model: string,
  host: string,
  request: ModelRequest & { stream: boolean },
  taken: Taken,
): RequestBody {
  const { lessons, contextChars } = taken;
  const { tools = [], toolChoice = "auto", maxTokens, effort, topLogprobs } = request;
  const takes = (parameter: OptionalParameter) => !lessons.has(`without ${parameter}`);
  const fitting = contextChars === null ? request.messages : fitHistory(request.messages, contextChars);
  const body: RequestBody = { model, messages: shapeHistory(fitting, lessons) };
  if (request.stream && takes("stream_options")) body.stream_options = { include_usage: true };
  if (takes("temperature")) body.temperature = request.temperature;
  if (maxTokens !== undefined) {
    const limit = lessons.has("max_completion_tokens") ? "max_completion_tokens" : "max_tokens";
    if (takes(limit)) body[limit] = lessons.has("thinks") ? maxTokens + TOKENS_TO_THINK : maxTokens;
  }
  if (tools.length > 0 && !lessons.has("no tools")) {
    body.tools = lessons.has("without strict tools") ? tools.map(withoutStrict) : [...tools];
    if (takes("tool_choice")) body.tool_choice = toolChoice;
  }
  if (topLogprobs !== undefined && takes("logprobs") && takes("top_logprobs")) {
    body.logprobs = true;
    body.top_logprobs = topLogprobs;
  }
  return Object.assign(body, effortOf(effort, host, taken), request.extraBody);
}

/** What makes a model think as much as it shall; nothing for one that does not think. */
function effortOf(wanted: string | null, host: string, taken: Taken): JsonObject {
  const { lessons } = taken;
  const takes = (parameter: OptionalParameter) => !lessons.has(`without ${parameter}`);
  const effort = effortFor(wanted, taken);
  if (effort === null) return {};
  const body: JsonObject = {};
  if (takes("reasoning_effort")) body.reasoning_effort = effort;
  // A model with efforts of its own has no other switch.
  if (!lessons.has("thinks") || hasEfforts(taken)) return body;
  const thinking = effort !== "none";
  if (SWITCHED_BY_THINKING.test(host)) {
    if (takes("thinking")) body.thinking = { type: thinking ? "enabled" : "disabled" };
  } else if (takes("chat_template_kwargs")) {
    body.chat_template_kwargs = { enable_thinking: thinking };
  }
  return body;
}

function withoutStrict(tool: ChatCompletionTool): ChatCompletionTool {
  if (tool.type !== "function") return tool;
  const { strict: _strict, ...declared } = tool.function;
  return { ...tool, function: declared };
}
