// @ts-check
import { html } from "/assets/vendor/htm.js";
import { channelName, ruleName } from "../shared/names.js";

/**
 * @typedef {import("./live-state.js").LiveCall} LiveCall
 * @typedef {{ search: string, alert: string, mood: string, channel: string, agent: string }} Filters empty: all
 * @typedef {{ call: LiveCall, needs: readonly import("./attention.js").Need[] }} Entry
 */

/** @type {Filters} */
export const NO_FILTERS = { search: "", alert: "", mood: "", channel: "", agent: "" };

/** @param {Entry} entry @param {Filters} filters */
export function matches({ call, needs }, { search, alert, mood, channel, agent }) {
  const words = search.trim().toLowerCase();
  return (
    (words === "" ||
      `${call.id} ${call.callId ?? ""} ${call.callerNumber ?? ""}`.toLowerCase().includes(words)) &&
    (alert === "" ||
      (alert === "open" ? needs.length > 0 : call.alerts.some(({ rule }) => rule === alert))) &&
    (mood === "" || call.sentiment === mood) &&
    (channel === "" || call.conversationType === channel) &&
    (agent === "" || call.agent === agent)
  );
}

/**
 * @param {{ filters: Filters, onChange: (filters: Filters) => void, calls: ReadonlyMap<string, LiveCall>,
 *   order: string, onOrder: (order: string) => void }} props
 */
export function LiveFilters({ filters, onChange, calls, order, onOrder }) {
  const all = [...calls.values()];
  const set = (/** @type {keyof Filters} */ name) => (/** @type {string} */ value) =>
    onChange({ ...filters, [name]: value });
  const used = Object.entries(filters).filter(([name, value]) => name !== "search" && value !== "").length;
  const rules = distinct(all.flatMap(({ alerts }) => alerts.map(({ rule }) => rule)));
  return html`
    <label class="visually-hidden" for="find">Find a live call by its id or number</label>
    <input class="field" id="find" type="search" placeholder="Id or number" value=${filters.search} onInput=${read(set("search"))} />
    <label class="visually-hidden" for="order">Order</label>
    <select class="field" id="order" value=${order} onChange=${read(onOrder)}>
      <option value="urgency">Needs help first</option>
      <option value="oldest">Longest first</option>
      <option value="newest">Newest first</option>
    </select>
    <details class="live-filters">
      <summary>Filter${used > 0 && ` (${used})`}</summary>
      <div>
        <${Choice} name="Alert" value=${filters.alert} onChange=${set("alert")} options=${[
          ["open", "any open alert"],
          ...rules.map((rule) => [rule, ruleName(rule)]),
        ]} />
        <${Choice} name="Mood" value=${filters.mood} onChange=${set("mood")} options=${["positive", "neutral", "negative", "frustrated"].map(same)} />
        <${Choice} name="Channel" value=${filters.channel} onChange=${set("channel")}
          options=${distinct(all.map((call) => call.conversationType)).map((type) => [type, channelName(type)])} />
        <${Choice} name="Agent" value=${filters.agent} onChange=${set("agent")} options=${distinct(all.map(({ agent }) => agent)).map(same)} />
        ${used > 0 && html`<button class="button small" onClick=${() => onChange(NO_FILTERS)}>Show all</button>`}
      </div>
    </details>
  `;
}

/** @param {{ name: string, value: string, onChange: (value: string) => void, options: readonly [value: string, text: string][] }} props */
function Choice({ name, value, onChange, options }) {
  return html`<label>
    ${name}
    <select class="field" value=${value} onChange=${read(onChange)}>
      <option value="">all</option>
      ${options.map(([option, text]) => html`<option key=${option} value=${option}>${text}</option>`)}
    </select>
  </label>`;
}

/** @param {(string | null)[]} values @returns {string[]} */
function distinct(values) {
  return [...new Set(values.filter((value) => value !== null))].sort();
}

/** @param {string} value */
function same(value) {
  return [value, value];
}

/** @param {(value: string) => void} set */
function read(set) {
  return (/** @type {Event & { currentTarget: HTMLInputElement | HTMLSelectElement }} */ event) =>
    set(event.currentTarget.value);
}
