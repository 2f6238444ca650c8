import { classify } from "../../mood/judge.ts";
import type { Sentiment } from "../../wire/log-events.ts";
import type { ChatRequest, Message } from "./chat-request.ts";
import { findNumber } from "./reference-number.ts";
import {
  empathy,
  fallbacks,
  identity,
  notHeard,
  numberAgain,
  numberNoted,
  type Topic,
  topics,
  wishes,
} from "./reply-rules.ts";
import { speakOf } from "./tool-results.ts";

export type Reply =
  | { kind: "text"; text: string }
  | { kind: "toolCall"; name: string; arguments: Readonly<Record<string, string>> };

/** Characters of an utterance that the rules look at. */
const maxCharacters = 2_000;

/** The line of an agent's prompt that says how the caller sounds. */
const fromBestToWorst: readonly Sentiment[] = ["positive", "neutral", "negative", "frustrated"];
const moodLine = /^Current mood of the caller: *(positive|neutral|negative|frustrated)\b/gim;

/** Whether this is a sentiment analyzer's request: its prompt names the four labels and wants one word. */
export function isSentimentRequest({ messages, tools }: ChatRequest): boolean {
  const prompt = promptOf(messages).toLowerCase();
  const words = ["one word", "positive", "neutral", "negative", "frustrated"];
  return tools.size === 0 && words.every((word) => prompt.includes(word));
}

/** The last thing the caller said, or nothing. */
export function lastUtterance(messages: readonly Message[]): string {
  return messages.findLast((message) => message.role === "user")?.text ?? "";
}

/** What the agent says next, or the tool it calls: a pure function of the conversation. */
export function replyTo(messages: readonly Message[], tools: ReadonlySet<string>): Reply {
  const last = messages.findLast((message) => message.role !== "system");
  if (last?.role === "tool") return { kind: "text", text: speakOf(toolOf(last.callId, messages), last.text) };

  const said = plainText(lastUtterance(messages));
  const say = speaker(messages);
  if (!/[\p{L}\p{N}]/u.test(said)) return say(notHeard);
  if (identity.patterns.some((pattern) => pattern.test(said))) return say(identity.replies);
  return grantWish(said, tools) ?? answerTopic(said, messages, say);
}

type Say = (wordings: readonly string[], opening?: string) => Reply;

/** Takes the first wording that was not said yet; when all were, one by the number of turns, but not the last one. */
function speaker(messages: readonly Message[]): Say {
  const turn = turnsOf(messages);
  const said = messages.filter((message) => message.role === "assistant").map((message) => message.text);
  return (wordings, opening = "") => {
    const others = wordings.filter((wording) => !said.at(-1)?.endsWith(wording));
    const wording =
      wordings.find((candidate) => !said.some((text) => text.endsWith(candidate))) ??
      others[turn % Math.max(1, others.length)] ??
      wordings[0] ??
      "";
    return { kind: "text", text: `${opening} ${wording}`.trim() };
  };
}

function grantWish(said: string, tools: ReadonlySet<string>): Reply | null {
  for (const [name, wish] of Object.entries(wishes)) {
    if (!wish.patterns.some((pattern) => pattern.test(said)) || wish.refused?.test(said)) continue;
    if (tools.has(wish.tool)) {
      const reason: Record<string, string> =
        name === "person" ? { reason: "The caller asked for a person." } : {};
      return { kind: "toolCall", name: wish.tool, arguments: reason };
    }
    if (wish.withoutTool !== null) return { kind: "text", text: wish.withoutTool };
  }
  return null;
}

function answerTopic(said: string, messages: readonly Message[], say: Say): Reply {
  const { justGiven, latest } = numbersIn(messages);
  const opening = openingFor(messages);
  const topic = topicOf(said) ?? (justGiven === null ? undefined : lastTopic(messages));
  const number = topic?.withNumber ? latest : justGiven;
  if (number === null) return say(topic?.replies ?? fallbacks, opening);
  const wordings = topic?.withNumber ? [topic.withNumber, ...numberAgain] : numberNoted;
  return say(
    wordings.map((wording) => wording.replace("{number}", number)),
    opening,
  );
}

function topicOf(said: string): Topic | undefined {
  return topics.find(({ pattern }) => pattern.test(said));
}

/** What the caller spoke of last: a number by itself belongs to that. */
function lastTopic(messages: readonly Message[]): Topic | undefined {
  const said = messages.findLast((message) => message.role === "user" && topicOf(plainText(message.text)));
  return said && topicOf(plainText(said.text));
}

/** The order number the caller has just given, and the latest one they gave at all. */
function numbersIn(messages: readonly Message[]): { justGiven: string | null; latest: string | null } {
  let askedFor = false;
  let justGiven: string | null = null;
  let latest: string | null = null;
  for (const message of messages) {
    if (message.role === "assistant")
      askedFor = /\bnumber\b[^.?]{0,80}(?:\?|please)|\bneed the order number\b/.test(message.text);
    if (message.role !== "user") continue;
    justGiven = findNumber(plainText(message.text), askedFor);
    latest = justGiven ?? latest;
  }
  return { justGiven, latest };
}

/** A few words of sympathy for a caller in a bad mood. */
function openingFor(messages: readonly Message[]): string {
  const words: readonly string[] = empathy[moodOf(messages)];
  return words[turnsOf(messages) % Math.max(1, words.length)] ?? "";
}

/** The mood the prompt names last, which is of what came before, or that of the last utterance if it is worse. */
function moodOf(messages: readonly Message[]): Sentiment {
  const named = [...promptOf(messages).matchAll(moodLine)].at(-1)?.[1]?.toLowerCase();
  const heard = classify(lastUtterance(messages));
  return fromBestToWorst.findLast((mood) => mood === named || mood === heard) ?? heard;
}

function promptOf(messages: readonly Message[]): string {
  return messages
    .filter((message) => message.role === "system")
    .map((message) => message.text)
    .join("\n");
}

function turnsOf(messages: readonly Message[]): number {
  return messages.filter((message) => message.role === "user").length;
}

function toolOf(callId: string, messages: readonly Message[]): string {
  const calls = messages.flatMap((message) => (message.role === "assistant" ? message.toolCalls : []));
  return calls.findLast((call) => call.id === callId)?.name ?? "";
}

function plainText(text: string): string {
  return text.slice(0, maxCharacters).toLowerCase().replace(/[‘’]/g, "'").replace(/\s+/g, " ").trim();
}
