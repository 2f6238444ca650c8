import type {
  ChatCompletionAssistantMessageParam,
  ChatCompletionMessageParam,
  ChatCompletionToolMessageParam,
} from "openai/resources/chat/completions";
import type { Lesson } from "./lessons.ts";

type Message = ChatCompletionMessageParam;

/** Said for a side whose turn it is, where a template insists on turns. */
const CALL_BEGINS = "(The call begins.)";
const NOTHING_SAID = "(The caller waits.)";
const NO_COMMENT = "…";

/**
 * The messages of a conversation in a shape that the model's template takes. A greeting makes the agent speak first,
 * an interrupt leaves two turns of the caller in a row, and tools come in the middle: many templates raise an error at
 * one of them.
 */
export function shapeHistory(messages: readonly Message[], lessons: ReadonlySet<Lesson>): Message[] {
  let shaped = messages.filter((message) => !isEmpty(message));
  if (lessons.has("no tools")) shaped = shaped.flatMap(toolsInWords);
  if (lessons.has("one tool call a message")) shaped = oneCallEach(shaped);
  if (lessons.has("tool call ids of nine characters")) shaped = withShortIds(shaped);
  if (lessons.has("without reasoning_content")) shaped = shaped.map(withoutReasoning);
  if (lessons.has("turn by turn")) shaped = turnByTurn(shaped);
  if (lessons.has("no system role")) shaped = withoutSystem(shaped);
  return shaped;
}

/**
 * Drops the oldest turns until the conversation has `maxChars` characters at most; the instructions and the caller's
 * last words stay, and with a tool's result its call.
 */
export function fitHistory(messages: readonly Message[], maxChars: number): Message[] {
  const system = messages.filter(({ role }) => role === "system");
  let turns = messages.filter(({ role }) => role !== "system");
  while (charsOf(turns) > maxChars) {
    // The next message at which a conversation can begin; a tool's result cannot stand alone.
    const next = turns.findIndex(({ role }, index) => index > 0 && role !== "tool");
    const last = turns.findLastIndex(({ role }) => role === "user");
    if (next < 0 || next > last) break;
    turns = turns.slice(next);
  }
  return [...system, ...turns];
}

/** Characters of the turns; of the instructions none can be spared. */
export function charsOf(messages: readonly Message[]): number {
  return messages.reduce(
    (sum, message) => sum + (message.role === "system" ? 0 : JSON.stringify(message).length),
    0,
  );
}

function isEmpty(message: Message): boolean {
  if (message.role === "assistant" && message.tool_calls) return false;
  return message.role !== "tool" && textOf(message) === "";
}

function textOf({ content }: Message): string {
  if (typeof content === "string") return content;
  return (content ?? []).map((part) => ("text" in part ? part.text : "")).join("");
}

function toolsInWords(message: Message): Message[] {
  if (message.role === "tool") return [{ role: "user", content: `(Looked up: ${textOf(message)})` }];
  if (message.role !== "assistant" || !message.tool_calls) return [message];
  const text = textOf(message);
  return text === "" ? [] : [{ role: "assistant", content: text }];
}

/** Calls made side by side, as if they had been made one after the other. */
function oneCallEach(messages: readonly Message[]): Message[] {
  const results = new Map(
    messages.flatMap((message): [string, ChatCompletionToolMessageParam][] =>
      message.role === "tool" ? [[message.tool_call_id, message]] : [],
    ),
  );
  return messages.flatMap((message): Message[] => {
    if (message.role === "tool") return [];
    if (message.role !== "assistant" || !message.tool_calls) return [message];
    return message.tool_calls.flatMap((call, index): Message[] => {
      const asked = {
        ...message,
        content: index === 0 ? (message.content ?? null) : null,
        tool_calls: [call],
      };
      const result = results.get(call.id);
      return result ? [asked, result] : [asked];
    });
  });
}

function withShortIds(messages: readonly Message[]): Message[] {
  const ids = new Map<string, string>();
  const shortOf = (id: string) => {
    const short = ids.get(id) ?? `call${String(ids.size).padStart(5, "0")}`;
    ids.set(id, short);
    return short;
  };
  return messages.map((message): Message => {
    if (message.role === "tool") return { ...message, tool_call_id: shortOf(message.tool_call_id) };
    if (message.role !== "assistant" || !message.tool_calls) return message;
    return { ...message, tool_calls: message.tool_calls.map((call) => ({ ...call, id: shortOf(call.id) })) };
  });
}

function withoutReasoning(message: Message): Message {
  if (!("reasoning_content" in message)) return message;
  const { reasoning_content: _thought, ...rest } = message;
  return rest;
}

/**
 * After the instructions the caller, the agent, the caller, and the caller last. Tool calls and their results belong to
 * nobody's turn: a template that counts turns leaves them out.
 */
function turnByTurn(messages: readonly Message[]): Message[] {
  const shaped: Message[] = [];
  let turn: "user" | "assistant" | null = null;
  const add = (role: "user" | "assistant", content: string) => {
    const last = shaped.at(-1);
    const joins = last?.role === role && typeof last.content === "string" && !isCall(last);
    if (joins) shaped[shaped.length - 1] = { role, content: `${last.content}\n${content}` };
    else {
      if (turn === role || (turn === null && role === "assistant")) {
        shaped.push(filler(role, turn === null));
      }
      shaped.push({ role, content });
    }
    turn = role;
  };
  for (const message of messages) {
    if (message.role === "user") add("user", textOf(message));
    else if (message.role === "assistant" && !isCall(message)) add("assistant", textOf(message));
    else {
      if (message.role === "assistant") {
        if (turn !== "user") add("user", turn === null ? CALL_BEGINS : NOTHING_SAID);
        shaped.push({ ...message, content: message.content ?? "" });
      } else shaped.push(message);
    }
  }
  if (shaped.at(-1)?.role === "assistant") add("user", NOTHING_SAID);
  return shaped;
}

function filler(before: "user" | "assistant", atStart: boolean): Message {
  if (before === "user") return { role: "assistant", content: NO_COMMENT };
  return { role: "user", content: atStart ? CALL_BEGINS : NOTHING_SAID };
}

function isCall(message: Message): message is ChatCompletionAssistantMessageParam {
  return message.role === "assistant" && message.tool_calls !== undefined;
}

/** The instructions as the beginning of the caller's first message. */
function withoutSystem(messages: readonly Message[]): Message[] {
  const system = messages.filter(({ role }) => role === "system").map(textOf);
  const turns = messages.filter(({ role }) => role !== "system");
  if (system.length === 0) return turns;
  const first = turns.findIndex(({ role }) => role === "user");
  const instructions = system.join("\n");
  if (first < 0) return [{ role: "user", content: instructions }, ...turns];
  return turns.map((message, index) =>
    index === first ? { role: "user", content: `${instructions}\n\n${textOf(message)}` } : message,
  );
}
