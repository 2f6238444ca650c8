import { once } from "node:events";
import { z } from "zod";
import { type LlmRequest, type LlmRequestKind, type MockLlm, startMockLlm } from "./mock-llm.ts";
import { type ServerProcess, startServerProcess } from "./server-process.ts";
import { type ConversationType, type Frame, VoiceClient } from "./voice-client.ts";

export const KEY = "sk-test-0123456789";

/** The real server process in front of a mock LLM: one for the tests of a file, one call after another. */
export class Example {
  readonly llm: MockLlm;
  readonly server: ServerProcess;

  private constructor(llm: MockLlm, server: ServerProcess) {
    this.llm = llm;
    this.server = server;
  }

  static async start(env: Record<string, string> = {}): Promise<Example> {
    const llm = await startMockLlm();
    try {
      const server = await startServerProcess({
        env: { HOST: "127.0.0.1", OPENAI_BASE_URL: llm.baseUrl, OPENAI_API_KEY: KEY, ...env },
      });
      return new Example(llm, server);
    } catch (error) {
      await llm.close();
      throw error;
    }
  }

  /** One call, from the handshake to the server's "Session ended". The mock first answers as it does by default. */
  async call(
    run: (client: VoiceClient) => Promise<void>,
    conversationType: ConversationType = "telephonyInbound",
  ): Promise<void> {
    this.llm.onChat(() => "Hello from the mock.");
    this.llm.onSentiment(() => "neutral");
    const client = await VoiceClient.connect(this.server.wsUrl, { conversationType });
    try {
      await run(client);
    } finally {
      await client.close();
      await this.server.nextLine(({ msg }) => msg === "Session ended");
    }
  }

  /** The next request of this kind about these words of the caller. */
  async request(kind: LlmRequestKind, utterance: string): Promise<LlmRequest> {
    for (;;) {
      const request = await this.llm.nextRequest(kind);
      if (request.utterance === utterance) return request;
    }
  }

  async close(): Promise<void> {
    await this.server.stop();
    await this.llm.close();
  }
}

/** Resolves when the server has handled every frame sent before. */
export async function handled(client: VoiceClient): Promise<void> {
  client.socket.ping();
  await once(client.socket, "pong");
}

/** Payload of the next `agent.log` of that name. */
export async function nextLog(client: VoiceClient, name: string): Promise<Record<string, unknown>> {
  const { payload } = await client.next("agent.log", (frame) => frame.name === name);
  return z.record(z.string(), z.unknown()).parse(payload);
}

/** Payloads of the `agent.log` frames of that name so far. */
export function logsIn(frames: readonly Frame[], name: string): Record<string, unknown>[] {
  return frames
    .filter((frame) => frame.type === "agent.log" && frame.name === name)
    .map(({ payload }) => z.record(z.string(), z.unknown()).parse(payload));
}

/** Messages of a request without the system prompt, as far as role and content go. */
export function turnsOf(request: LlmRequest): { role: string; content: unknown }[] {
  return request.body.messages
    .filter(({ role }) => role !== "system")
    .map(({ role, content }) => ({ role, content }));
}

/** Content of the tool results in a request, oldest first. */
export function toolResultsOf(request: LlmRequest): string[] {
  return request.body.messages
    .filter(({ role }) => role === "tool")
    .map(({ content }) => z.string().parse(content));
}

/** The system prompt of a request. */
export function promptOf(request: LlmRequest): string {
  return z.string().parse(request.body.messages.find(({ role }) => role === "system")?.content);
}
