// @ts-check
import { html, useEffect, useState } from "/assets/vendor/htm.js";
import { words } from "../shared/format.js";
import { channelName, outcomeName, ruleName } from "../shared/names.js";
import { beginOf, minuteText } from "../shared/time.js";
import { formatRoute } from "./route.js";

const MOODS = ["positive", "neutral", "negative", "none"];
const OUTCOMES = ["resolved", "not_resolved", "handed_over"];
const CHANNELS = ["telephonyInbound", "telephonyOutbound", "webcall", "chat"];
const SORTS = /** @type {const} */ ([
  ["", "newest first"],
  ["started_at asc", "oldest first"],
  ["score asc", "unhappiest callers first"],
  ["score desc", "happiest callers first"],
  ["risk desc", "highest risk first"],
  ["duration desc", "longest first"],
  ["duration asc", "shortest first"],
  ["reply desc", "slowest replies first"],
  ["review asc", "lowest review score first"],
  ["review desc", "highest review score first"],
]);
/** Filters that other views link to; here they can only be taken away. */
const LINKED = /** @type {const} */ (["alert", "tag", "topic", "agent", "agent_version", "model"]);

/** @param {{ query: Record<string, string> }} props */
export function CallsFilters({ query }) {
  /** @param {Event & { currentTarget: HTMLFormElement }} event */
  const apply = (event) => {
    event.preventDefault();
    const next = { ...query };
    for (const [name, value] of new FormData(event.currentTarget)) {
      // A time that nobody has changed stays what it was: by the viewer's clocks, it may be one of two.
      if (typeof value === "string" && value !== fieldText(query[name] ?? "")) next[name] = value.trim();
    }
    location.hash = formatRoute("calls", null, next);
  };
  return html`<form class="filters" role="search" aria-label="Calls" onSubmit=${apply} onChange=${apply}>
    <${TextField} name="q" label="Words said" value=${query.q ?? ""} hint='refund "two weeks"' />
    <${TextField} name="id" label="Call id" value=${query.id ?? ""} hint="" />
    <${TimeField} name="from" label="From" value=${query.from ?? ""} />
    <${TimeField} name="to" label="To" value=${query.to ?? ""} />
    <${Choice} name="label" label="Mood" value=${query.label ?? ""} options=${MOODS.map((name) => [name, name])} />
    <${Choice} name="escalated" label="Escalated" value=${query.escalated ?? ""} options=${[
      ["true", "yes"],
      ["false", "no"],
    ]} />
    <${Choice} name="conversation_type" label="Channel" value=${query.conversation_type ?? ""} options=${CHANNELS.map((name) => [name, channelName(name)])} />
    <${Choice} name="outcome" label="Outcome" value=${query.outcome ?? ""} options=${OUTCOMES.map((name) => [name, outcomeName(name)])} />
    <label>Order
      <select class="field" name="sort" value=${query.sort ?? ""}>
        ${SORTS.map(([value, name]) => html`<option value=${value}>${name}</option>`)}
      </select>
    </label>
    <button class="button">Search</button>
  </form>
  <${LinkedFilters} query=${query} />`;
}

/** @param {{ query: Record<string, string> }} props */
function LinkedFilters({ query }) {
  const given = LINKED.filter((name) => query[name]);
  if (given.length === 0) return null;
  return html`<ul class="linked-filters" aria-label="More filters">
    ${given.map(
      (name) => html`<li key=${name}>
        <a class="chip" href=${formatRoute("calls", null, { ...query, [name]: "" })}>
          ${name === "tag" ? "label" : words(name)}: ${name === "alert" ? ruleName(query[name] ?? "") : query[name]} <span aria-hidden="true">✕</span><span class="visually-hidden">Remove this filter</span>
        </a>
      </li>`,
    )}
  </ul>`;
}

/**
 * Its own state: the view is drawn again with every event of a live call, and words half typed must survive that.
 * @param {{ name: string, label: string, value: string, hint: string }} props
 */
function TextField({ name, label, value, hint }) {
  const [text, setText] = useState(value);
  useEffect(() => setText(value), [value]);
  /** @param {Event & { currentTarget: HTMLInputElement }} event */
  const read = (event) => setText(event.currentTarget.value);
  return html`<label>${label}
    <input class="field" type="search" name=${name} value=${text} placeholder=${hint} dir="auto" onInput=${read} />
  </label>`;
}

/** What a field shows of a day, or of a time in any zone: times are the viewer's. @param {string} value */
function fieldText(value) {
  const at = value.includes("T") ? beginOf(value) : Number.NaN;
  return Number.isNaN(at) ? value : minuteText(at);
}

/** A day; where a link gives an hour, a time. @param {{ name: string, label: string, value: string }} props */
export function TimeField({ name, label, value }) {
  const type = value.includes("T") ? "datetime-local" : "date";
  return html`<label>${label}<input class="field" type=${type} name=${name} value=${fieldText(value)} /></label>`;
}

/** @param {{ name: string, label: string, value: string, options: readonly (readonly [value: string, name: string])[] }} props */
function Choice({ name, label, value, options }) {
  return html`<label>${label}
    <select class="field" name=${name} value=${value}>
      <option value="">any</option>
      ${options.map(([one, text]) => html`<option value=${one}>${text}</option>`)}
    </select>
  </label>`;
}
