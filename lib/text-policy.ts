import { withoutWords } from "./mood/judge.ts";

/** Longest text of one turn that is kept, characters. */
const MAX_CHARS = 20_000;

export type TextPolicy = "full" | "redacted" | "none";

// Each pattern is bounded, so that a long text costs no more than its length.
const EMAIL = /[^\s@]{1,64}@[\p{L}\p{N}-]{1,63}(?:\.[\p{L}\p{N}-]{1,63}){1,8}/gu;
const SPOKEN_EMAIL = /\b[\w.-]{1,64} at [\w-]{1,64} dot (?:com|net|org|io|co|de|uk|in|edu)\b/gi;
const CARD = /\b\d(?:[ -]{0,2}\d){12,18}\b/g;
const PHONE = /\+?\(?\d(?:[\s()./-]{0,3}\d){6,14}/g;

/** What may be kept of a text: all, all but what looks like an e-mail address, card or phone number, or nothing. */
export function applyPolicy(text: string, policy: TextPolicy): string | null {
  if (policy === "none") return null;
  const kept = text.slice(0, MAX_CHARS);
  return policy === "full" ? kept : redact(kept);
}

function redact(text: string): string {
  return text
    .replace(EMAIL, "[e-mail]")
    .replace(SPOKEN_EMAIL, "[e-mail]")
    .replace(CARD, "[card]")
    .replace(PHONE, "[phone]");
}

/** What may be kept of a verdict's cause, in which the caller's words stand in quotation marks. */
export function keepCause(cause: string | null, policy: TextPolicy): string | null {
  if (cause === null) return null;
  return policy === "none" ? withoutWords(cause) : applyPolicy(cause, policy);
}
