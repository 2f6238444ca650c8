import OpenAI from "openai";

/** Longest part of a server's own message that is kept, characters. */
const MAX_MESSAGE = 500;

/** What a server says of a request that it does not answer. */
export type Complaint = {
  /** The HTTP status, or the one that an error within a 200 claims; null: none. */
  status: number | null;
  /** The parameter at fault, as far as the server names one; else an empty string. */
  param: string;
  /** Its code and type, and its message, for looking for words in them. */
  text: string;
  /** Its message, for people; it may quote a key, which the log hides. */
  message: string;
};

/** The server's complaint, or null where it has not come as far as answering. */
export function complaintOf(error: unknown): Complaint | null {
  if (!(error instanceof OpenAI.APIError) || error instanceof OpenAI.APIConnectionError) return null;
  if (error instanceof OpenAI.APIUserAbortError) return null;
  const body: unknown = error.error;
  const detail = typeof body === "object" && body !== null ? body : {};
  const field = (name: string) => {
    const value: unknown = Reflect.get(detail, name);
    return typeof value === "string" || typeof value === "number" ? String(value) : "";
  };
  const message = field("message") || (typeof body === "string" ? body : error.message);
  const claimed = Number(field("code") || field("status"));
  return {
    status: error.status ?? (claimed >= 400 && claimed < 600 ? claimed : null),
    param: field("param"),
    text: `${field("code")} ${field("type")} ${message}`,
    message: message.slice(0, MAX_MESSAGE),
  };
}

/**
 * The body of a refusal in OpenAI's own form, `{"error": {…}}`, which is the only one that the client reads. Servers
 * that are only compatible put the message into `error`, `detail` or `message`, or write plain text.
 */
export function toOpenAiError(text: string): string {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    return text;
  }
  if (typeof body !== "object" || body === null) return text;
  // Gemini wraps it in a list.
  const inner: unknown = Array.isArray(body) ? body[0] : body;
  if (typeof inner !== "object" || inner === null) return text;
  const error: unknown = Reflect.get(inner, "error");
  if (typeof error === "object" && error !== null) return JSON.stringify({ error });
  const message: unknown = error ?? Reflect.get(inner, "message") ?? Reflect.get(inner, "detail");
  if (typeof message === "string") return JSON.stringify({ error: { message } });
  // FastAPI's list of what is wrong with each field.
  return typeof message === "object" ? JSON.stringify({ error: { message: JSON.stringify(message) } }) : text;
}

const CONTEXT =
  /context[ _](length|window|size)|maximum context|exceed_context_size|(prompt|input|request|messages?) (is|are|was) too (long|large)|too many (input )?tokens|reduce the length|exceeds? the (available|maximum|model's)[\w ]{0,30}context/i;
const FILTER =
  /content[ _-]?(filter|policy|management policy)|responsible ?ai|moderation|flagged|safety (policy|system|settings)/i;
const QUOTA =
  /insufficient[ _](quota|balance|funds|credits?)|billing|credit balance|out of credits|exceeded your (current|monthly) quota|payment required/i;

/** Whether it is about the length of the conversation. */
export function isTooLong({ status, text }: Complaint): boolean {
  return status !== 429 && CONTEXT.test(text);
}

/** Whether it is about what was said in it. */
export function isFiltered({ text }: Complaint): boolean {
  return FILTER.test(text);
}

/** Whether it is about money. */
export function isQuota({ status, text }: Complaint): boolean {
  return status === 402 || ((status === 429 || status === 403 || status === 400) && QUOTA.test(text));
}

/** Whether it knows no model of that name. */
export function isUnknownModel({ status, text }: Complaint): boolean {
  return (
    /model_not_found|unknown_model|invalid model|unknown model|model\b.{0,120}(does not exist|not found|not exist|is not available|unsupported model)/i.test(
      text,
    ) ||
    (status === 404 && /model/i.test(text))
  );
}
