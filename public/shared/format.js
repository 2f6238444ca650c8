// @ts-check

/** Minutes and seconds, or hours as well: 0:42, 12:05, 1:02:09. @param {number} ms */
export function duration(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const shown = parts[0] === 0 ? parts.slice(1) : parts;
  return shown.map((part, index) => (index === 0 ? part : String(part).padStart(2, "0"))).join(":");
}

/** A score of −5…5, always with its sign. @param {number | null} value */
export function score(value) {
  if (value === null) return "–";
  const text = Math.abs(value).toFixed(1);
  if (Number(text) === 0) return "0.0";
  return `${value < 0 ? "−" : "+"}${text}`;
}

/** A share of 0…1. @param {number | null} value */
export function percent(value) {
  return value === null ? "–" : `${Math.round(value * 100)} %`;
}

/** @param {number | null} value ms */
export function milliseconds(value) {
  if (value === null) return "–";
  return value < 1000 ? `${Math.round(value)} ms` : `${(value / 1000).toFixed(1)} s`;
}

/** Words of the wire for people: client_closed → client closed. @param {string} name */
export function words(name) {
  return name
    .replace(/([a-z])([A-Z])/g, "$1 $2")
    .replaceAll("_", " ")
    .toLowerCase();
}

/** @param {number} count @param {string} noun */
export function plural(count, noun) {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
