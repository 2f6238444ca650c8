// @ts-check
import { beginOf, dayText, endOf } from "../shared/time.js";

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

/**
 * From when to when calls began, as the address of a list of calls has it: days of the viewer, or for hours the minutes in
 * UTC, because an hour by the viewer's clocks may come twice.
 * @param {number} from ms since 1970 @param {number} to ms since 1970, not included @param {string} bucket
 */
export function spanInAddress(from, to, bucket) {
  if (bucket === "day") return { from: dayText(from), to: dayText(to - 1) };
  const minute = (/** @type {number} */ ms) => new Date(ms).toISOString().replace(/:\d\d\.\d{3}Z$/, "Z");
  return { from: minute(from), to: minute(to) };
}

/** The filters and the order, for one page of `GET /calls`. @param {Record<string, string>} query */
export function listParameters(query) {
  const search = filterParameters(query);
  const [sort = "", order] = (query.sort ?? "").split(" ");
  if (sort) search.set("sort", sort);
  if (sort && order) search.set("order", order);
  return search;
}
