import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { z } from "zod";
import { SENTIMENTS } from "../../wire/log-events.ts";
import { personName } from "../../wire/person-name.ts";
import type { CallStore } from "../call-store.ts";
import { BadParameter, parseQuery } from "../query.ts";
import { callParams, describe, notFound, prepareRoutes } from "../route-kit.ts";
import { notFoundWire, toWire } from "../wire.ts";
import { readReview } from "./review.ts";
import { setVerdictLabel } from "./verdict-labels.ts";
import { reviewWire } from "./wire.ts";

const READ = { access: "read" } as const;
const REVIEW = { access: "review" } as const;

/** Who it is, where the token is not a person's own. */
const as = personName.optional().describe("your name, where the token is not yours alone");
const verdictBody = z.strictObject({
  verdict: z.enum(SENTIMENTS).nullable().describe("what it was; null takes your label back"),
  as,
});
const turnParams = callParams.extend({ turn: z.coerce.number().int().min(1) });

/** The routes by which people say what they think of a recorded call: docs/review.md. */
export async function reviewRoutes(app: FastifyInstance, { store }: { store: CallStore }): Promise<void> {
  const { db } = store.database;
  prepareRoutes(app);

  const answer = async (request: FastifyRequest, reply: FastifyReply, id: string) => {
    const review = await readReview(db, id);
    if (!review) return notFound(reply, id);
    return toWire({ ...review, you: request.person, canReview: request.may("review") });
  };

  app.get(
    "/calls/:id/review",
    {
      config: READ,
      schema: describe("What people said about a call", {
        params: callParams,
        200: reviewWire,
        404: notFoundWire,
      }),
    },
    async (request, reply) => answer(request, reply, callParams.parse(request.params).id),
  );

  app.put(
    "/calls/:id/review/verdicts/:turn",
    {
      config: REVIEW,
      schema: describe("Says what the caller's mood was in a turn", {
        params: turnParams,
        body: verdictBody,
        200: reviewWire,
        404: notFoundWire,
      }),
    },
    async (request, reply) => {
      const { id, turn } = parseQuery(turnParams, request.params);
      const { verdict, as: given } = parseQuery(verdictBody, request.body ?? {});
      const by = authorOf(request, given);
      const result = await setVerdictLabel(db, id, { turn, verdict, by, at: Date.now() });
      if (result === "no_turn") throw new BadParameter("turn", "expected a turn of the caller");
      return answer(request, reply, id);
    },
  );
}

/** Whose opinion it is: it goes on record under their name. Throws {@link BadParameter}. */
function authorOf(request: FastifyRequest, given: string | undefined): string {
  const name = request.person ?? given ?? request.actor?.name;
  if (name === undefined) throw new BadParameter("as", "say who you are");
  return name;
}
