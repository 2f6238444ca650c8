import type { ChatCompletionMessageParam } from "openai/resources/chat/completions";
import { z } from "zod";
import type { JsonObject } from "../wire/events.ts";
import { noteSent, REPORT_WINDOW, reportSpoken } from "./spoken.ts";

export type ChatMessage = ChatCompletionMessageParam;

/** Most characters kept of one conversation: as many as the models with the largest memory take. */
const MAX_CHARS = 256 * 1024;

type UserEntry = { kind: "user"; text: string };
/** `reported`: the client has told us what it spoke of it. Empty while an answer has not said anything yet. */
type AgentEntry = { kind: "agent"; text: string; reported: boolean };
/** The model's tool calls and their results: kept or dropped together. */
type ToolsEntry = { kind: "tools"; messages: readonly ChatMessage[]; chars: number };
type Entry = UserEntry | AgentEntry | ToolsEntry;

/** The place of one answer in the conversation, taken when it begins, so that what is heard meanwhile comes after it. */
export type Answer = {
  /** A complete round of tool calls made for it: the message that asks for them and one result for each. */
  usedTools(messages: readonly ChatMessage[]): void;
  /** What was sent of it in all. An answer that said nothing leaves no trace. */
  end(said: string): void;
};

/**
 * The chat messages of one call, bounded in number and in characters. What the agent said is in it once: as the client reports it, else as it was sent.
 */
export class Conversation {
  readonly #limit: number;
  #entries: Entry[] = [];

  /** @param limit most messages kept for the model; the oldest go first. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** The caller's utterance. */
  heard(text: string): void {
    this.#add({ kind: "user", text });
  }

  /** A line spoken outside any answer. */
  said(text: string): void {
    this.#add({ kind: "agent", text, reported: false });
  }

  /** Takes the place for the answer that now begins. */
  beginAnswer(): Answer {
    const entry: AgentEntry = { kind: "agent", text: "", reported: false };
    this.#add(entry);
    return {
      usedTools: (messages) => {
        this.#insertBefore(entry, { kind: "tools", messages, chars: JSON.stringify(messages).length });
      },
      end: (said) => {
        noteSent(entry, said);
        if (entry.text === "") this.#entries = this.#entries.filter((other) => other !== entry);
      },
    };
  }

  /** What the client says was spoken: the truth about the latest answer, and about lines spoken along with it. */
  reported(text: string): void {
    const latest = this.#entries.slice(-REPORT_WINDOW).filter((entry) => entry.kind === "agent");
    if (reportSpoken(latest, text) === null) this.#add({ kind: "agent", text, reported: true });
  }

  /**
   * Replaces the turns by the list a request carries, if it has any turn in it. System messages are left out:
   * the prompt is the node's own. Tool messages are left out: their calls were made elsewhere.
   */
  replaceTurns(messages: readonly JsonObject[]): void {
    const turns = messages.flatMap((message): Entry[] => {
      const turn = readTurn(message);
      if (!turn || turn.content === "") return [];
      const { role, content } = turn;
      return [
        role === "user" ? { kind: "user", text: content } : { kind: "agent", text: content, reported: true },
      ];
    });
    if (turns.length === 0) return;
    this.#entries = turns;
    this.#trim();
  }

  /** The turns for the model, oldest first; neighbours of the same role are one message. */
  messages(): ChatMessage[] {
    const messages: ChatMessage[] = [];
    for (const entry of this.#entries) {
      if (entry.kind === "tools") messages.push(...entry.messages);
      else if (entry.text !== "") addText(messages, entry.kind === "user" ? "user" : "assistant", entry.text);
    }
    return messages;
  }

  /** What the caller said first, as far as it is still kept, or an empty string. */
  get firstUtterance(): string {
    return this.#entries.find((entry) => entry.kind === "user")?.text ?? "";
  }

  /** The caller's last words, or an empty string. */
  get lastUtterance(): string {
    const last = this.#entries.findLast((entry) => entry.kind === "user");
    return last?.text ?? "";
  }

  #insertBefore(entry: Entry, earlier: Entry): void {
    const index = this.#entries.indexOf(entry);
    if (index < 0) return;
    this.#entries.splice(index, 0, earlier);
    this.#trim();
  }

  #add(entry: Entry): void {
    this.#entries.push(entry);
    this.#trim();
  }

  #trim(): void {
    let size = this.#entries.reduce((sum, entry) => sum + sizeOf(entry), 0);
    let chars = this.#entries.reduce((sum, entry) => sum + charsOf(entry), 0);
    let drop = 0;
    for (const entry of this.#entries) {
      const fits = size <= this.#limit && chars <= MAX_CHARS;
      if (fits || drop === this.#entries.length - 1) break;
      size -= sizeOf(entry);
      chars -= charsOf(entry);
      drop += 1;
    }
    if (drop > 0) this.#entries.splice(0, drop);
  }
}

const textParts = z
  .array(z.looseObject({ text: z.string().optional() }))
  .transform((parts) => parts.map((part) => part.text ?? "").join(""));

const turnSchema = z.object({
  role: z.enum(["user", "assistant"]),
  content: z.union([z.string(), textParts]),
});

/** Role and text of a message in a request, whose content may come in parts; null if it is no turn of either side. */
export function readTurn(message: JsonObject): z.output<typeof turnSchema> | null {
  return turnSchema.safeParse(message).data ?? null;
}

function addText(messages: ChatMessage[], role: "user" | "assistant", text: string): void {
  const last = messages.at(-1);
  if (last?.role === role && typeof last.content === "string") last.content += `\n${text}`;
  else messages.push({ role, content: text });
}

function charsOf(entry: Entry): number {
  return entry.kind === "tools" ? entry.chars : entry.text.length;
}

function sizeOf(entry: Entry): number {
  return entry.kind === "tools" ? entry.messages.length : 1;
}
