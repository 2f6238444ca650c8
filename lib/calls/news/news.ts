import type { Logger } from "pino";
import type { Config } from "../../config.ts";
import { CallNews, type CallNewsOptions } from "./call-news.ts";
import { NewsQueue } from "./news-queue.ts";
import { Receiver } from "./receiver.ts";

export type NewsOptions = {
  config: Pick<
    Config,
    | "WEBHOOK_URL"
    | "WEBHOOK_SECRET"
    | "WEBHOOK_EVENTS"
    | "WEBHOOK_ALLOW_PRIVATE"
    | "ALERT_WEBHOOK_URL"
    | "RECORD_TEXT"
  >;
  /** Whether calls are recorded: then the record tells of their ends. */
  isRecorded: boolean;
  notifies: NonNullable<CallNewsOptions["chat"]>["notifies"];
  linkTo: NonNullable<CallNewsOptions["chat"]>["linkTo"];
  log: Logger;
};

/** The news of all calls on its way to the receivers that the settings name. */
export class News {
  readonly #call: CallNewsOptions;
  readonly #queues: readonly NewsQueue[];

  constructor({ config, isRecorded, notifies, linkTo, log }: NewsOptions) {
    const { WEBHOOK_URL, WEBHOOK_SECRET, ALERT_WEBHOOK_URL, WEBHOOK_ALLOW_PRIVATE: allowPrivate } = config;
    const toldHere = config.WEBHOOK_EVENTS.filter((event) => event !== "call.ended" || !isRecorded);
    const open = (name: string, url: string, secret: string | null) =>
      new NewsQueue({ name, receiver: new Receiver({ url, secret, allowPrivate }), log });
    const webhook =
      WEBHOOK_URL !== undefined && WEBHOOK_SECRET !== undefined && toldHere.length > 0
        ? { queue: open("WEBHOOK_URL", WEBHOOK_URL, WEBHOOK_SECRET), events: new Set(toldHere) }
        : null;
    const chat =
      ALERT_WEBHOOK_URL === undefined
        ? null
        : { queue: open("ALERT_WEBHOOK_URL", ALERT_WEBHOOK_URL, null), notifies, linkTo };
    this.#call = { webhook, chat, text: config.RECORD_TEXT };
    this.#queues = [webhook, chat].flatMap((one) => one?.queue ?? []);
  }

  /** The node that tells of one call; null where nobody wants to hear. */
  watch(): CallNews | null {
    return this.#queues.length === 0 ? null : new CallNews(this.#call);
  }

  /** Whether the webhook has news of this call before it that was not taken yet. */
  holds(sessionId: string): boolean {
    return this.#call.webhook?.queue.holds(sessionId) ?? false;
  }

  /** Calls back when the webhook has taken, or will never take, what there was of this call; at once if that is so. */
  whenTold(sessionId: string, callback: () => void): void {
    const queue = this.#call.webhook?.queue;
    if (queue) queue.whenEmpty(sessionId, callback);
    else callback();
  }

  get lost(): number {
    return this.#queues.reduce((sum, { lost }) => sum + lost, 0);
  }

  get waiting(): number {
    return this.#queues.reduce((sum, { waiting }) => sum + waiting, 0);
  }

  /** The calls have ended: sends what can go soon, and gives the rest up. */
  async close(): Promise<void> {
    await Promise.all(this.#queues.map((queue) => queue.close()));
  }
}
