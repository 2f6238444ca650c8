import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { z } from "zod";
import { SENTIMENTS } from "../../wire/log-events.ts";
import { personName } from "../../wire/person-name.ts";
import type { CallStore } from "../call-store.ts";
import { BadParameter, parseQuery, reviewsQuery, toSpan } from "../query.ts";
import { callParams, describe, notFound, prepareRoutes } from "../route-kit.ts";
import { notFoundWire, toWire } from "../wire.ts";
import { ANSWERS, misfit, scoreOf } from "./form.ts";
import { addRemark, deleteRemark, REMARK_KINDS } from "./remarks.ts";
import { readReview } from "./review.ts";
import { readReviews } from "./reviews.ts";
import { deleteScorecard, saveScorecard } from "./scorecards.ts";
import { setVerdictLabel } from "./verdict-labels.ts";
import { reviewsWire, reviewWire } from "./wire.ts";

const READ = { access: "read" } as const;
const REVIEW = { access: "review" } as const;
/** Longest label, characters: a word or two, to find calls by. */
const MAX_LABEL = 60;

/** Who it is, where the token is not a person's own. */
const as = personName.optional().describe("your name, where the token is not yours alone");
const verdictBody = z.strictObject({
  verdict: z.enum(SENTIMENTS).nullable().describe("what it was; null takes your label back"),
  as,
});
const cardBody = z.strictObject({
  answers: z.record(z.string().max(40), z.enum(ANSWERS)).nullable().describe("null takes your card back"),
  comment: z.string().trim().max(5_000).default(""),
  as,
});
const remarkBody = z
  .strictObject({
    kind: z.enum(REMARK_KINDS),
    text: z.string().trim().min(1).max(2_000),
    turn: z.number().int().min(1).nullable().default(null).describe("null: on the call"),
    as,
  })
  .refine(({ kind, text }) => kind === "note" || text.length <= MAX_LABEL, {
    path: ["text"],
    message: `a label has ${MAX_LABEL} characters at most`,
  });
const signedBody = z.strictObject({ as });
const turnParams = callParams.extend({ turn: z.coerce.number().int().min(1) });
const remarkParams = callParams.extend({ remark: z.string().max(100) });

/** The routes by which people say what they think of a recorded call: docs/review.md. */
export async function reviewRoutes(app: FastifyInstance, { store }: { store: CallStore }): Promise<void> {
  const { form } = store;
  const { db } = store.database;
  prepareRoutes(app);

  const answer = async (request: FastifyRequest, reply: FastifyReply, id: string) => {
    const review = await readReview(db, id);
    if (!review) return notFound(reply, id);
    const rights = {
      you: request.person,
      canReview: request.may("review"),
      canManage: request.may("manage"),
    };
    return toWire({ ...review, ...rights, keepsWords: store.keepWords("") !== null, form });
  };
  const schema = (summary: string, body?: z.ZodType, params: z.ZodType = callParams) =>
    describe(summary, { params, ...(body ? { body } : {}), 200: reviewWire, 404: notFoundWire });
  /** What is kept of words that somebody wrote. */
  const keep = (parameter: string, words: string) => {
    const kept = store.keepWords(words);
    if (kept === null && words !== "")
      throw new BadParameter(parameter, "no words are kept (RECORD_TEXT=none)");
    return kept ?? "";
  };

  app.get(
    "/calls/:id/review",
    { config: READ, schema: schema("What people said about a call") },
    async (request, reply) => answer(request, reply, callParams.parse(request.params).id),
  );

  app.get(
    "/quality/reviews",
    {
      config: READ,
      schema: describe("Scores, outcomes, topics and labels across calls, and how far reviewers agree", {
        querystring: reviewsQuery,
        200: reviewsWire,
      }),
    },
    async (request) => {
      const { from, to } = toSpan({ ...parseQuery(reviewsQuery, request.query), bucket: "day" }, Date.now());
      return toWire(await readReviews(db, from, to));
    },
  );

  app.put(
    "/calls/:id/review/verdicts/:turn",
    { config: REVIEW, schema: schema("Says what the caller's mood was in a turn", verdictBody, turnParams) },
    async (request, reply) => {
      const { id, turn } = parseQuery(turnParams, request.params);
      const { verdict, as: given } = parseQuery(verdictBody, request.body ?? {});
      const by = authorOf(request, given);
      const result = await setVerdictLabel(db, id, { turn, verdict, by, at: Date.now() });
      if (result === "no_turn") throw new BadParameter("turn", "expected a turn of the caller");
      return answer(request, reply, id);
    },
  );

  app.put(
    "/calls/:id/review/scorecard",
    { config: REVIEW, schema: schema("Scores a call", cardBody) },
    async (request, reply) => {
      const { id } = callParams.parse(request.params);
      const { answers, comment, as: given } = parseQuery(cardBody, request.body ?? {});
      const by = authorOf(request, given);
      if (answers === null) {
        await deleteScorecard(db, id, by);
        return answer(request, reply, id);
      }
      const problem = misfit(form, answers);
      if (problem !== null) throw new BadParameter("answers", problem);
      const kept = { comment: keep("comment", comment), score: scoreOf(form, answers), at: Date.now() };
      await saveScorecard(db, id, { by, source: "person", form: form.name, answers, reasons: {}, ...kept });
      return answer(request, reply, id);
    },
  );

  app.post(
    "/calls/:id/review/remarks",
    { config: REVIEW, schema: schema("Writes a label or a note on a call or a turn", remarkBody) },
    async (request, reply) => {
      const { id } = callParams.parse(request.params);
      const { as: given, text, ...rest } = parseQuery(remarkBody, request.body ?? {});
      const remark = { ...rest, text: keep("text", text), by: authorOf(request, given), at: Date.now() };
      const result = await addRemark(db, id, remark);
      if (result === "no_turn") throw new BadParameter("turn", "there is no such turn");
      if (result === "full")
        throw new BadParameter("text", "this call has as many remarks as are kept: delete some");
      return answer(request, reply, id);
    },
  );

  app.delete(
    "/calls/:id/review/remarks/:remark",
    {
      config: REVIEW,
      schema: schema("Deletes a label or a note of one's own; an admin, anybody's", signedBody, remarkParams),
    },
    async (request, reply) => {
      const { id, remark } = parseQuery(remarkParams, request.params);
      const { as: given } = parseQuery(signedBody, request.body ?? {});
      const by = authorOf(request, given);
      const isDeleted = await deleteRemark(db, id, remark, request.may("manage") ? null : by);
      if (isDeleted) return answer(request, reply, id);
      const message = `There is no remark ${remark} of yours on the call ${id}`;
      return reply.code(404).send({ error: "not_found", message });
    },
  );
}

/** Whose opinion it is: it goes on record under their name. Throws {@link BadParameter}. */
function authorOf(request: FastifyRequest, given: string | undefined): string {
  const name = request.person ?? given ?? request.actor?.name;
  if (name === undefined) throw new BadParameter("as", "say who you are");
  return name;
}
