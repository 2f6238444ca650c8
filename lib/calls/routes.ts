import type { FastifyInstance } from "fastify";
import { z } from "zod";
import type { CallStore } from "./call-store.ts";
import { compareCalls } from "./compare.ts";
import { contactLensWire, toContactLens } from "./contact-lens.ts";
import type { Excerpt } from "./excerpt.ts";
import { sendCsv, sendJsonLines } from "./export.ts";
import { costOf } from "./prices.ts";
import { readQuality } from "./quality.ts";
import {
  compareQuery,
  filterQuery,
  fromCursor,
  listQuery,
  parseQuery,
  qualityQuery,
  reportQuery,
  toCursor,
  toFilter,
  toSort,
  toSpan,
} from "./query.ts";
import { reportCall } from "./report.ts";
import { callParams, describe, noteAct, notFound, prepareRoutes } from "./route-kit.ts";
import { toScenario } from "./scenario.ts";
import { findExcerpts, listCalls, positionOf, readCall } from "./store/read.ts";
import { deleteCall } from "./store/write.ts";
import {
  callListWire,
  callWire,
  compareWire,
  conflictWire,
  notFoundWire,
  qualityWire,
  reportWire,
  toWire,
} from "./wire.ts";
import { readCallsForWire } from "./wire-call.ts";

const READ = { access: "read" } as const;
const MANAGE = { access: "manage" } as const;

/** The routes that read the record of calls; docs/calls-api.md describes them to people. */
export async function callRoutes(app: FastifyInstance, { store }: { store: CallStore }): Promise<void> {
  const { db } = store.database;
  prepareRoutes(app);

  app.get(
    "/calls",
    {
      config: READ,
      schema: describe("Calls, sorted and filtered, page by page", {
        querystring: listQuery,
        200: callListWire,
      }),
    },
    async (request) => {
      const { limit, cursor, ...query } = parseQuery(listQuery, request.query);
      const filter = toFilter(query);
      const sort = toSort(query);
      const after = cursor === undefined ? null : fromCursor(cursor);
      // One more than wanted tells whether there is another page.
      const calls = await listCalls(db, filter, after, limit + 1, sort);
      const last = calls.length > limit ? calls[limit - 1] : undefined;
      const page = calls.slice(0, limit);
      const ids = page.map(({ sessionId }) => sessionId);
      const excerpts = filter.words ? await findExcerpts(db, ids, filter.words) : new Map<string, Excerpt>();
      return toWire({
        calls: page.map((call) => ({ ...call, match: excerpts.get(call.sessionId) ?? null })),
        nextCursor: last ? toCursor(positionOf(last, sort)) : null,
      });
    },
  );

  app.get(
    "/calls/:id",
    {
      config: READ,
      schema: describe("One call in full", { params: callParams, 200: callWire, 404: notFoundWire }),
    },
    async (request, reply) => {
      const { id } = callParams.parse(request.params);
      const [call] = await readCallsForWire(db, [id]);
      return call ?? notFound(reply, id);
    },
  );

  app.get(
    "/calls/:id/report",
    {
      config: READ,
      schema: describe("The sentiment and quality report of a call", {
        params: callParams,
        querystring: reportQuery,
        200: z.union([reportWire, contactLensWire]),
        404: notFoundWire,
      }),
    },
    async (request, reply) => {
      const { id } = callParams.parse(request.params);
      const { format } = parseQuery(reportQuery, request.query);
      const call = await readCall(db, id);
      if (!call) return notFound(reply, id);
      const report = reportCall(call);
      return format === "contact-lens" ? toContactLens(report, call) : toWire(report);
    },
  );

  app.get(
    "/calls/:id/scenario",
    {
      config: READ,
      schema: describe("A call as a scenario of npm run rehearse, YAML", {
        params: callParams,
        200: { "application/yaml": z.looseObject({}) },
        404: notFoundWire,
      }),
    },
    async (request, reply) => {
      const { id } = callParams.parse(request.params);
      const call = await readCall(db, id);
      if (!call) return notFound(reply, id);
      const scenario = toScenario(call);
      const message = "The record of this call has no words of the caller";
      if (scenario === null) return reply.code(404).send({ error: "not_found", message });
      return reply.type("application/yaml; charset=utf-8").send(scenario);
    },
  );

  app.delete(
    "/calls/:id",
    {
      config: MANAGE,
      schema: describe("Deletes a call that has ended", {
        params: callParams,
        204: z.null().describe("It is gone"),
        404: notFoundWire,
        409: conflictWire,
      }),
    },
    async (request, reply) => {
      const { id } = callParams.parse(request.params);
      const result = await deleteCall(db, id);
      if (result === "deleted") {
        noteAct(request, `Deleted the call ${id}`);
        return reply.code(204).send();
      }
      if (result === "unknown") return notFound(reply, id);
      const message = "The call is still running. You can delete it when it has ended";
      return reply.code(409).send({ error: "going_on", message });
    },
  );

  app.get(
    "/quality",
    {
      config: READ,
      schema: describe("Figures across calls, by hour or day", {
        querystring: qualityQuery,
        200: qualityWire,
      }),
    },
    async (request) => {
      const query = parseQuery(qualityQuery, request.query);
      const { from, to } = toSpan(query, Date.now());
      const quality = await readQuality(db, from, to, query.bucket, query.time_zone);
      const usage = quality.usage.map((one) => ({ ...one, cost: costOf(one, store.prices) }));
      return toWire({ ...quality, usage });
    },
  );

  app.get(
    "/quality/compare",
    {
      config: READ,
      schema: describe("Figures of calls that have something in common, beside each other", {
        querystring: compareQuery,
        200: compareWire,
      }),
    },
    async (request) => {
      const { by, time_zone: timeZone, ...query } = parseQuery(compareQuery, request.query);
      const span = toSpan({ ...query, bucket: "day" }, Date.now());
      return toWire({ by, groups: await compareCalls(db, { ...span, timeZone }, by) });
    },
  );

  app.get(
    "/calls.csv",
    {
      config: MANAGE,
      schema: describe("Every call that matches, one a line", {
        querystring: filterQuery,
        200: { "text/csv": z.string() },
      }),
    },
    async (request, reply) => {
      const filter = toFilter(parseQuery(filterQuery, request.query));
      noteAct(request, "Exports calls as CSV");
      return sendCsv(reply, db, store.form, filter);
    },
  );

  app.get(
    "/calls.jsonl",
    {
      config: MANAGE,
      schema: describe("Every call that matches in full, one JSON object a line", {
        querystring: filterQuery,
        200: { "application/x-ndjson": z.string() },
      }),
    },
    async (request, reply) => {
      const filter = toFilter(parseQuery(filterQuery, request.query));
      noteAct(request, "Exports calls in full");
      return sendJsonLines(reply, db, filter);
    },
  );
}
