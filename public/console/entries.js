// @ts-check
import { groupOf, needsOf } from "./attention.js";

/**
 * @typedef {import("./live-state.js").LiveCall} LiveCall
 * @typedef {{ call: LiveCall, needs: readonly import("./attention.js").Need[], group: import("./attention.js").Group }} Entry
 *   a call and what it wants
 */

/** @type {WeakMap<LiveCall, Entry>} */
const known = new WeakMap();

/** The entries of these calls; that of a call that has not changed is the one it was. @param {ReadonlyMap<string, LiveCall>} calls @returns {Entry[]} */
export function entriesOf(calls) {
  return [...calls.values()].map((call) => {
    const before = known.get(call);
    if (before) return before;
    const needs = needsOf(call);
    const entry = { call, needs, group: groupOf(call, needs) };
    known.set(call, entry);
    return entry;
  });
}
