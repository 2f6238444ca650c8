import { addAbortListener } from "node:events";
import type { ServerResponse } from "node:http";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { z } from "zod";
import { now } from "../wire/events.ts";
import { LiveError } from "./errors.ts";
import type { Live } from "./live.ts";
import { type SupervisorCommand, supervisorText } from "./supervisor-command.ts";

/** When to come back if all places are taken, s. */
const RETRY_AFTER_S = 5;

const STREAM_HEADERS = {
  "content-type": "text/event-stream; charset=utf-8",
  "cache-control": "no-store",
  // Some proxies would gather the events and pass them on late.
  "x-accel-buffering": "no",
};

const streamQuery = z.object({
  session: z.string().min(1).max(200).optional(),
  last_event_id: z.coerce.number().int().min(0).optional(),
});
const session = z.object({ session: z.string() });
const spoken = z.object({ text: supervisorText });

/** The live stream, the picture of the live calls, and the supervisor's hand: docs/live-api.md. */
export async function liveRoutes(app: FastifyInstance, { live }: { live: Live }): Promise<void> {
  // An open stream would hold the server's close for as long as its reader likes.
  app.addHook("preClose", async () => live.endStreams());

  // A HEAD route would open a stream as well.
  const stream = { exposeHeadRoute: false, config: { access: "read", tokenInQuery: true } } as const;
  app.get("/live", stream, async (request, reply) => {
    const query = check(streamQuery, request.query);
    if (live.full) {
      reply.header("retry-after", RETRY_AFTER_S);
      throw new LiveError("too_many_viewers", "too many are watching: close a stream, or come back later");
    }
    reply.hijack();
    // What the server's hooks have set would be lost with the reply.
    for (const [name, value] of Object.entries(reply.getHeaders())) {
      if (value !== undefined) reply.raw.setHeader(name, value);
    }
    reply.raw.writeHead(200, STREAM_HEADERS);
    endWhenRevoked(request, reply.raw);
    live.addViewer(reply.raw, {
      sessionId: query.session ?? null,
      lastEventId: lastEventId(request.headers["last-event-id"]) ?? query.last_event_id ?? null,
    });
  });

  app.get("/live/calls", { config: { access: "read" } }, async (request) => {
    const { lastEventId: last_event_id, calls } = live.list();
    return { last_event_id, can_supervise: request.may("steer"), calls };
  });

  app.get("/live/calls/:session", { config: { access: "read" } }, async (request) => {
    const { lastEventId: last_event_id, call } = live.get(check(session, request.params).session);
    return { last_event_id, can_supervise: request.may("steer"), call };
  });

  type Read = (body: unknown, by: string | null) => SupervisorCommand;
  const onCommand = (action: SupervisorCommand["action"], read: Read) => {
    app.post(`/live/:session/${action}`, { config: { access: "steer" } }, async (request) => {
      const { session: sessionId } = check(session, request.params);
      live.refuseUnlessLive(sessionId);
      await live.supervise(sessionId, read(request.body, request.actor?.name ?? null));
      return { session_id: sessionId, action, at: now() };
    });
  };
  for (const action of ["whisper", "say"] as const) {
    onCommand(action, (body, by) => ({ action, text: check(spoken, body).text, by }));
  }
  for (const action of ["transfer", "end", "mute", "unmute"] as const)
    onCommand(action, (_body, by) => ({ action, by }));
}

/** Whose token is taken back sees no more. */
function endWhenRevoked({ actor }: FastifyRequest, response: ServerResponse): void {
  if (!actor) return;
  const listening = addAbortListener(actor.revoked, () => response.end());
  response.once("close", () => listening[Symbol.dispose]());
}

/** A header that is no number asks for something we do not have: id 0 is older than all. */
function lastEventId(header: string | string[] | undefined): number | null {
  if (typeof header !== "string" || header === "") return null;
  const id = Number(header);
  return Number.isSafeInteger(id) && id >= 0 ? id : 0;
}

function check<T>(schema: z.ZodType<T>, value: unknown): T {
  const result = schema.safeParse(value ?? {});
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new LiveError("bad_request", `${issue?.path.join(".") || "body"}: ${issue?.message}`);
}
