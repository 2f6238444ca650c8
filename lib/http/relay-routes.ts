import { parse } from "node:querystring";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { z } from "zod";
import type { Line } from "../lines/line.ts";
import { type RelayAttributes, relayElement } from "../lines/relay-attributes.ts";
import { element, type Twiml, twimlResponse } from "../lines/twiml.ts";
import type { Call, TransferRequest } from "../socket/call.ts";
import type { TransferOutcome } from "../wire/line-events.ts";
import type { Guard, LineServices } from "./lines.ts";
import { formFields } from "./senders.ts";

/** A webhook's form is a few hundred bytes, and the briefing in it a few thousand. */
const MAX_FORM_BYTES = 64 * 1024;
/** How long the platform may take to dial our socket again after it has been told to, ms. */
const REDIAL_MS = 30_000;
/** How long a person may take to press the key that accepts a call, s. */
const ACCEPT_S = 10;

export type RelayRoutesOptions = LineServices & {
  line: Line;
  /** Where these routes are, and the socket. */
  base: string;
  publicUrl: string;
  attributes: RelayAttributes;
  guard: Guard;
};

const optional = z.string().optional();
const form = z.object({
  CallSid: z.string(),
  ParentCallSid: optional,
  CallStatus: optional,
  DialCallStatus: optional,
  HandoffData: optional,
  ErrorCode: optional,
});
type Form = z.output<typeof form>;

/** What the platform brings back of the agent's transfer, when we know the call no more. */
const handoff = z.object({
  type: z.literal("transfer"),
  number: z.string(),
  kind: z.enum(["cold_transfer", "warm_transfer"]),
  briefing: z.string(),
});

/**
 * The webhooks of a number: `voice` answers a call with our socket, `action` is asked when the socket is done, and
 * does the transfer; `status`, `whisper`, `accept` and `dial` follow the leg of the person who is to take over.
 */
export async function relayRoutes(app: FastifyInstance, options: RelayRoutesOptions): Promise<void> {
  const { line, base, publicUrl, attributes, guard, calls, config } = options;
  const root = `${publicUrl.replace(/\/$/, "")}${base}`;
  const socketUrl = root.replace(/^http/, "ws");
  const path = base.startsWith("/telnyx") ? "/telnyx/:secret" : base;
  /** Calls whose supervisor has pressed the key. */
  const accepted = new WeakSet<Call>();

  const connect = (isReturn: boolean) =>
    element("Connect", { action: `${root}/action` }, relayElement(socketUrl, attributes, isReturn));
  const callOf = ({ ParentCallSid, CallSid }: Form) =>
    calls.find(line, CallSid) ?? (ParentCallSid === undefined ? null : calls.find(line, ParentCallSid));

  const routes: Record<string, (fields: Form, call: Call | null) => Twiml[]> = {
    voice: () => [connect(false)],
    action: (fields, call) => {
      const isOver = fields.CallStatus !== undefined && fields.CallStatus !== "in-progress";
      if (isOver && call?.transfer) {
        call.transferred("caller_left");
        return [element("Hangup", {})];
      }
      const transfer = call?.transfer ? toDial(call.transfer) : fromHandoff(fields.HandoffData);
      if (transfer) return [dial(transfer)];
      // Our socket broke and the caller is still there: it is dialled again, to the same conversation.
      if (call && !call.session.handedOff && !isOver) {
        if (call.away) call.waitFor(REDIAL_MS);
        return [connect(true)];
      }
      call?.session.disconnected();
      return [element("Hangup", {})];
    },
    status: (fields, call) => {
      const isCold = call?.transfer?.transferOptions.type === "cold_transfer";
      if (isCold && /^(in-progress|answered)$/.test(fields.CallStatus ?? "")) call.transferred("answered");
      return [];
    },
    whisper: (_fields, call) => [
      element(
        "Gather",
        { numDigits: 1, timeout: ACCEPT_S, action: `${root}/accept` },
        element("Say", {}, call?.transfer?.transferOptions.privateHandoffOption?.prompt ?? ""),
        element("Say", {}, "Press any key to take the call."),
      ),
      element("Hangup", {}),
    ],
    accept: (_fields, call) => {
      if (!call?.transfer) return [];
      accepted.add(call);
      const greeting = call.transfer.transferOptions.publicHandoffOption?.prompt;
      call.transferred("answered");
      return greeting === undefined ? [] : [element("Say", {}, greeting)];
    },
    dial: (fields, call) => {
      if (!call?.transfer) {
        // It was taken, and is over; or it was not, and of the call we know nothing any more.
        const isDone = /^(answered|caller_left)$/.test(outcomeOf(fields, false));
        return [isDone ? element("Hangup", {}) : connect(false)];
      }
      const isWarm = call.transfer.transferOptions.type === "warm_transfer";
      const outcome = outcomeOf(fields, isWarm && !accepted.has(call));
      if (outcome === "answered" || outcome === "caller_left") {
        call.transferred(outcome);
        return [element("Hangup", {})];
      }
      call.returns(outcome, REDIAL_MS);
      return [connect(true)];
    },
  };

  const dial = ({ number, isWarm }: ToDial): Twiml =>
    element(
      "Dial",
      { action: `${root}/dial`, timeout: Math.ceil(config.TRANSFER_TIMEOUT_MS / 1_000) },
      element(
        "Number",
        {
          statusCallback: `${root}/status`,
          statusCallbackEvent: "answered",
          url: isWarm ? `${root}/whisper` : undefined,
        },
        number,
      ),
    );

  app.addContentTypeParser(
    "application/x-www-form-urlencoded",
    { parseAs: "string", bodyLimit: MAX_FORM_BYTES },
    (_request, body, done) => done(null, formFields.parse({ ...parse(String(body)) })),
  );
  for (const [name, answer] of Object.entries(routes)) {
    app.post(
      `${path}/${name}`,
      { config: { access: "public" }, preValidation: guard },
      async (request: FastifyRequest, reply: FastifyReply) => {
        const fields = form.safeParse(request.body);
        if (!fields.success) {
          return reply
            .code(400)
            .send({ statusCode: 400, error: "Bad Request", message: "CallSid is missing" });
        }
        const content = answer(fields.data, callOf(fields.data));
        return reply.type("text/xml").send(twimlResponse(...content));
      },
    );
  }
}

type ToDial = { number: string; isWarm: boolean };

function toDial({ transferCallNumber: number, transferOptions }: TransferRequest): ToDial {
  return { number, isWarm: transferOptions.type === "warm_transfer" };
}

/** The platform has signed that this is what we gave it. */
function fromHandoff(data: string | undefined): ToDial | null {
  try {
    const { number, kind } = handoff.parse(JSON.parse(data ?? ""));
    return { number, isWarm: kind === "warm_transfer" };
  } catch {
    // No transfer: the call was ended, or the data is not ours.
    return null;
  }
}

/** @param isRefused somebody picked up, but pressed no key: a person who declined, or a machine. */
function outcomeOf(fields: Form, isRefused: boolean): Exclude<TransferOutcome, "requested"> {
  const callerLeft = fields.CallStatus !== undefined && fields.CallStatus !== "in-progress";
  switch (fields.DialCallStatus) {
    case "completed":
    case "answered":
      if (!isRefused) return "answered";
      return callerLeft ? "caller_left" : "declined";
    case "canceled":
      return "caller_left";
    case "busy":
      return callerLeft ? "caller_left" : "busy";
    case "no-answer":
      return callerLeft ? "caller_left" : "no_answer";
    default:
      return callerLeft ? "caller_left" : "failed";
  }
}
