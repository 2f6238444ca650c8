/*
 * The names of spans and attributes. Those of `GEN_AI` are of OpenTelemetry's GenAI conventions
 * (semantic-conventions-genai 0.1.0, all of it "development", so that they stand in this one place);
 * the conventions have no word yet for what stands in `OWN`.
 */
export const GEN_AI = {
  operation: "gen_ai.operation.name",
  provider: "gen_ai.provider.name",
  conversation: "gen_ai.conversation.id",
  agentName: "gen_ai.agent.name",
  agentVersion: "gen_ai.agent.version",
  requestModel: "gen_ai.request.model",
  requestStream: "gen_ai.request.stream",
  requestTemperature: "gen_ai.request.temperature",
  responseModel: "gen_ai.response.model",
  responseId: "gen_ai.response.id",
  finishReasons: "gen_ai.response.finish_reasons",
  /** s */
  timeToFirstChunk: "gen_ai.response.time_to_first_chunk",
  inputTokens: "gen_ai.usage.input_tokens",
  outputTokens: "gen_ai.usage.output_tokens",
  systemInstructions: "gen_ai.system_instructions",
  inputMessages: "gen_ai.input.messages",
  outputMessages: "gen_ai.output.messages",
  toolName: "gen_ai.tool.name",
  toolCallId: "gen_ai.tool.call.id",
  toolType: "gen_ai.tool.type",
  toolArguments: "gen_ai.tool.call.arguments",
  toolResult: "gen_ai.tool.call.result",
  evaluation: "gen_ai.evaluation.result",
  evaluationName: "gen_ai.evaluation.name",
  evaluationScore: "gen_ai.evaluation.score.value",
  evaluationLabel: "gen_ai.evaluation.score.label",
  evaluationExplanation: "gen_ai.evaluation.explanation",
} as const;

/** Of the general conventions. */
export const GENERAL = {
  session: "session.id",
  serverAddress: "server.address",
  serverPort: "server.port",
  errorType: "error.type",
} as const;

/** Langfuse reads when the first token came from nowhere else. */
export const COMPLETION_START = "langfuse.observation.completion_start_time";

export const OWN = {
  turnNumber: "voice_agent.turn.number",
  /** answer, greeting, line, hand_off, supervisor, unanswered, or end: what happened after the last turn. */
  turnKind: "voice_agent.turn.kind",
  /** How an answer ended: completed, failed, interrupted, replaced, call_ended or silent. */
  turnOutcome: "voice_agent.turn.outcome",
  /** From the caller's last words to the agent's first, ms. */
  replyMs: "voice_agent.turn.reply_ms",
  /** How long the model was seen to think before its first words, ms. */
  thinkingMs: "voice_agent.thinking_ms",
  utterance: "voice_agent.utterance",
  upset: "voice_agent.upset",
  frustrationCount: "voice_agent.frustration_count",
  verdictSource: "voice_agent.verdict.source",
  requestOutcome: "voice_agent.request.outcome",
  transferKind: "voice_agent.transfer.kind",
  transferOutcome: "voice_agent.transfer.outcome",
  supervisorAction: "voice_agent.supervisor.action",
  supervisorName: "voice_agent.supervisor.name",
  /** Names of events, and what they carry. */
  retry: "voice_agent.retry",
  modelSwitch: "voice_agent.model_switch",
  interrupt: "voice_agent.interrupt",
  escalation: "voice_agent.escalation",
  alert: "voice_agent.alert",
  from: "voice_agent.from",
  to: "voice_agent.to",
  reason: "voice_agent.reason",
  rule: "voice_agent.rule",
  severity: "voice_agent.severity",
  afterMs: "voice_agent.after_ms",
} as const;

/** Who serves a model, in the conventions' words; a server of unknown name speaks OpenAI's protocol, and so it is told. */
const PROVIDERS: readonly (readonly [host: RegExp, provider: string])[] = [
  [/\.azure\.com$/, "azure.ai.openai"],
  [/(^|\.)groq\.com$/, "groq"],
  [/(^|\.)mistral\.ai$/, "mistral_ai"],
  [/(^|\.)deepseek\.com$/, "deepseek"],
  [/(^|\.)x\.ai$/, "x_ai"],
  [/(^|\.)anthropic\.com$/, "anthropic"],
  [/(^|\.)perplexity\.ai$/, "perplexity"],
  [/(^|\.)cohere\.(com|ai)$/, "cohere"],
  [/^generativelanguage\.googleapis\.com$/, "gcp.gemini"],
  [/aiplatform\.googleapis\.com$/, "gcp.vertex_ai"],
  [/\.amazonaws\.com$/, "aws.bedrock"],
  [/^embedded\.invalid$/, "embedded"],
];

export function providerOf(host: string): string {
  return PROVIDERS.find(([pattern]) => pattern.test(host))?.[1] ?? "openai";
}
