import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { z } from "zod";
import { checkByHand, type Description, describe as describeRoute, problemWire } from "../route-schema.ts";
import { BadParameter } from "./query.ts";
import { badRequestWire } from "./wire.ts";

export const callParams = z.object({ id: z.string() });

/** Readies these routes: a parameter that cannot be used is answered with 400 and its name. */
export function prepareRoutes(app: FastifyInstance): void {
  checkByHand(app);
  app.setErrorHandler((error, _request, reply) => {
    if (!(error instanceof BadParameter)) throw error;
    return reply.code(400).send({ error: "bad_request", parameter: error.parameter, message: error.message });
  });
}

/** Whatever has parameters or a body may be asked with a wrong one. */
export function describe(summary: string, description: Description) {
  const wrong = description.body ? { 400: z.union([badRequestWire, problemWire]) } : { 400: badRequestWire };
  const isChecked = description.querystring !== undefined || description.body !== undefined;
  return describeRoute("calls", summary, { ...(isChecked ? wrong : {}), ...description });
}

/** Says in the log who did what to the record: a call that is deleted cannot say it any more. */
export function noteAct(request: FastifyRequest, what: string): void {
  request.log.info({ by: request.actor?.name ?? null }, what);
}

export function notFound(reply: FastifyReply, id: string) {
  return reply.code(404).send({ error: "not_found", message: `There is no call ${id}` });
}
