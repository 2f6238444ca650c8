import type { CallRecord } from "./record.ts";

/** Latest part of a long call that a model is shown, characters. */
const MAX_TRANSCRIPT = 24_000;

/** What was said, as far as the record has it, for a model; empty if the caller said nothing. */
export function transcriptOf({ turns }: CallRecord): string {
  if (!turns.some(({ role, text }) => role === "user" && text)) return "";
  return turns
    .flatMap(({ role, text }) =>
      text ? [`${role === "user" ? "Caller" : "Agent"}: ${text.replace(/\s+/g, " ")}`] : [],
    )
    .join("\n")
    .slice(-MAX_TRANSCRIPT);
}

/** The JSON object in a model's answer; they like to put a fence or a word around it. Throws where there is none. */
export function jsonIn(answer: string): unknown {
  return JSON.parse(answer.slice(answer.indexOf("{"), answer.lastIndexOf("}") + 1));
}
