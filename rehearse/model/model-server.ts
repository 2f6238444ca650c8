import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { text as readText } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";
import type { LlmFault, LlmScript } from "../scenario/schema.ts";
import { streamOf, wholeOf } from "./completion.ts";
import { Faults } from "./faults.ts";
import { type Asked, mockReply, readRequest } from "./mock-answers.ts";
import { eventsOf, type Upstream } from "./upstream.ts";

/** A model over real HTTP, for the servers of one scenario's kind: answers by rules or from upstream, with faults. */
export type ModelServer = {
  /** For OPENAI_BASE_URL. */
  readonly baseUrl: string;
  close(): Promise<void>;
};

export async function startModelServer(script: LlmScript, upstream: Upstream): Promise<ModelServer> {
  const faults = new Faults(script.faults);
  let verdicts = 0;
  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy());
  });
  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const left = new AbortController();
    response.once("close", () => left.abort());
    if (request.method === "GET" && request.url === "/v1/models") {
      return json(response, 200, JSON.stringify({ object: "list", data: [{ id: "mock", object: "model" }] }));
    }
    const text = await readText(request);
    const read = readRequest(parse(text));
    if (!read) return json(response, 400, problem("a request this model cannot read"));
    // A verdict is asked for with the utterance alone: its place in the call is that of the request.
    if (read.asked.on === "verdict") verdicts += 1;
    const asked: Asked = read.asked.on === "verdict" ? { ...read.asked, turn: verdicts } : read.asked;
    const fault = faults.next(asked);
    if (fault?.status !== undefined) return json(response, fault.status, problem("a fault of the rehearsal"));
    if (fault?.first_token_ms !== undefined) {
      await delay(fault.first_token_ms, undefined, { signal: left.signal });
    }
    if (script.answers === "server") return relay(text, response, fault, left.signal);
    const reply = mockReply(read.request, asked, script);
    if (!read.request.stream) {
      if (fault?.stall_after !== undefined) return;
      if (fault?.cut_after !== undefined) return void response.destroy();
      return json(response, 200, wholeOf(reply, "mock"));
    }
    const { chunks, tail } = streamOf(reply, "mock");
    await send(response, chunks, tail, fault, left.signal);
  }
  async function relay(
    body: string,
    response: ServerResponse,
    fault: LlmFault | null,
    signal: AbortSignal,
  ): Promise<void> {
    const from = await upstream(body, signal);
    const type = from.headers.get("content-type") ?? "application/json";
    if (!from.body || !type.includes("event-stream")) return json(response, from.status, await from.text());
    await send(response, eventsOf(from.body), "", fault, signal);
  }
  async function send(
    response: ServerResponse,
    chunks: Iterable<string> | AsyncIterable<string>,
    tail: string,
    fault: LlmFault | null,
    signal: AbortSignal,
  ): Promise<void> {
    response.writeHead(200, { "content-type": "text/event-stream" });
    let sent = 0;
    for await (const chunk of chunks) {
      if (sent === fault?.stall_after) return;
      if (sent === fault?.cut_after) return void response.destroy();
      if (sent > 0 && script.pace_ms > 0) await delay(script.pace_ms, undefined, { signal });
      // What has not left yet would be lost in a cut.
      await new Promise((resolve) => response.write(chunk, resolve));
      sent += 1;
    }
    response.end(tail);
  }

  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the model server has no TCP port");
  return {
    baseUrl: `http://127.0.0.1:${address.port}/v1`,
    async close() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

function json(response: ServerResponse, status: number, body: string): void {
  response.writeHead(status, { "content-type": "application/json" }).end(body);
}

function problem(message: string): string {
  return JSON.stringify({ error: { message, type: "rehearsal", param: null, code: null } });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
