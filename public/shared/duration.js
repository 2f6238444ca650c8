// @ts-check
import { html, useEffect, useState } from "/assets/vendor/htm.js";
import { duration } from "./format.js";

/** @type {Set<(now: number) => void>} */
const watchers = new Set();
// One clock for the page: hundreds of calls must not be hundreds of timers.
setInterval(() => {
  const now = Date.now();
  for (const watcher of watchers) watcher(now);
}, 1_000);

/**
 * The time since `from`, ms since 1970; it stands still once `to` is known.
 * @param {{ from: number, to?: number | null }} props
 */
export function Duration({ from, to = null }) {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    if (to !== null) return;
    watchers.add(setNow);
    return () => {
      watchers.delete(setNow);
    };
  }, [to]);
  return html`<span class="duration">${duration((to ?? Math.max(now, Date.now())) - from)}</span>`;
}
