// @ts-check
import { beginOf, endOf } from "../shared/time.js";

/** The filters that stand in the address, so that a search can be linked. */
export const FILTERS = /** @type {const} */ ([
  "q",
  "id",
  "from",
  "to",
  "label",
  "escalated",
  "conversation_type",
  "alert",
  "tag",
  "topic",
  "outcome",
  "agent",
  "agent_version",
  "model",
]);

/**
 * The filters in force, as `GET /calls` and the exports take them. In the address, days are the viewer's, and the last
 * one is included.
 * @param {Record<string, string>} query what the address says
 */
export function filterParameters(query) {
  const search = new URLSearchParams();
  for (const name of FILTERS) {
    const value = query[name];
    if (!value) continue;
    const bound = name === "from" ? beginOf(value) : name === "to" ? endOf(value) : Number.NaN;
    search.set(name, Number.isNaN(bound) ? value : new Date(bound).toISOString());
  }
  return search;
}

/** The filters and the order, for one page of `GET /calls`. @param {Record<string, string>} query */
export function listParameters(query) {
  const search = filterParameters(query);
  const [sort = "", order] = (query.sort ?? "").split(" ");
  if (sort) search.set("sort", sort);
  if (sort && order) search.set("order", order);
  return search;
}
