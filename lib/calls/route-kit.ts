import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { z } from "zod";
import { BadParameter } from "./query.ts";
import { badRequestWire } from "./wire.ts";

export const callParams = z.object({ id: z.string().max(200) });

/** Readies these routes: a parameter that cannot be used is answered with 400 and its name. */
export function prepareRoutes(app: FastifyInstance): void {
  // The schemas of the routes describe; the handlers check, and say which parameter is wrong.
  app.setValidatorCompiler(() => () => true);
  app.setSerializerCompiler(() => JSON.stringify);
  app.setErrorHandler((error, _request, reply) => {
    if (!(error instanceof BadParameter)) throw error;
    return reply.code(400).send({ error: "bad_request", parameter: error.parameter, message: error.message });
  });
}

type Description = {
  params?: z.ZodType;
  querystring?: z.ZodType;
  body?: z.ZodType;
  200?: z.ZodType;
  404?: z.ZodType;
  409?: z.ZodType;
};

/** A route's schemas as OpenAPI wants them. */
export function describe(summary: string, { params, querystring, body, ...answers }: Description) {
  const byStatus = { ...answers, ...(querystring || body ? { 400: badRequestWire } : {}) };
  return {
    summary,
    tags: ["calls"],
    ...(params ? { params: toJsonSchema(params) } : {}),
    ...(querystring ? { querystring: toJsonSchema(querystring) } : {}),
    ...(body ? { body: toJsonSchema(body) } : {}),
    response: Object.fromEntries(
      Object.entries(byStatus).map(([status, schema]) => [status, toJsonSchema(schema)]),
    ),
  };
}

function toJsonSchema(schema: z.ZodType): object {
  const { $schema, ...json } = z.toJSONSchema(schema, {
    target: "draft-7",
    io: "input",
    // The format says it; the pattern that zod adds to it fills a page.
    override: ({ jsonSchema }) => {
      if (jsonSchema.format) delete jsonSchema.pattern;
    },
  });
  return json;
}

/** Says in the log who did what to the record: a call that is deleted cannot say it any more. */
export function noteAct(request: FastifyRequest, what: string): void {
  request.log.info({ by: request.actor?.name ?? null }, what);
}

export function notFound(reply: FastifyReply, id: string) {
  return reply.code(404).send({ error: "not_found", message: `There is no call ${id}` });
}
