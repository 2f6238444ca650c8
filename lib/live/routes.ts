import { addAbortListener } from "node:events";
import type { ServerResponse } from "node:http";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { z } from "zod";
import {
  checkByHand,
  type Description,
  describe as describeRoute,
  eventWire,
  problemWire,
} from "../route-schema.ts";
import type { Transfer } from "../session/transfer.ts";
import { now } from "../wire/events.ts";
import { LiveError } from "./errors.ts";
import type { Live } from "./live.ts";
import type { Suggestions } from "./suggestions.ts";
import type { SupervisorCommand } from "./supervisor-command.ts";
import {
  actWire,
  liveCallsWire,
  liveCallWire,
  opinionBody,
  refusals,
  sessionParams,
  signedBody,
  spokenBody,
  suggestionWire,
} from "./wire.ts";

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

  checkByHand(app);
  // An open stream would hold the server's close for as long as its reader likes.
  app.addHook("preClose", async () => live.endStreams());

  // A HEAD route would open a stream as well.
  const stream = {
    exposeHeadRoute: false,
    config: { access: "read", tokenInQuery: true } as const,
    schema: describe("What happens in the calls, as it happens", {
      querystring: streamQuery,
      200: { "text/event-stream": eventWire },
      400: problemWire,
      503: problemWire,
    }),
  };
  app.get("/live", stream, async (request, reply) => {
    const query = check(streamQuery, request.query);
    if (live.full) {
      reply.header("retry-after", RETRY_AFTER_S);
      throw new LiveError("too_many_viewers", "too many viewers: close a stream, or try again later");
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

  const calls = {
    config: { access: "read" } as const,
    schema: describe("The calls that run", { 200: liveCallsWire }),
  };
  app.get("/live/calls", calls, async (request) => {
    const { lastEventId: last_event_id, calls } = live.list();
    return { last_event_id, ...rightsOf(request), calls };
  });

  const call = {
    config: { access: "read" } as const,
    schema: describe("One of them, with its turns", {
      params: sessionParams,
      200: liveCallWire,
      404: problemWire,
    }),
  };
  app.get("/live/calls/:session", call, async (request) => {
    const { lastEventId: last_event_id, call } = live.get(sessionOf(request));
    return { last_event_id, ...rightsOf(request), call };
  });

  const suggest = {
    config: { access: "speak" } as const,
    schema: describe("Wording for the reply, by the model", {
      params: sessionParams,
      200: suggestionWire,
      ...refusals,
    }),
  };
  app.post("/live/:session/suggest", suggest, async (request, reply) => {
    const turns = live.turns(sessionOf(request));
    if (!suggestions)
      throw new LiveError("not_possible", "no model is configured that could suggest wording");
    const gone = new AbortController();
    reply.raw.once("close", () => gone.abort());
    return { text: await suggestions.suggest(turns, gone.signal) };
  });

  type Read = (body: unknown, by: string | null) => SupervisorCommand;
  type Command = {
    access: "speak" | "steer";
    action: SupervisorCommand["action"];
    body?: z.ZodObject;
    read: Read;
  };
  const onCommand = ({ access, action, body, read }: Command) => {
    const schema = describe(ACTS[action], {
      params: sessionParams,
      body: body ? signedBody.extend(body.shape) : signedBody,
      200: actWire,
      ...refusals,
    });
    app.post(`/live/:session/${action}`, { config: { access }, schema }, async (request) => {
      const sessionId = sessionOf(request);
      live.refuseUnlessLive(sessionId);
      const by = request.person ?? check(signedBody, request.body).as ?? request.actor?.name ?? null;
      await live.supervise(sessionId, read(request.body, by));
      return { session_id: sessionId, action, at: now() };
    });
  };
  const spoken = (access: "speak" | "steer", action: "whisper" | "say") =>
    onCommand({
      access,
      action,
      body: spokenBody,
      read: (body, by) => ({ action, text: check(spokenBody, body).text, by }),
    });
  spoken("steer", "whisper");
  spoken("speak", "say");
  for (const action of ["transfer", "end", "mute", "unmute"] as const) {
    onCommand({ access: "steer", action, read: (_body, by) => ({ action, by }) });
  }
  for (const action of ["take_over", "hand_back", "release", "acknowledge"] as const) {
    onCommand({ access: "speak", action, read: (_body, by) => ({ action, by }) });
  }
  onCommand({
    access: "speak",
    action: "claim",
    read: (_body, by) => {
      if (by === null) throw new LiveError("bad_request", "as: say who claims the call");
      return { action: "claim", by };
    },
  });
  onCommand({
    access: "speak",
    action: "feedback",
    body: opinionBody,
    read: (body, by) => {
      const { rule, alert_at: alertAt, feedback } = check(opinionBody, body);
      return { action: "feedback", rule, alertAt, feedback, by };
    },
  });
}

const ACTS: Readonly<Record<SupervisorCommand["action"], string>> = {
  whisper: "Gives the agent a note that the caller does not hear",
  say: "Has the agent say this to the caller",
  transfer: "Hands the caller over",
  end: "Ends the call",
  mute: "Has the agent say nothing",
  unmute: "Lets the agent speak again",
  take_over: "Mutes the agent, to speak in its place by `say`",
  hand_back: "Lets the agent go on",
  claim: "Says that this call is in somebody's hands",
  release: "Says that it no longer is",
  acknowledge: "Says that the alerts so far have been seen",
  feedback: "Says what somebody thinks of an alert",
};

function describe(summary: string, description: Description) {
  return describeRoute("live", summary, description);
}

function sessionOf({ params }: FastifyRequest): string {
  return check(sessionParams, params).session;
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
