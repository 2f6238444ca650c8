// @ts-check
import { html, useEffect, useState } from "/assets/vendor/htm.js";
import { duration, milliseconds, plural, score } from "../shared/format.js";
import { channelName, endName } from "../shared/names.js";
import { beginOf, endOf, when } from "../shared/time.js";
import { VerdictChip } from "../shared/verdict-chip.js";
import { ApiError, getJson } from "./api.js";
import { nameOf } from "./name-of.js";
import { formatRoute } from "./route.js";
import { Empty, Loading, Problem } from "./states.js";

/** The filters that stand in the address, so that a search can be linked. */
const FILTERS = /** @type {const} */ (["from", "to", "label", "escalated", "conversation_type"]);

/** @param {{ query: Record<string, string>, onUnauthorised: (problem: string) => void }} props */
export function CallsView({ query, onUnauthorised }) {
  const [calls, setCalls] = useState(/** @type {any[] | null} */ (null));
  const [cursor, setCursor] = useState(/** @type {string | null} */ (null));
  const [error, setError] = useState(/** @type {ApiError | null} */ (null));
  const search = searchOf(query);

  /** @param {string | null} after @param {any[]} before @param {AbortSignal} signal */
  const load = async (after, before, signal) => {
    try {
      const page = await getJson(
        `/calls?limit=50${search && `&${search}`}${after ? `&cursor=${after}` : ""}`,
        signal,
      );
      setCalls([...before, ...page.calls]);
      setCursor(page.next_cursor);
      setError(null);
    } catch (failure) {
      if (signal.aborted) return;
      if (!(failure instanceof ApiError)) throw failure;
      if (failure.wantsToken) onUnauthorised(failure.message);
      setError(failure);
    }
  };
  useEffect(() => {
    const loading = new AbortController();
    void load(null, [], loading.signal);
    return () => loading.abort();
  }, [search]);

  const sought = (query.id ?? "").toLowerCase();
  const shown =
    calls?.filter(({ session_id, call_id }) =>
      `${session_id} ${call_id ?? ""}`.toLowerCase().includes(sought),
    ) ?? [];
  return html`
    <h2 class="visually-hidden">Recent calls</h2>
    <${Filters} query=${query} />
    ${error && html`<${Problem} error=${error} onRetry=${() => load(null, [], new AbortController().signal)} />`}
    ${!calls && !error && html`<${Loading} what="the calls" />`}
    ${calls && shown.length === 0 && html`<${NothingFound} filtered=${search !== ""} sought=${query.id ?? ""} />`}
    ${shown.length > 0 && html`<${CallTable} calls=${shown} />`}
    ${
      cursor &&
      html`<p class="more"><button class="button" onClick=${() => load(cursor, calls ?? [], new AbortController().signal)}>Older calls</button></p>`
    }
  `;
}

/** The parameters of `GET /calls`; there the last day is not included, here it is. @param {Record<string, string>} query */
function searchOf(query) {
  const search = new URLSearchParams();
  for (const name of FILTERS) {
    const value = query[name];
    if (!value) continue;
    const bound = name === "from" ? beginOf(value) : name === "to" ? endOf(value) : Number.NaN;
    search.set(name, Number.isNaN(bound) ? value : new Date(bound).toISOString());
  }
  return search.toString();
}

/** @param {{ query: Record<string, string> }} props */
function Filters({ query }) {
  // Its own state: this view is drawn again with every event of a live call, and words half typed must survive that.
  const [id, setId] = useState(query.id ?? "");
  useEffect(() => setId(query.id ?? ""), [query.id]);
  /** @param {Event & { currentTarget: HTMLInputElement }} event */
  const readId = (event) => setId(event.currentTarget.value);
  /** @param {Event & { currentTarget: HTMLFormElement }} event */
  const apply = (event) => {
    event.preventDefault();
    const fields = new FormData(event.currentTarget);
    /** @type {Record<string, string>} */
    const next = {};
    for (const [name, value] of fields) if (typeof value === "string") next[name] = value.trim();
    location.hash = formatRoute("calls", null, next);
  };
  return html`<form class="filters" role="search" aria-label="Calls" onSubmit=${apply} onChange=${apply}>
    <label>Call id
      <input class="field" type="search" name="id" value=${id} onInput=${readId} />
    </label>
    <label>From<input class="field" type="date" name="from" value=${query.from ?? ""} /></label>
    <label>To<input class="field" type="date" name="to" value=${query.to ?? ""} /></label>
    <label>Mood
      <select class="field" name="label" value=${query.label ?? ""}>
        <option value="">any</option>
        ${["positive", "neutral", "negative", "none"].map((name) => html`<option value=${name}>${name}</option>`)}
      </select>
    </label>
    <label>Escalated
      <select class="field" name="escalated" value=${query.escalated ?? ""}>
        <option value="">any</option>
        <option value="true">yes</option>
        <option value="false">no</option>
      </select>
    </label>
    <label>Channel
      <select class="field" name="conversation_type" value=${query.conversation_type ?? ""}>
        <option value="">any</option>
        ${["telephonyInbound", "telephonyOutbound", "webcall", "chat"].map((name) => html`<option value=${name}>${channelName(name)}</option>`)}
      </select>
    </label>
    <button class="button">Search</button>
  </form>`;
}

/** @param {{ filtered: boolean, sought: string }} props */
function NothingFound({ filtered, sought }) {
  if (sought) {
    return html`<${Empty} title="No call here has an id like that">
      <p>Only the calls loaded so far were searched. <a href=${formatRoute("calls", sought)}>Open the call “${sought}”</a> by its session id.</p>
    <//>`;
  }
  if (filtered) {
    return html`<${Empty} title="No call matches"><p><a href=${formatRoute("calls")}>Show all calls</a></p><//>`;
  }
  return html`<${Empty} title="No calls yet">
    <p>Every call leaves a record here. <a href="/talk">Talk to the agent</a> to make one.</p>
  <//>`;
}

/** @param {{ calls: any[] }} props */
function CallTable({ calls }) {
  return html`<table class="calls">
    <thead>
      <tr><th>Call</th><th>Began</th><th>Length</th><th>Mood</th><th>Score</th><th>Reply, p95</th><th>Ended</th></tr>
    </thead>
    <tbody>
      ${calls.map((call) => html`<${CallRow} key=${call.session_id} call=${call} />`)}
    </tbody>
  </table>`;
}

/** @param {{ call: any }} props */
function CallRow({ call }) {
  const live = call.ended_at === null;
  return html`<tr>
    <th scope="row">
      <a href=${live ? formatRoute("live", call.session_id) : formatRoute("calls", call.session_id)}>
        ${nameOf({ id: call.session_id, callId: call.call_id })}
      </a>
      ${call.escalated && html` <span class="chip alert">escalated</span>`}
      ${call.alerts > 0 && html` <span class="chip warn">${plural(call.alerts, "alert")}</span>`}
    </th>
    <td data-name="Began">${when(call.started_at)}</td>
    <td data-name="Length">${live ? "live now" : duration(call.duration_ms)}</td>
    <td data-name="Mood">${call.label && call.label !== "none" ? html`<${VerdictChip} sentiment=${call.label} />` : "–"}</td>
    <td data-name="Score">${score(call.score)}</td>
    <td data-name="Reply, p95">${milliseconds(call.reply_p95_ms)}</td>
    <td data-name="Ended">${live ? "–" : endName(call.end_reason)}</td>
  </tr>`;
}
