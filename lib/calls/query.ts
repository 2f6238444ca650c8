import { z } from "zod";
import { CONVERSATION_TYPES } from "../wire/events.ts";
import { COMPARISONS } from "./compare.ts";
import { BUCKETS } from "./quality.ts";
import { LABELS } from "./report-sentiment.ts";
import { parseSearch } from "./search-words.ts";
import { type CallFilter, type Position, SORTS, type Sort, type TagKind } from "./store/read.ts";
import { isTimeZone } from "./time-zone.ts";
import { OUTCOMES } from "./topics.ts";

const DAY_MS = 24 * 3_600_000;
const DEFAULT_RANGE_MS = 30 * DAY_MS;
/** More buckets than this are no longer a picture: a hundred days by the hour. */
const MAX_BUCKETS = 2_400;

/** A parameter that cannot be used. */
export class BadParameter extends Error {
  readonly parameter: string;

  constructor(parameter: string, message: string) {
    super(`${parameter}: ${message}`);
    this.parameter = parameter;
  }
}

const time = z.union([z.iso.datetime({ offset: true }), z.iso.date()], "expected an ISO 8601 date or time");
const score = z.coerce.number().min(-5).max(5);
const yesNo = z.enum(["true", "false"]);

const name = z.string().min(1).max(300);

const filterShape = {
  from: time.optional().describe("calls that started at or after this"),
  to: time.optional().describe("calls that started before this"),
  escalated: yesNo.optional(),
  label: z.enum(LABELS).optional(),
  conversation_type: z.enum(CONVERSATION_TYPES).optional(),
  min_score: score.optional(),
  max_score: score.optional(),
  q: z
    .string()
    .max(500)
    .refine((text) => parseSearch(text).length > 0, "expected a word to look for")
    .optional()
    .describe('words that were said, all of them; "in quotes" next to each other'),
  id: name.optional().describe("a part of session_id or call_id"),
  alert: name.optional().describe("a rule that gave an alert"),
  topic: name.optional().describe("what the call was about, such as refund"),
  outcome: z.enum(OUTCOMES).optional(),
  tag: name.optional().describe("a label that people gave the call or one of its turns"),
  agent: name.optional(),
  agent_version: name.optional(),
  model: name.optional(),
};

export const filterQuery = z.strictObject(filterShape);
export const listQuery = z.strictObject({
  ...filterShape,
  limit: z.coerce.number().int().min(1).max(200).default(50),
  sort: z.enum(SORTS).default("started_at").describe("those without such a figure are left out"),
  order: z
    .enum(["asc", "desc"])
    .optional()
    .describe("default: the lowest score first, the highest of all else"),
  cursor: z.string().max(300).optional().describe("next_cursor of the page before"),
});
export const reportQuery = z.strictObject({ format: z.enum(["default", "contact-lens"]).default("default") });
export const qualityQuery = z.strictObject({
  from: time.optional().describe("default: 30 days before `to`"),
  to: time.optional().describe("default: now"),
  bucket: z.enum(["hour", "day"]).default("day"),
  time_zone: z
    .string()
    .max(100)
    .refine(isTimeZone, "expected a time zone such as Europe/Berlin")
    .default("UTC")
    .describe("whose days are meant"),
});

export const compareQuery = z.strictObject({
  by: z.enum(COMPARISONS),
  from: qualityQuery.shape.from,
  to: qualityQuery.shape.to,
  time_zone: qualityQuery.shape.time_zone,
});

export const reviewsQuery = z.strictObject({
  from: qualityQuery.shape.from,
  to: qualityQuery.shape.to,
});

/** Checks a query string. Throws {@link BadParameter} naming the first parameter that is wrong. */
export function parseQuery<S extends z.ZodType>(schema: S, query: unknown): z.output<S> {
  const result = schema.safeParse(query);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  if (issue?.code === "unrecognized_keys") {
    throw new BadParameter(issue.keys[0] ?? "", "there is no such parameter");
  }
  throw new BadParameter(String(issue?.path[0] ?? ""), issue?.message ?? "not valid");
}

export function toFilter(query: z.output<typeof filterQuery>): CallFilter {
  return {
    from: toEpoch(query.from),
    to: toEpoch(query.to),
    escalated: query.escalated === undefined ? undefined : query.escalated === "true",
    label: query.label,
    conversationType: query.conversation_type,
    minScore: query.min_score,
    maxScore: query.max_score,
    words: query.q === undefined ? undefined : parseSearch(query.q),
    idPart: query.id,
    agent: query.agent,
    agentVersion: query.agent_version,
    model: query.model,
    tags: [
      ...tag("alert", query.alert),
      ...tag("topic", query.topic),
      ...tag("outcome", query.outcome),
      ...tag("label", query.tag),
    ],
  };
}

function tag(kind: TagKind, value: string | undefined): { kind: TagKind; value: string }[] {
  return value === undefined ? [] : [{ kind, value }];
}

export function toSort({ sort, order }: Pick<z.output<typeof listQuery>, "sort" | "order">): Sort {
  return { by: sort, order: order ?? (sort === "score" || sort === "review" ? "asc" : "desc") };
}

/** The span of `/quality`, epoch ms. Throws {@link BadParameter}. */
export function toSpan(
  query: Omit<z.output<typeof qualityQuery>, "time_zone">,
  now: number,
): { from: number; to: number } {
  const to = toEpoch(query.to) ?? now;
  const from = toEpoch(query.from) ?? to - DEFAULT_RANGE_MS;
  if (from > to) throw new BadParameter("from", "must not be after `to`");
  if ((to - from) / BUCKETS[query.bucket] > MAX_BUCKETS) {
    const most = Math.floor((MAX_BUCKETS * BUCKETS[query.bucket]) / DAY_MS);
    const instead = query.bucket === "hour" ? "choose a shorter time, or days" : "choose a shorter time";
    throw new BadParameter("bucket", `by ${query.bucket}, at most ${most} days can be shown: ${instead}`);
  }
  return { from, to };
}

const cursorText = /^(-?\d{1,16}(?:\.\d{1,16})?)~(.{1,200})$/;

export function toCursor({ value, sessionId }: Position): string {
  return Buffer.from(`${value}~${sessionId}`).toString("base64url");
}

/** Throws {@link BadParameter} for a cursor that is none of ours. */
export function fromCursor(cursor: string): Position {
  const [, value, sessionId] = cursorText.exec(Buffer.from(cursor, "base64url").toString()) ?? [];
  if (value === undefined || sessionId === undefined) {
    throw new BadParameter("cursor", "expected the next_cursor of the page before");
  }
  return { value: Number(value), sessionId };
}

function toEpoch(iso: string | undefined): number | undefined {
  return iso === undefined ? undefined : Date.parse(iso);
}
