import { z } from "zod";
import { Coach } from "../../lib/coach/coach.ts";
import { parseCoachConfig } from "../../lib/coach/config.ts";
import { compileRules } from "../../lib/coach/rules.ts";
import { parseConfig } from "../../lib/config.ts";
import { Live } from "../../lib/live/live.ts";
import { InProcessFeed } from "../../lib/live/live-feed.ts";
import { liveRoutes } from "../../lib/live/routes.ts";
import { createLlm } from "../../lib/llm/client.ts";
import { SentimentAnalyzer } from "../../sentiment-analyzer.ts";
import { SupportAgent } from "../../support-agent.ts";
import { EventReader } from "./event-reader.ts";
import { startMockLlm } from "./mock-llm.ts";
import { Listener } from "./nodes.ts";
import { startRuntime } from "./runtime-server.ts";
import { VoiceClient, type VoiceClientOptions } from "./voice-client.ts";

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
const PHONE = "the-token-of-the-phone";
const ANNA = "the-token-of-anna-who-steers";

const callSchema = z.looseObject({
  session_id: z.string(),
  muted: z.boolean(),
  sentiment: z.string().nullable(),
  score: z.number().nullable(),
  frustration_count: z.number(),
  scores: z.array(z.looseObject({ utterance: z.number(), score: z.number() })),
  alerts: z.array(z.looseObject({ rule: z.string(), feedback: z.string().nullable() })),
  escalation: z.looseObject({ reason: z.string() }).nullable(),
  supervisor: z.array(z.looseObject({ action: z.string(), by: z.string().nullable(), used: z.boolean() })),
  holder: z.string().nullable(),
  turn_count: z.number(),
  turns: z.array(z.looseObject({ number: z.number(), text: z.string() })).default([]),
});
const listSchema = z.object({
  last_event_id: z.number(),
  can_supervise: z.boolean(),
  calls: z.array(callSchema),
});
const oneSchema = z.object({ last_event_id: z.number(), can_supervise: z.boolean(), call: callSchema });
const answerSchema = z.looseObject({ code: z.string().optional(), message: z.string().optional() });

export type LiveServerOptions = {
  /** What COACH_RULES would hold. */
  rules?: object;
  transferNumber?: string | null;
  escalateOnRequest?: boolean;
  /** Whether there are tokens: the caller's, and that of anna, a supervisor. Default true. */
  tokens?: boolean;
};

/** The example's whole server in this process, with a mock model that finds no mood unless the words name one. */
export async function startLiveServer(options: LiveServerOptions = {}) {
  const { rules = {}, transferNumber = "+15550100", escalateOnRequest = false, tokens = true } = options;
  const mock = await startMockLlm();
  mock.onSentiment((_request, utterance) => /positive|negative|frustrated/.exec(utterance)?.[0] ?? "neutral");
  const llm = createLlm(parseConfig({ OPENAI_BASE_URL: mock.baseUrl }));
  const live = new Live(new InProcessFeed());
  const coachRules = compileRules(parseCoachConfig(rules));
  const listeners: Listener[] = [];
  const server = await startRuntime(
    async (session) => {
      const sentiment = new SentimentAnalyzer({ llm, model: "m", timeoutMs: 5_000, threshold: 3 });
      const coach = new Coach({ rules: coachRules });
      const agent = new SupportAgent({
        llm,
        model: "m",
        sentiment,
        coach,
        escalateOnRequest,
        transfer: transferNumber === null ? null : { number: transferNumber, type: "cold", holdMusic: null },
        escalationWaitMs: 2_000,
        maxContextMessages: 200,
      });
      const listener = new Listener();
      for (const node of [sentiment, coach, live.watch(), listener, agent]) session.addNode(node);
      listeners.push(listener);
      await session.start();
      await session.waitUntilComplete();
    },
    tokens ? { TOKENS: `caller phone ${PHONE}, supervisor anna ${ANNA}` } : {},
    {
      plugins: async (app) => {
        await app.register(liveRoutes, { live });
      },
    },
  );
  const phone = tokens ? bearer(PHONE) : {};
  const anna: Record<string, string> = tokens ? bearer(ANNA) : {};
  return {
    ...server,
    mock,
    live,
    /** A listener on the bus of each call, the start-up check's first. */
    listeners,
    call: async (init: VoiceClientOptions = {}) => {
      const client = await VoiceClient.connect(server.wsUrl, { headers: phone, ...init });
      client.join();
      await client.next("agent.speak");
      return client;
    },
    watch: (query = "", headers: Record<string, string> = {}) =>
      EventReader.connect(`${server.url}/live${query}`, { ...anna, ...headers }),
    /** GET /live/calls */
    list: async () =>
      listSchema.parse(await (await fetch(`${server.url}/live/calls`, { headers: anna })).json()),
    /** GET /live/calls/ID; null for a 404. */
    one: async (id: string) => {
      const response = await fetch(`${server.url}/live/calls/${id}`, { headers: anna });
      const body: unknown = await response.json();
      return response.status === 404 ? null : oneSchema.parse(body);
    },
    post: async (path: string, body?: unknown) => {
      const json = { headers: { ...anna, "content-type": "application/json" }, body: JSON.stringify(body) };
      const response = await fetch(`${server.url}${path}`, {
        method: "POST",
        ...(body === undefined ? { headers: anna } : json),
      });
      return { status: response.status, body: answerSchema.parse(await response.json()) };
    },
    close: async () => {
      await server.close();
      await mock.close();
    },
  };
}

export type LiveServer = Awaited<ReturnType<typeof startLiveServer>>;
