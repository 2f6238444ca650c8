import OpenAI from "openai";
import { LlmError } from "../errors.ts";
import { type AttemptOutcome, FAILURES_TO_OPEN } from "./circuit.ts";

/** Puts whatever the client threw into one of our kinds. The upstream text stays in `cause`: it may hold a key. */
export function toLlmError(error: unknown): LlmError {
  if (error instanceof LlmError) return error;
  const options = { cause: error };
  if (error instanceof OpenAI.APIUserAbortError)
    return new LlmError("aborted", "the request was cancelled", options);
  if (error instanceof OpenAI.APIConnectionTimeoutError || isTimeout(error)) {
    return new LlmError(
      "timeout",
      "the model sent nothing in time: raise its time-out or look at it",
      options,
    );
  }
  if (error instanceof OpenAI.APIConnectionError) {
    return new LlmError(
      "refused",
      "the model cannot be reached: check OPENAI_BASE_URL and the network",
      options,
    );
  }
  if (error instanceof OpenAI.APIError) return fromStatus(error.status, options);
  if (error instanceof SyntaxError)
    return new LlmError("bad_stream", "the model's answer was not valid", options);
  // undici reports a connection that broke in mid-stream as a bare TypeError ("terminated").
  return new LlmError("cut", "the model's answer broke off", options);
}

/** The answer while a model is left alone. */
export function circuitOpenError(): LlmError {
  const why = `the model has failed ${FAILURES_TO_OPEN} times in a row and is left alone for a while`;
  return new LlmError("circuit_open", why);
}

/** What a request says about the model's health; null stands for a request without an error. */
export function attemptOutcome(failure: LlmError | null): AttemptOutcome {
  switch (failure?.kind) {
    case undefined:
    case "empty":
    case "unclear":
      return "succeeded";
    // One call's refused request, say for its length, must not silence all others.
    case "bad_request":
    case "aborted":
    case "circuit_open":
      return "neither";
    case "refused":
    case "auth":
    case "rate_limit":
    case "server":
    case "timeout":
    case "stalled":
    case "cut":
    case "bad_stream":
      return "failed";
  }
}

function isTimeout(error: unknown): boolean {
  return error instanceof DOMException && error.name === "TimeoutError";
}

function fromStatus(status: number | undefined, options: ErrorOptions): LlmError {
  switch (status) {
    case undefined:
      return new LlmError("bad_stream", "the model reported an error in mid-answer", options);
    case 401:
    case 403:
      return new LlmError("auth", "the model refused the key: check OPENAI_API_KEY", options);
    case 429:
      return new LlmError("rate_limit", "the model's rate limit or quota is used up", options);
    default:
      return status >= 500
        ? new LlmError("server", `the model failed with status ${status}`, options)
        : new LlmError(
            "bad_request",
            `the model refused the request with status ${status}: check AGENT_MODEL`,
            options,
          );
  }
}
