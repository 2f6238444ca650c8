import { zodFunction } from "openai/helpers/zod";
import type { ChatCompletionTool, ChatCompletionToolMessageParam } from "openai/resources/chat/completions";
import type { FunctionParameters } from "openai/resources/shared";
import { z } from "zod";
import type { AgentEvent, Caller, Draft, JsonObject } from "../wire/events.ts";
import { logDraft } from "../wire/log-events.ts";
import { withDeadline } from "./deadline.ts";
import type { ToolCall } from "./tool-call-parts.ts";

/** How long a tool may take unless it says otherwise, ms: a caller waits no longer for anything. */
const DEFAULT_TIMEOUT_MS = 15_000;

/** What a tool's handler may use besides its arguments. */
export type ToolContext = {
  /** Aborted when nobody wants the answer any more, or the tool has taken too long. */
  signal: AbortSignal;
  turnId: string;
  /** What the platform gave the call, and who calls. */
  variables: JsonObject;
  caller: Caller | null;
};

export type ToolDefinition<S extends z.ZodObject> = {
  /** As the model calls it, snake_case. */
  name: string;
  /** Tells the model when to use it. */
  description: string;
  /** Every field is required: the API's strict mode knows no optional ones. */
  parameters: S;
  /** Its result is given to the model, as JSON unless it is a string. What it throws is told to the model, too. */
  handler: (args: z.output<S>, context: ToolContext) => unknown;
  /** How long the handler may take, ms; then the model is told so. Default 15,000. */
  timeoutMs?: number;
};

export type Tool = {
  name: string;
  schema: ChatCompletionTool;
  run(args: unknown, context: ToolContext): Promise<string>;
};

/** What the model is told of parameters, kept: every call declares its tools anew. */
const schemas = new WeakMap<z.ZodObject, FunctionParameters | undefined>();

/**
 * Declares a function the model may call. Its arguments are checked before the handler sees them.
 * `parameters` is best made once for all calls, outside the node.
 */
export function tool<S extends z.ZodObject>(definition: ToolDefinition<S>): Tool {
  const { name, description, parameters, handler, timeoutMs = DEFAULT_TIMEOUT_MS } = definition;
  return {
    name,
    schema: {
      type: "function",
      function: { name, description, parameters: schemaOf(parameters), strict: true },
    },
    run: async (args, context) => {
      const checked = parameters.safeParse(args);
      if (!checked.success) throw new Error(`Bad arguments: ${z.prettifyError(checked.error)}`);
      const result = await withDeadline(context.signal, timeoutMs, async (signal) =>
        handler(checked.data, { ...context, signal }),
      );
      return typeof result === "string" ? result : JSON.stringify(result ?? null);
    },
  };
}

function schemaOf(parameters: z.ZodObject): FunctionParameters | undefined {
  if (!schemas.has(parameters)) {
    schemas.set(parameters, zodFunction({ name: "any", parameters }).function.parameters);
  }
  return schemas.get(parameters);
}

/** The arguments of a call, which may be left out; null if they are not JSON. */
export function readArguments({ arguments: json }: ToolCall): { value: unknown } | null {
  if (json.trim() === "") return { value: {} };
  try {
    // Some servers send null for none.
    return { value: JSON.parse(json) ?? {} };
  } catch {
    return null;
  }
}

/** The tools of one node. */
export class ToolSet {
  readonly #tools: ReadonlyMap<string, Tool>;
  readonly schemas: ChatCompletionTool[];

  constructor(tools: readonly Tool[]) {
    this.#tools = new Map(tools.map((each) => [each.name, each]));
    this.schemas = tools.map(({ schema }) => schema);
  }

  /**
   * Runs the calls of one answer side by side. Never fails: an unknown name, a bad argument or a handler that
   * throws becomes a result the model can read.
   * @param publish puts each call on the call's timeline.
   */
  run(
    calls: readonly ToolCall[],
    context: ToolContext,
    publish: (event: Draft<AgentEvent>) => void,
  ): Promise<ChatCompletionToolMessageParam[]> {
    return Promise.all(
      calls.map(async (call) => ({
        role: "tool" as const,
        tool_call_id: call.id,
        content: await this.#runOne(call, context, publish),
      })),
    );
  }

  async #runOne(
    call: ToolCall,
    context: ToolContext,
    publish: (event: Draft<AgentEvent>) => void,
  ): Promise<string> {
    const about = { turnId: context.turnId, toolCallId: call.id, functionName: call.name };
    const startedAt = performance.now();
    const given = readArguments(call);
    const args = given ? given.value : call.arguments;
    publish(logDraft("tool_call_start", { ...about, context: { arguments: args } }));
    try {
      if (!given) throw new Error("The arguments are not valid JSON");
      const wanted = this.#tools.get(call.name);
      if (!wanted) throw new Error(`There is no tool named ${call.name}`);
      const response = await wanted.run(args, context);
      const latency = Math.round(performance.now() - startedAt);
      publish(
        logDraft("tool_call_end", {
          ...about,
          context: { arguments: args, response },
          latency,
          success: true,
        }),
      );
      return response;
    } catch (error) {
      const message = error instanceof Error ? error.message : "the tool failed";
      publish(
        logDraft("tool_call_error", {
          ...about,
          context: { arguments: args },
          error: message,
          success: false,
        }),
      );
      return JSON.stringify({ error: message });
    }
  }
}
