/** Base of every error this project throws on purpose: a stable `code` and a message that says what to do. */
export abstract class AgentServerError extends Error {
  abstract readonly code: string;

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** A setting that cannot be used; raised once, at start-up. */
export class ConfigError extends AgentServerError {
  readonly code = "bad_config";
}

/** A frame that is not a valid event of the protocol. The call goes on. */
export class FrameError extends AgentServerError {
  readonly code:
    | "bad_utf8"
    | "bad_json"
    | "not_an_object"
    | "unknown_type"
    | "wrong_sender"
    | "bad_field"
    | "platform_error";
  /** The type the frame claims to have, where it is one of the protocol's. */
  readonly eventType: string | null;

  constructor(code: FrameError["code"], message: string, eventType: string | null = null) {
    super(message);
    this.code = code;
    this.eventType = eventType;
  }
}

/** A graph that cannot be started, or a node used outside a started session. */
export class GraphError extends AgentServerError {
  readonly code:
    | "duplicate_name"
    | "unknown_node"
    | "cycle"
    | "no_nodes"
    | "already_started"
    | "not_started"
    | "node_in_use"
    | "mailbox_full";

  constructor(code: GraphError["code"], message: string) {
    super(message);
    this.code = code;
  }
}

/** What went wrong between us and the language model; a bounded set, so it can label a metric. */
export const LLM_ERROR_KINDS = [
  "refused",
  "auth",
  "quota",
  "rate_limit",
  "bad_request",
  "context_too_long",
  "content_filter",
  "server",
  "timeout",
  "stalled",
  "turn_limit",
  "cut",
  "bad_stream",
  "empty",
  "unclear",
  "circuit_open",
  "aborted",
] as const;
export type LlmErrorKind = (typeof LLM_ERROR_KINDS)[number];

/** A failed request to the language model. The upstream text is kept out of `message`: it may hold a key. */
export class LlmError extends AgentServerError {
  readonly code = "llm_failed";
  readonly kind: LlmErrorKind;

  constructor(kind: LlmErrorKind, message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
  }
}

/** What a log line may say of an unknown error: its class and, for our own errors, code and message. */
export function describeError(error: unknown): { errorClass: string; code?: string; reason?: string } {
  if (error instanceof AgentServerError) {
    return { errorClass: error.name, code: error.code, reason: error.message };
  }
  if (error instanceof Error) {
    // What an HTTP client throws quotes the other side, and the other side may quote the caller.
    const reason = "status" in error ? `the answer had status ${error.status}` : error.message;
    return { errorClass: error.name, reason };
  }
  return { errorClass: typeof error };
}
