import type { AnyEvent } from "./events.ts";

/**
 * Finds the caller's utterances among a call's events, each once: a platform sends a transcript and then a request
 * for an answer, some send only requests, with all messages so far.
 */
export class Utterances {
  #heard: { text: string; from: "transcript" | "request" } | null = null;
  #userMessages = 0;

  /** The utterance this event brings, or null. */
  take(event: AnyEvent): string | null {
    if (event.type === "agent.transcript.update" && event.role === "user") {
      return this.#fromTranscript(event.content);
    }
    if (event.type === "system.llm.request" && event.messages) return this.#fromRequest(event.messages);
    return null;
  }

  #fromTranscript(text: string): string | null {
    // The first request may overtake the transcript of the same words.
    const again = this.#heard?.from === "request" && this.#heard.text === text;
    this.#heard = { text, from: "transcript" };
    return again || text.trim() === "" ? null : text;
  }

  #fromRequest(messages: readonly Record<string, unknown>[]): string | null {
    if (this.#heard?.from === "transcript") return null;
    const said = messages.filter(({ role }) => role === "user");
    const text = said.at(-1)?.content;
    // The same list again is a repeated request, not a repeated utterance.
    const isNew = said.length > this.#userMessages || text !== this.#heard?.text;
    this.#userMessages = said.length;
    if (typeof text !== "string" || !isNew || text.trim() === "") return null;
    this.#heard = { text, from: "request" };
    return text;
  }
}
