import type { FastifyInstance } from "fastify";
import { z } from "zod";
import type { Metrics } from "../metrics/metrics.ts";
import { checkByHand, describe } from "../route-schema.ts";
import type { Connections } from "../socket/connections.ts";

const rootWire = z.object({
  name: z.literal("voice-agent-server"),
  status: z.enum(["ok", "not ready"]),
  websocket: z.string().optional().describe("the path to dial"),
});
const healthWire = z.object({ status: z.literal("ok") });
const readyWire = z.object({
  status: z.enum(["ready", "degraded"]),
  reason: z.string().optional().describe("why calls are worse off at the moment"),
  answers_from: z.string().optional().describe("what gives the answers"),
  models: z.array(z.looseObject({})).optional().describe("what is asked, and what is known of it"),
  record: z.string().optional().describe("how the record of calls stands"),
});
const notReadyWire = z.object({ status: z.enum(["draining", "not ready"]), reason: z.string().optional() });

export type StatusRoutesOptions = {
  /** The path to dial; undefined if there is none. */
  path: string | undefined;
  connections: Connections;
  metrics: Metrics;
  /** Why no call could be taken, or null. */
  notReady: () => string | null;
  /** Looks again whether calls could be taken. */
  check: () => Promise<void>;
  /** Why calls are worse off, or null. */
  health: () => string | null;
  answersFrom: string | undefined;
  models: (() => readonly object[]) | undefined;
  record: (() => string | undefined) | undefined;
};

/** `/` for people, `/health`, `/ready` and `/metrics` for machines. */
export async function statusRoutes(app: FastifyInstance, options: StatusRoutesOptions): Promise<void> {
  const { path, connections, metrics, notReady, check, health, answersFrom, models, record } = options;
  checkByHand(app);
  app.get(
    "/",
    { config: { access: "any" }, schema: describe("status", "What this is", { 200: rootWire }) },
    async () => ({
      name: "voice-agent-server",
      status: notReady() ? "not ready" : "ok",
      websocket: path,
    }),
  );
  app.get(
    "/health",
    {
      config: { access: "public" },
      schema: describe("status", "Whether the process runs", { 200: healthWire }),
    },
    async () => ({ status: "ok" }),
  );
  app.get(
    "/ready",
    {
      config: { access: "public" },
      schema: describe("status", "Whether calls are taken", { 200: readyWire, 503: notReadyWire }),
    },
    async (_request, reply) => {
      if (connections.draining) return reply.code(503).send({ status: "draining" });
      // What is missing may have come meanwhile; a check that passed stays passed.
      if (notReady()) await check();
      const why = notReady();
      if (why) return reply.code(503).send({ status: "not ready", reason: why });
      const reason = health();
      const status = reason === null ? { status: "ready" } : { status: "degraded", reason };
      return { ...status, answers_from: answersFrom, models: models?.(), record: record?.() };
    },
  );
  app.get(
    "/metrics",
    {
      config: { access: "metrics" },
      schema: describe("status", "Figures for Prometheus", { 200: { "text/plain": z.string() } }),
    },
    async (_request, reply) => reply.type(metrics.registry.contentType).send(await metrics.text()),
  );
}
