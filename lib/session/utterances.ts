import type { AnyEvent, EventOf } from "../wire/events.ts";
import { readTurn } from "./conversation.ts";

/**
 * Finds the caller's utterances among the events: transcripts, or, where a platform sends none, the last user message of
 * a request. Whoever counts with it counts alike, so a verdict's `utterance` means the same turn everywhere.
 */
export class Utterances {
  #count = 0;
  #heard: { text: string; from: "transcript" | "request" } | null = null;
  #userMessages = 0;

  /** How many there have been: the number of the latest, from 1. */
  get count(): number {
    return this.#count;
  }

  /** Whether the client sends transcripts, so that no request is an utterance. */
  get fromTranscripts(): boolean {
    return this.#heard?.from === "transcript";
  }

  /** The new utterance that this event brings, or null. */
  take(event: AnyEvent): string | null {
    if (event.type === "agent.transcript.update" && event.role === "user") {
      return this.#take(event.content, "transcript");
    }
    return event.type === "system.llm.request" ? this.#takeFromRequest(event) : null;
  }

  #takeFromRequest({ messages }: EventOf<"system.llm.request">): string | null {
    if (!messages || this.#heard?.from === "transcript") return null;
    const said = messages.map(readTurn).filter((turn) => turn?.role === "user");
    const text = said.at(-1)?.content;
    // The same list again is a repeated request, not a repeated utterance.
    const isNew = said.length > this.#userMessages || text !== this.#heard?.text;
    this.#userMessages = said.length;
    return text !== undefined && isNew ? this.#take(text, "request") : null;
  }

  #take(text: string, from: "transcript" | "request"): string | null {
    // The first request may overtake the transcript of the same words.
    const again = from === "transcript" && this.#heard?.from === "request" && this.#heard.text === text;
    this.#heard = { text, from };
    if (again || text.trim() === "") return null;
    this.#count += 1;
    return text;
  }
}
