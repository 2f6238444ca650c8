import type { FastifyInstance } from "fastify";
import { z } from "zod";
import {
  type ChatRequest,
  callerNumberOf,
  callIdOf,
  chatRequest,
  conversationOf,
  errorBody,
  MODEL,
} from "../lines/openai.ts";
import { checkByHand, describe, eventWire } from "../route-schema.ts";
import type { Call } from "../socket/call.ts";
import { type EventOf, stamp } from "../wire/events.ts";
import type { LineServices } from "./lines.ts";
import { OpenAiCall } from "./openai-call.ts";
import { OpenAiReply } from "./openai-reply.ts";

const LINE = { name: "openai" };

const errorWire = z.object({ error: z.object({ message: z.string(), type: z.string() }) });
/** Also what the door says is in OpenAI's shape here. */
const refusals = {
  400: errorWire,
  401: errorWire,
  403: errorWire,
  413: errorWire,
  415: errorWire,
  429: errorWire,
};
const modelsWire = z.object({
  object: z.literal("list"),
  data: z.array(
    z.object({ id: z.string(), object: z.literal("model"), created: z.number(), owned_by: z.string() }),
  ),
});
const completionWire = z.looseObject({
  id: z.string(),
  object: z.literal("chat.completion"),
  choices: z.array(z.looseObject({ message: z.looseObject({ role: z.literal("assistant") }) })),
});

/**
 * The agent as a model of OpenAI's API, for platforms and plug-ins that bring their own telephone: `/v1/chat/completions`
 * and `/v1/models`. Requests with the same call id are one call; the token is the API key.
 */
export async function openAiRoutes(app: FastifyInstance, services: LineServices): Promise<void> {
  const { config, calls, setupSession, refusal } = services;
  const outlets = new WeakMap<Call, OpenAiCall>();
  const since = Math.floor(Date.now() / 1_000);

  // Also for what is refused before it comes here, such as a wrong key.
  app.addHook("onSend", async (_request, reply, payload) => {
    if (reply.statusCode < 400 || typeof payload !== "string") return payload;
    const message = messageOf(payload);
    return message === null ? payload : JSON.stringify(errorBody(reply.statusCode, message));
  });

  checkByHand(app);
  const models = {
    config: { access: "call" } as const,
    schema: describe("openai", "The agent", { 200: modelsWire, ...refusals }),
  };
  app.get("/v1/models", models, async () => ({
    object: "list",
    data: [{ id: MODEL, object: "model", created: since, owned_by: "voice-agent-server" }],
  }));

  app.post(
    "/v1/chat/completions",
    {
      bodyLimit: config.MAX_FRAME_BYTES,
      config: { access: "call" },
      schema: describe("openai", "The agent's answer", {
        body: chatRequest,
        200: { "application/json": completionWire, "text/event-stream": eventWire },
        503: errorWire,
        ...refusals,
      }),
    },
    async (request, reply) => {
      const parsed = chatRequest.safeParse(request.body);
      if (!parsed.success) {
        const [issue] = parsed.error.issues;
        const param = issue?.path.join(".") ?? "";
        return reply
          .code(400)
          .send(errorBody(400, `${param || "body"}: ${issue?.message ?? "not valid"}`, param));
      }
      const header = request.headers["x-call-id"];
      const callId = callIdOf(parsed.data, typeof header === "string" ? header : null);
      const known = callId === null ? null : calls.find(LINE, callId);
      const why = known ? null : refusal();
      if (why !== null) {
        return reply
          .code(503)
          .header("retry-after", 5)
          .send(errorBody(503, `No place for a call: ${why}`));
      }
      const outlet = (known && outlets.get(known)) ?? open(parsed.data, callId);
      reply.hijack();
      const answer = new OpenAiReply(reply.raw, parsed.data);
      reply.raw.once("close", () => outlet.closed(answer));
      outlet.ask(conversationOf(parsed.data), answer);
      return reply;
    },
  );

  const open = (request: ChatRequest, callId: string | null): OpenAiCall => {
    const outlet = new OpenAiCall({ idleMs: callId === null ? 0 : config.OPENAI_CALL_IDLE_MS, config });
    const init = stamp<EventOf<"system.init">>({
      type: "system.init",
      version: LINE.name,
      sessionContext: {
        initialVariables: {},
        conversationType: "telephonyInbound",
        caller: {
          userNumber: callerNumberOf(request),
          agentNumber: null,
          direction: null,
          callId,
          extra: {},
        },
      },
      outputAgentSettings: null,
    });
    const call = calls.open({ line: LINE, init, setupSession, outlet, hasSocket: false });
    outlet.begin(call);
    outlets.set(call, outlet);
    return outlet;
  };
}

/** The message of an error that is not in OpenAI's shape; null if it is. */
function messageOf(payload: string): string | null {
  try {
    const body: unknown = JSON.parse(payload);
    if (typeof body !== "object" || body === null || ("error" in body && typeof body.error === "object"))
      return null;
    return "message" in body && typeof body.message === "string" ? body.message : "The request failed";
  } catch {
    return payload;
  }
}
