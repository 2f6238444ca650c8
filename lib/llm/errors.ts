import OpenAI from "openai";
import { LlmError } from "../errors.ts";
import { type AttemptOutcome, FAILURES_TO_OPEN } from "./circuit.ts";
import { type Complaint, complaintOf, isFiltered, isQuota, isTooLong, isUnknownModel } from "./complaint.ts";

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
      "the model cannot be reached: check OPENAI_BASE_URL (or FALLBACK_BASE_URL) and the network",
      options,
    );
  }
  const complaint = complaintOf(error);
  if (complaint) return fromComplaint(complaint, options);
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

/** The server would not let the answer, or the question, pass. */
export function contentFilterError(options?: ErrorOptions): LlmError {
  return new LlmError("content_filter", "the model's content filter stopped the answer", options);
}

/** What a request says about the model's health; null stands for a request without an error. */
export function attemptOutcome(failure: LlmError | null): AttemptOutcome {
  switch (failure?.kind) {
    case undefined:
    case "empty":
    case "unclear":
    case "content_filter":
      return "succeeded";
    // One call's refused request, say for its length, must not silence all others.
    case "bad_request":
    case "context_too_long":
    case "turn_limit":
    case "aborted":
    case "circuit_open":
      return "neither";
    case "refused":
    case "auth":
    case "quota":
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

function fromComplaint(complaint: Complaint, options: ErrorOptions): LlmError {
  const { status } = complaint;
  if (isQuota(complaint)) {
    return new LlmError(
      "quota",
      "the account of OPENAI_API_KEY (or FALLBACK_API_KEY) has no quota or credit left",
      options,
    );
  }
  if (isTooLong(complaint)) {
    const why = "the conversation is too long for the model: lower MAX_CONTEXT_MESSAGES";
    return new LlmError("context_too_long", why, options);
  }
  if (isFiltered(complaint)) return contentFilterError(options);
  switch (status) {
    case null:
      return new LlmError("bad_stream", "the model reported an error in its answer", options);
    case 401:
    case 403:
      return new LlmError(
        "auth",
        "the model refused the key: check OPENAI_API_KEY (or FALLBACK_API_KEY)",
        options,
      );
    case 429:
      return new LlmError("rate_limit", "the model's rate limit is used up", options);
    default:
      if (status >= 500) return new LlmError("server", `the model failed with status ${status}`, options);
      return new LlmError("bad_request", refusedBecause(complaint), options);
  }
}

function refusedBecause(complaint: Complaint): string {
  const refused = `the model refused the request with status ${complaint.status}`;
  if (isUnknownModel(complaint)) return `${refused}: the server knows no model of that name`;
  return `${refused}: the log has the server's own words`;
}
