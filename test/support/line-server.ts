import { mkdtemp, rm } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { parseConfig } from "../../lib/config.ts";
import { createVoiceServer } from "../../lib/voice-server.ts";
import { SentimentAnalyzer } from "../../sentiment-analyzer.ts";
import { SupportAgent } from "../../support-agent.ts";
import { startMockLlm } from "./mock-llm.ts";
import { CALL_TOKEN, PUBLIC_URL, RETELL_SECRET, TELNYX_SECRET, TWILIO_TOKEN } from "./phones.ts";

export const AUTH_TOKEN = "a-token-of-admins";
export const TRANSFER_NUMBER = "+15550100";

const record = z.looseObject({
  session_id: z.string(),
  ended_at: z.string().nullable(),
  end_reason: z.string().nullable(),
  turns: z.array(
    z.looseObject({
      role: z.string(),
      text: z.string().nullable(),
      interrupted: z.boolean(),
      verdict: z.string().nullable(),
    }),
  ),
  transfers: z.array(z.looseObject({ outcome: z.string(), returned: z.boolean() })),
  escalation: z.looseObject({ same_turn: z.boolean() }).nullable(),
});
export type CallOnRecord = z.output<typeof record>;
const live = z.object({
  calls: z.array(z.looseObject({ session_id: z.string(), call_id: z.string().nullable() })),
});
const list = z.object({
  calls: z.array(z.looseObject({ session_id: z.string(), call_id: z.string().nullable() })),
});

export type LineServer = Awaited<ReturnType<typeof startLineServer>>;

/**
 * The whole server with the example's agent on every line and a record in a folder of its own. The model answers
 * `Answer to: …`; words that name a mood have it.
 */
export async function startLineServer(env: Readonly<Record<string, string>> = {}) {
  const folder = await mkdtemp(join(tmpdir(), "lines-"));
  const mock = await startMockLlm();
  mock.onSentiment((_request, words) => /positive|negative|frustrated/.exec(words)?.[0] ?? "neutral");
  mock.onChat(({ utterance }) => `Answer to: ${utterance}`);
  const config = parseConfig({
    HOST: "127.0.0.1",
    PORT: "0",
    LOG_LEVEL: "silent",
    // A slow machine is not a silent caller.
    SILENCE_TIMEOUT_MS: "0",
    OPENAI_BASE_URL: mock.baseUrl,
    DATABASE_URL: `file:${join(folder, "calls.db")}`,
    TRANSFER_NUMBER,
    PUBLIC_URL,
    TWILIO_AUTH_TOKEN: TWILIO_TOKEN,
    TELNYX_SECRET,
    RETELL_SECRET,
    AUTH_TOKEN,
    CALL_TOKEN,
    ...env,
  });
  const server = await createVoiceServer({
    config,
    setupSession: async (session, { llm, transfer }) => {
      const sentiment = new SentimentAnalyzer({ llm, model: "m", timeoutMs: 10_000, threshold: 2 });
      const agent = new SupportAgent({
        llm,
        sentiment,
        transfer,
        coach: null,
        escalationWaitMs: 10_000,
        maxContextMessages: 200,
      });
      session.addNode(sentiment);
      session.addNode(agent);
      await session.start();
    },
  });
  await server.app.listen({ host: "127.0.0.1", port: 0 });
  const { port } = server.app.server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}`;
  const headers = { authorization: `Bearer ${AUTH_TOKEN}` };
  const get = async (path: string): Promise<unknown> => (await fetch(`${url}${path}`, { headers })).json();
  return {
    url,
    mock,
    app: server.app,
    /** As a supervisor on the console. */
    async supervise(callId: string, action: string, body: object = {}): Promise<void> {
      const { session_id } = live
        .parse(await get("/live/calls"))
        .calls.find(({ call_id }) => call_id === callId) ?? { session_id: "" };
      const response = await fetch(`${url}/live/${session_id}/${action}`, {
        method: "POST",
        headers: { ...headers, "content-type": "application/json" },
        body: JSON.stringify(body),
      });
      if (!response.ok) throw new Error(`${action}: ${response.status} ${await response.text()}`);
    },
    metrics: async () => (await fetch(`${url}/metrics`, { headers })).text(),
    /** The record of a call, as soon as `is` holds for it; by default, as soon as it has ended. */
    async record(
      callId: string,
      is: (call: CallOnRecord) => boolean = ({ ended_at }) => ended_at !== null,
    ): Promise<CallOnRecord> {
      const until = Date.now() + 30_000;
      for (;;) {
        const known = list
          .parse(await get("/calls?limit=200"))
          .calls.filter(({ call_id }) => call_id === callId);
        if (known.length > 1) throw new Error("one call, two records");
        const [first] = known;
        const call = first ? record.parse(await get(`/calls/${first.session_id}`)) : null;
        if (call && is(call)) return call;
        if (Date.now() > until) throw new Error(`the record is not so: ${JSON.stringify(call)}`);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    },
    async close() {
      await server.app.close();
      await mock.close();
      await rm(folder, { recursive: true });
    },
  };
}
