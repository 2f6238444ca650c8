import type { EndReason } from "../../nodes/agent-node.ts";
import { TimelineNode } from "../../nodes/timeline-node.ts";
import type { Moment } from "../../session/moments.ts";
import { applyPolicy, keepCause, type TextPolicy } from "../../text-policy.ts";
import { type JsonObject, now, snakeKeys } from "../../wire/events.ts";
import type { LogPayloads } from "../../wire/log-events.ts";
import { alertLine, chatMessage, escalationLine } from "./chat-message.ts";
import type { WebhookEvent } from "./events.ts";
import type { NewsQueue } from "./news-queue.ts";

/** So many of the latest utterances a late verdict can be about. */
const UTTERANCES_KEPT = 20;
/** Longest text in one item, characters. */
const MAX_TEXT = 2_000;

export type CallNewsOptions = {
  /** The receiver of WEBHOOK_URL and what it wants to hear while a call goes on; null: there is none. */
  webhook: { queue: NewsQueue; events: ReadonlySet<WebhookEvent> } | null;
  /** The channel of ALERT_WEBHOOK_URL; null: there is none. */
  chat: {
    queue: NewsQueue;
    /** Whether people are to be told of an alert there. */
    notifies: (alert: LogPayloads["coaching"]) => boolean;
    /** The page of a call. */
    linkTo: (sessionId: string) => string;
  } | null;
  /** What may be told of the words: RECORD_TEXT. */
  text: TextPolicy;
};

/** Tells receivers outside of what happens in a call, as it happens. It only queues, so no call waits for a receiver. */
export class CallNews extends TimelineNode {
  readonly #options: CallNewsOptions;
  /** The caller's latest utterances, as far as they may be told, by their numbers. */
  readonly #utterances = new Map<number, string | null>();
  #lastWords: string | null = null;
  #told = 0;
  #messages = 0;

  constructor(options: CallNewsOptions) {
    super("call-news");
    this.#options = options;
  }

  override start(): void {
    const { context, description, timeline } = this.session;
    const { caller, conversationType } = context;
    this.#tell("call.started", "call", {
      callerNumber: this.#keep(caller?.userNumber ?? null),
      direction: caller?.direction ?? null,
      conversationType,
      ...description,
      startedAt: new Date(timeline.startedAt).toISOString(),
    });
  }

  /** Of a recorded call the record tells, with its report. */
  override stop(reason: EndReason): void {
    this.#tell("call.ended", "call", { endReason: reason, durationMs: this.session.timeline.now });
  }

  protected override hear(moment: Moment): void {
    switch (moment.type) {
      case "utterance": {
        const { utterance, text } = moment.turn;
        this.#lastWords = this.#keep(text);
        this.#utterances.set(utterance, this.#lastWords);
        this.#utterances.delete(utterance - UTTERANCES_KEPT);
        break;
      }
      case "verdict": {
        const { analysisMs: _analysisMs, fallbackBecause: _because, ...verdict } = moment.verdict;
        const text = this.#utterances.get(verdict.utterance) ?? null;
        const cause = keepCause(verdict.cause, this.#options.text);
        this.#tell("verdict", "verdict", { ...verdict, cause, text });
        break;
      }
      case "alert":
        this.#tellAlert(moment.alert);
        break;
      case "escalation": {
        const { escalation, utterance } = moment;
        this.#tell("escalation", "escalation", { ...escalation, utterance, lastWords: this.#lastWords });
        this.#message(escalationLine(escalation.reason, escalation.action));
        break;
      }
      case "transfer":
        if (moment.transfer.outcome !== "requested")
          this.#tell("transfer.ended", "transfer", moment.transfer);
        break;
      default:
        break;
    }
  }

  #tellAlert(alert: LogPayloads["coaching"]): void {
    const { text, chat } = this.#options;
    const { rule, severity } = alert;
    // As in the record: a message is the rule's own words with at most a quotation, evidence may be anything.
    const message = text === "none" ? alert.message : (this.#keep(alert.message) ?? alert.message);
    const evidence = text === "full" ? alert.evidence : {};
    this.#tell("alert", "alert", { rule, severity, message, evidence, lastWords: this.#lastWords });
    if (chat?.notifies(alert)) this.#message(alertLine(message));
  }

  #tell(type: WebhookEvent, name: string, what: JsonObject): void {
    const { webhook } = this.#options;
    if (!webhook?.events.has(type)) return;
    this.#told += 1;
    const { id: sessionId, context } = this.session;
    const body = JSON.stringify({
      type,
      session_id: sessionId,
      call_id: context.caller?.callId ?? null,
      number: this.#told,
      at: now(),
      [name]: snakeKeys(what),
    });
    webhook.queue.push({ sessionId, key: `${sessionId}:${this.#told}`, body });
  }

  #message(firstLine: string): void {
    const { chat } = this.#options;
    if (!chat) return;
    this.#messages += 1;
    const { id: sessionId, context, description } = this.session;
    const body = chatMessage(firstLine, {
      agent: description.agent,
      callId: context.caller?.callId ?? null,
      lastWords: this.#lastWords,
      link: chat.linkTo(sessionId),
    });
    chat.queue.push({ sessionId, key: `${sessionId}:message-${this.#messages}`, body });
  }

  #keep(text: string | null): string | null {
    return text === null ? null : applyPolicy(text.slice(0, MAX_TEXT), this.#options.text);
  }
}
