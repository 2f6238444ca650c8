import { createHmac } from "node:crypto";
import querystring from "node:querystring";
import { Agent, request } from "undici";
import { publicAgent } from "./public-agent.ts";

/** Longest wait for the receiver's answer, ms. */
const TIMEOUT_MS = 10_000;
/** What is read of an answer, so that its connection can be used again, bytes. */
const MAX_ANSWER_BYTES = 16 * 1024;
const MAX_RETRY_AFTER_MS = 3_600_000;

export type ReceiverOptions = {
  url: string;
  /** Signs what is sent; null: nothing is signed. */
  secret: string | null;
  /** Whether the receiver may be on this machine or in a private network. */
  allowPrivate: boolean;
};

/** Why something was not taken. */
export type Refusal = {
  reason: string;
  /** How long the receiver wants to be left alone, ms; 0 where it did not say. */
  retryAfterMs: number;
};

/** What the receiver works out as well: HMAC-SHA256 over `timestamp.body`, in hex. */
export function sign(secret: string, timestamp: string, body: string): string {
  return createHmac("sha256", secret).update(`${timestamp}.${body}`).digest("hex");
}

/** An address that takes news by POST, over connections of its own. A redirect is not followed. */
export class Receiver {
  readonly #agent: Agent;
  readonly #address: string;
  readonly #secret: string | null;
  readonly #credentials: { authorization?: string };

  constructor({ url, secret, allowPrivate }: ReceiverOptions) {
    this.#agent = allowPrivate ? new Agent() : publicAgent();
    this.#secret = secret;
    // A user and a password go as a header: an address that has them would show them wherever it is named.
    const address = new URL(url);
    const { username, password } = address;
    const user = Buffer.from(`${querystring.unescape(username)}:${querystring.unescape(password)}`).toString(
      "base64",
    );
    this.#credentials = username || password ? { authorization: `Basic ${user}` } : {};
    address.username = "";
    address.password = "";
    this.#address = address.href;
  }

  /**
   * Sends a body once.
   * @param key the same for every try, so that the receiver can tell them.
   * @returns null when it was taken, else why not.
   */
  async post(body: string, key: string, signal: AbortSignal): Promise<Refusal | null> {
    const timestamp = String(Math.floor(Date.now() / 1_000));
    const signature = this.#secret === null ? null : `sha256=${sign(this.#secret, timestamp, body)}`;
    try {
      const response = await request(this.#address, {
        method: "POST",
        body,
        dispatcher: this.#agent,
        signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
        headers: {
          ...this.#credentials,
          "content-type": "application/json",
          "idempotency-key": key,
          ...(signature === null
            ? {}
            : { "x-webhook-timestamp": timestamp, "x-webhook-signature": signature }),
        },
      });
      await response.body.dump({ limit: MAX_ANSWER_BYTES });
      const { statusCode, headers } = response;
      if (statusCode >= 200 && statusCode < 300) return null;
      return {
        reason: `the receiver answered ${statusCode}`,
        retryAfterMs: readRetryAfter(headers["retry-after"]),
      };
    } catch (error) {
      const reason =
        error instanceof Error && error.message !== "" ? error.message : "the receiver cannot be reached";
      return { reason, retryAfterMs: 0 };
    }
  }

  close(): Promise<void> {
    return this.#agent.destroy();
  }
}

/** Seconds, as chat services give it; a date is not waited for. */
function readRetryAfter(value: string | string[] | undefined): number {
  const seconds = Number(value);
  return Number.isFinite(seconds) && seconds > 0 ? Math.min(seconds * 1_000, MAX_RETRY_AFTER_MS) : 0;
}
