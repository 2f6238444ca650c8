import { z } from "zod";
import { RehearsalError } from "../errors.ts";
import type { SupervisorAct } from "../scenario/schema.ts";

/** Longest wait for an HTTP answer, ms. */
const HTTP_MS = 30_000;
/** Longest wait for the record of a call that has ended, ms; it is written every 200 ms. */
const RECORD_MS = 30_000;
const RECORD_EVERY_MS = 40;

const recordSchema = z.looseObject({ ended_at: z.string().nullable() });
export type CallRecord = z.output<typeof recordSchema>;

/** Where a server takes calls, and how its other routes are reached. */
export class Address {
  /** `ws://host:port/ws`, with the token. */
  readonly wsUrl: string;
  readonly #httpUrl: string;
  readonly #headers: Record<string, string>;

  /** @throws {RehearsalError} when this is no ws:// or wss:// address. */
  constructor(url: string, token: string | null) {
    if (!/^wss?:\/\//.test(url) || !URL.canParse(url)) {
      throw new RehearsalError(`${url} is not the address of a server: it must begin with ws:// or wss://`);
    }
    const ws = new URL(url);
    const inUrl = ws.searchParams.get("token");
    if (token !== null && inUrl === null) ws.searchParams.set("token", token);
    const bearer = token ?? inUrl;
    this.wsUrl = ws.href;
    this.#httpUrl = `${ws.protocol === "wss:" ? "https" : "http"}://${ws.host}`;
    this.#headers = bearer === null ? {} : { authorization: `Bearer ${bearer}` };
  }

  /** Without the token, for people. */
  get shown(): string {
    const { origin, pathname } = new URL(this.wsUrl);
    return `${origin}${pathname}`.replace("null", "");
  }

  /** Opens a stream of events. @throws {RehearsalError} */
  async stream(path: string, signal: AbortSignal): Promise<ReadableStream<Uint8Array>> {
    const response = await this.#fetch(path, { signal });
    if (!response.ok || !response.body) throw this.#refused(path, response);
    return response.body;
  }

  /** Does what a supervisor does. @throws {RehearsalError} when the server does not let it. */
  async supervise(sessionId: string, { action, text }: SupervisorAct): Promise<void> {
    const path = `/live/${encodeURIComponent(sessionId)}/${action}`;
    const body = text === undefined ? {} : { body: JSON.stringify({ text }) };
    const headers: Record<string, string> = text === undefined ? {} : { "content-type": "application/json" };
    const response = await this.#fetch(path, {
      method: "POST",
      headers,
      ...body,
      signal: AbortSignal.timeout(HTTP_MS),
    });
    if (!response.ok) throw this.#refused(path, response);
    await response.body?.cancel();
  }

  /** The record of a call, once it has ended. @throws {RehearsalError} when there is none in 30 s. */
  async record(sessionId: string): Promise<CallRecord> {
    const guard = AbortSignal.timeout(RECORD_MS);
    const path = `/calls/${encodeURIComponent(sessionId)}`;
    for (;;) {
      const response = await this.#fetch(path, { signal: AbortSignal.timeout(HTTP_MS) });
      if (response.ok) {
        const record = recordSchema.parse(await response.json());
        if (record.ended_at !== null) return record;
      } else if (response.status !== 404) {
        throw this.#refused(path, response);
      } else {
        await response.body?.cancel();
      }
      if (guard.aborted) throw new RehearsalError(`${path}: no record of the call in ${RECORD_MS} ms`);
      await new Promise((resolve) => setTimeout(resolve, RECORD_EVERY_MS));
    }
  }

  /** The report of a call that has ended. @throws {RehearsalError} */
  async report(sessionId: string): Promise<unknown> {
    const path = `/calls/${encodeURIComponent(sessionId)}/report`;
    const response = await this.#fetch(path, { signal: AbortSignal.timeout(HTTP_MS) });
    if (!response.ok) throw this.#refused(path, response);
    return await response.json();
  }

  async #fetch(path: string, init: RequestInit): Promise<Response> {
    try {
      return await fetch(this.#httpUrl + path, { ...init, headers: { ...this.#headers, ...init.headers } });
    } catch (error) {
      throw new RehearsalError(`${this.#httpUrl}${path} cannot be reached`, { cause: error });
    }
  }

  #refused(path: string, { status }: Response): RehearsalError {
    const hint = status === 401 || status === 403 ? ": give --token, or set AUTH_TOKEN" : "";
    return new RehearsalError(`${this.#httpUrl}${path} answered ${status}${hint}`);
  }
}
