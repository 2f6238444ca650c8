import { STATUS_CODES } from "node:http";
import type { FastifyInstance } from "fastify";
import { z } from "zod";

/*
 * What a route says of itself, from the schemas it checks with; `/docs/json` shows it as OpenAPI. What is asked at the
 * door of every route is added there (`http/api-docs.ts`).
 */

/** What the server answers where a route has no words of its own: Fastify's errors, and ours with their `code`. */
export const problemWire = z.object({
  statusCode: z.number().int(),
  code: z.string().optional(),
  error: z.string(),
  message: z.string(),
});

/** One event of a stream: its data is JSON, or a word such as `[DONE]`. */
export const eventWire = z.looseObject({ data: z.string() });

/** A body that is not JSON, by its media type. */
export type Content = Readonly<Record<string, z.ZodType>>;

type Status = 200 | 204 | 400 | 401 | 403 | 404 | 409 | 413 | 415 | 429 | 500 | 503 | 504;

export type Description = {
  params?: z.ZodType;
  querystring?: z.ZodType;
  body?: z.ZodType;
} & { /** What it answers beyond what the door does. */ readonly [status in Status]?: z.ZodType | Content };

/** Makes the schemas of this plugin's routes describe only: its handlers check, and say which parameter is wrong. */
export function checkByHand(app: FastifyInstance): void {
  app.setValidatorCompiler(() => () => true);
  app.setSerializerCompiler(
    () => (value) => JSON.stringify(value instanceof Error ? toProblem(value) : value),
  );
}

/** An error as it is answered. */
export function toProblem(error: Error): z.output<typeof problemWire> {
  const statusCode = "statusCode" in error ? Number(error.statusCode) : 500;
  const code = "code" in error ? String(error.code) : undefined;
  return { statusCode, code, error: STATUS_CODES[statusCode] ?? "", message: error.message };
}

/** A route's schemas, which become JSON Schema when somebody asks for it. @param tag which part of the API it belongs to. */
export function describe(
  tag: string,
  summary: string,
  { params, querystring, body, ...answers }: Description,
) {
  return {
    summary,
    tags: [tag],
    ...(params ? { params } : {}),
    ...(querystring ? { querystring } : {}),
    ...(body ? { body } : {}),
    response: Object.fromEntries(
      Object.entries(answers).map(([status, answer]) => [status, toResponse(answer)]),
    ),
  };
}

function toResponse(answer: z.ZodType | Content): object {
  if (answer instanceof z.ZodType) return answer;
  const content = Object.entries(answer).map(([type, schema]) => [type, { schema }]);
  return { description: "OK", content: Object.fromEntries(content) };
}

/** What {@link describe} has put together, with every schema in it as JSON Schema. */
export function toJson(described: unknown): unknown {
  if (described instanceof z.ZodType) return toJsonSchema(described);
  if (typeof described !== "object" || described === null || Array.isArray(described)) return described;
  return Object.fromEntries(Object.entries(described).map(([key, value]) => [key, toJson(value)]));
}

function toJsonSchema(schema: z.ZodType): object {
  const { $schema, ...json } = z.toJSONSchema(schema, {
    target: "draft-7",
    io: "input",
    unrepresentable: "any",
    override: ({ zodSchema, jsonSchema }) => {
      // The format says it; the pattern that zod adds to it fills a page.
      if (jsonSchema.format) delete jsonSchema.pattern;
      // Anything is taken there, and what is not understood is passed over.
      if (zodSchema._zod.def.type === "catch")
        for (const key of Object.keys(jsonSchema)) delete jsonSchema[key];
    },
  });
  return json;
}
