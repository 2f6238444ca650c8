import type { ClientEvent, Draft } from "../wire/events.ts";

export type HistoryItem = { readonly role: "user" | "agent"; readonly content: string };

/**
 * Reads the whole conversation that some platforms send each time. It replaces ours and is never added to it; between
 * the caller's last two utterances it says what was really spoken of our last answer.
 */
export class History {
  /** All that was sent since the caller last spoke. */
  #sent = "";
  #asked = false;
  #interrupted = false;

  /** Words went out. */
  said(text: string): void {
    this.#sent += text;
  }

  /** The platform has let us know by other means that the caller cut us short. */
  interrupted(): void {
    this.#interrupted = true;
  }

  /** What a request with this conversation comes to: an interrupt if we were cut short, what was spoken, the request. */
  request(items: readonly HistoryItem[]): Draft<ClientEvent>[] {
    const last = items.findLastIndex(({ role }) => role === "user");
    const before = items.slice(0, Math.max(0, last)).findLastIndex(({ role }) => role === "user");
    const spoken = items
      .slice(before + 1, last < 0 ? items.length : last)
      .flatMap(({ role, content }) => (role === "agent" ? [content] : []))
      .join(" ");
    const events: Draft<ClientEvent>[] = [];
    // A silent history of an answer that nobody interrupted is one that the platform did not write down.
    const isCut = this.#asked && this.#sent !== "" && isShorter(spoken, this.#sent);
    if (isCut && !this.#interrupted && spoken !== "") events.push({ type: "system.control.interrupt" });
    const isNews = this.#asked
      ? isCut && (spoken !== "" || this.#interrupted)
      : spoken !== "" && this.#sent === "";
    if (isNews) events.push({ type: "agent.transcript.update", role: "assistant", content: spoken });
    this.#asked = true;
    this.#sent = "";
    this.#interrupted = false;
    const messages = items.map(({ role, content }) => ({
      role: role === "user" ? "user" : "assistant",
      content,
    }));
    events.push({ type: "system.llm.request", messages, extraParams: {} });
    return events;
  }
}

/** Whether this is the beginning of that, and not all of it; platforms change spaces and signs. */
function isShorter(spoken: string, sent: string): boolean {
  const [part, whole] = [squeeze(spoken), squeeze(sent)];
  return part.length < whole.length && whole.startsWith(part);
}

function squeeze(text: string): string {
  return text.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, "");
}
