import type { FastifyInstance } from "fastify";
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

export type LiveRoutesOptions = {
  live: Live;
  /** Whether AUTH_TOKEN guards this server: without it anybody could steer a call. */
  canSupervise: boolean;
};

const streamQuery = z.object({
  session: z.string().min(1).max(200).optional(),
  last_event_id: z.coerce.number().int().min(0).optional(),
});
const session = z.object({ session: z.string() });
const spoken = z.object({ text: supervisorText });

/** The live stream, the picture of the live calls, and the supervisor's hand: docs/live-api.md. */
export async function liveRoutes(
  app: FastifyInstance,
  { live, canSupervise }: LiveRoutesOptions,
): Promise<void> {
  // An open stream would hold the server's close for as long as its reader likes.
  app.addHook("preClose", async () => live.endStreams());

  // A HEAD route would open a stream as well.
  app.get("/live", { exposeHeadRoute: false }, async (request, reply) => {
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
    live.addViewer(reply.raw, {
      sessionId: query.session ?? null,
      lastEventId: lastEventId(request.headers["last-event-id"]) ?? query.last_event_id ?? null,
    });
  });

  app.get("/live/calls", async () => {
    const { lastEventId: last_event_id, calls } = live.list();
    return { last_event_id, can_supervise: canSupervise, calls };
  });

  app.get("/live/calls/:session", async (request) => {
    const { lastEventId: last_event_id, call } = live.get(check(session, request.params).session);
    return { last_event_id, can_supervise: canSupervise, call };
  });

  const onCommand = (action: SupervisorCommand["action"], read: (body: unknown) => SupervisorCommand) => {
    app.post(`/live/:session/${action}`, async (request) => {
      if (!canSupervise) {
        throw new LiveError("supervision_off", "set AUTH_TOKEN: without it anybody could steer calls");
      }
      const { session: sessionId } = check(session, request.params);
      live.refuseUnlessLive(sessionId);
      await live.supervise(sessionId, read(request.body));
      return { session_id: sessionId, action, at: now() };
    });
  };
  for (const action of ["whisper", "say"] as const) {
    onCommand(action, (body) => ({ action, text: check(spoken, body).text }));
  }
  for (const action of ["transfer", "end", "mute", "unmute"] as const) onCommand(action, () => ({ action }));
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
