import { addAbortListener } from "node:events";
import type { ServerResponse } from "node:http";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { z } from "zod";
import type { Transfer } from "../session/transfer.ts";
import { now } from "../wire/events.ts";
import { personName } from "../wire/person-name.ts";
import { LiveError } from "./errors.ts";
import type { Live } from "./live.ts";
import type { Suggestions } from "./suggestions.ts";
import { alertFeedback, type SupervisorCommand, supervisorText } from "./supervisor-command.ts";

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
/** Who acts, where the token is not a person's own. */
const signed = z.object({ as: personName.nullish() });
const opinion = z.object({
  rule: alertFeedback.shape.rule,
  alert_at: alertFeedback.shape.alertAt,
  feedback: alertFeedback.shape.feedback,
});

export type LiveRoutesOptions = {
  live: Live;
  /** Where a supervisor's transfer goes. Default null: nowhere. */
  transfer?: Transfer | null;
  /** What proposes wording to the human beside a call. Default null: there is no model for it. */
  suggestions?: Suggestions | null;
};

/** The live stream, the picture of the live calls, and the supervisor's hand: docs/live-api.md. */
export async function liveRoutes(app: FastifyInstance, options: LiveRoutesOptions): Promise<void> {
  const { live, transfer = null, suggestions = null } = options;
  /** Who asks, and what they may do here. */
  const rightsOf = (request: FastifyRequest) => ({
    you: request.person,
    can_supervise: request.may("steer"),
    can_speak: request.may("speak"),
    can_suggest: suggestions !== null && request.may("speak"),
    transfer_number: transfer?.number ?? null,
  });

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
    return { last_event_id, ...rightsOf(request), calls };
  });

  app.get("/live/calls/:session", { config: { access: "read" } }, async (request) => {
    const { lastEventId: last_event_id, call } = live.get(check(session, request.params).session);
    return { last_event_id, ...rightsOf(request), call };
  });

  app.post("/live/:session/suggest", { config: { access: "speak" } }, async (request, reply) => {
    const turns = live.turns(check(session, request.params).session);
    if (!suggestions)
      throw new LiveError("not_possible", "no model is configured that could suggest wording");
    const gone = new AbortController();
    reply.raw.once("close", () => gone.abort());
    return { text: await suggestions.suggest(turns, gone.signal) };
  });

  type Read = (body: unknown, by: string | null) => SupervisorCommand;
  const onCommand = (access: "speak" | "steer", action: SupervisorCommand["action"], read: Read) => {
    app.post(`/live/:session/${action}`, { config: { access } }, async (request) => {
      const { session: sessionId } = check(session, request.params);
      live.refuseUnlessLive(sessionId);
      const by = request.person ?? check(signed, request.body).as ?? request.actor?.name ?? null;
      await live.supervise(sessionId, read(request.body, by));
      return { session_id: sessionId, action, at: now() };
    });
  };
  onCommand("steer", "whisper", (body, by) => ({ action: "whisper", text: check(spoken, body).text, by }));
  onCommand("speak", "say", (body, by) => ({ action: "say", text: check(spoken, body).text, by }));
  for (const action of ["transfer", "end", "mute", "unmute"] as const) {
    onCommand("steer", action, (_body, by) => ({ action, by }));
  }
  for (const action of ["take_over", "hand_back", "release", "acknowledge"] as const) {
    onCommand("speak", action, (_body, by) => ({ action, by }));
  }
  onCommand("speak", "claim", (_body, by) => {
    if (by === null) throw new LiveError("bad_request", "as: say who claims the call");
    return { action: "claim", by };
  });
  onCommand("speak", "feedback", (body, by) => {
    const { rule, alert_at: alertAt, feedback } = check(opinion, body);
    return { action: "feedback", rule, alertAt, feedback, by };
  });
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
