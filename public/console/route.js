// @ts-check

/**
 * What the part of the address after # says:
 * `#/live`, `#/live/SESSION`, `#/desk/SESSION`, `#/calls?escalated=true`, `#/calls/SESSION`, `#/quality?bucket=hour`.
 * @typedef {{ tab: "live" | "desk" | "calls" | "quality", id: string | null, query: Record<string, string> }} Route
 */

const TABS = /** @type {const} */ (["live", "desk", "calls", "quality"]);

/** @param {string} hash @returns {Route} the live calls when it says nothing that is known */
export function parseRoute(hash) {
  const [path = "", search = ""] = hash.replace(/^#\/?/, "").split("?", 2);
  const [name, id] = path.split("/");
  const tab = TABS.find((one) => one === name) ?? "live";
  return { tab, id: id ? decode(id) : null, query: Object.fromEntries(new URLSearchParams(search)) };
}

/** @param {Route["tab"]} tab @param {string | null} [id] @param {Record<string, string>} [query] empty values are left out */
export function formatRoute(tab, id = null, query = {}) {
  const given = Object.entries(query).filter(([, value]) => value !== "");
  const search = given.length > 0 ? `?${new URLSearchParams(given)}` : "";
  return `#/${tab}${id === null ? "" : `/${encodeURIComponent(id)}`}${search}`;
}

/** What the server calls a session. Most platforms name their calls otherwise. @param {string} id */
export function isSessionId(id) {
  return /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/.test(id);
}

/** @param {string} text */
function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
