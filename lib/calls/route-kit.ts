import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { z } from "zod";
import { AgentServerError, describeError } from "../errors.ts";
import { checkByHand, type Description, describe as describeRoute, problemWire } from "../route-schema.ts";
import { BadParameter } from "./query.ts";
import { isRefused } from "./store/database.ts";
import { badRequestWire } from "./wire.ts";

export const callParams = z.object({ id: z.string() });

/** When to ask again while the database is away, s: about as often as its writer does. */
const RETRY_AFTER_S = 5;

/** The database does not answer: nothing can be read or changed for now. */
class RecordAwayError extends AgentServerError {
  readonly code = "record_away";
  readonly statusCode = 503;
}

/**
 * Readies these routes: a parameter that cannot be used is answered with 400 and its name, and with 503 what cannot be
 * looked up at the moment.
 */
export function prepareRoutes(app: FastifyInstance): void {
  checkByHand(app);
  app.setErrorHandler((error, request, reply) => {
    if (error instanceof BadParameter) {
      const { parameter, message } = error;
      return reply.code(400).send({ error: "bad_request", parameter, message });
    }
    // What has a status is about the request, and what is refused is a mistake of ours.
    if ((error instanceof Error && "statusCode" in error) || isRefused(error)) throw error;
    request.log.warn(describeError(error), "The record of calls cannot be read");
    reply.header("retry-after", RETRY_AFTER_S);
    throw new RecordAwayError("The record of calls is unavailable: try again later, and see /ready");
  });
}

/** Whatever has parameters or a body may be asked with a wrong one. */
export function describe(summary: string, description: Description) {
  const wrong = description.body ? { 400: z.union([badRequestWire, problemWire]) } : { 400: badRequestWire };
  const isChecked = description.querystring !== undefined || description.body !== undefined;
  return describeRoute("calls", summary, { ...(isChecked ? wrong : {}), 503: problemWire, ...description });
}

/** Says in the log who did what to the record: a call that is deleted cannot say it any more. */
export function noteAct(request: FastifyRequest, what: string): void {
  request.log.info({ by: request.actor?.name ?? null }, what);
}

export function notFound(reply: FastifyReply, id: string) {
  return reply.code(404).send({ error: "not_found", message: `There is no call ${id}` });
}
