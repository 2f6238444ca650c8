// @ts-check
import { Component, html, useMemo, useState } from "/assets/vendor/htm.js";
import { Duration } from "../shared/duration.js";
import { plural } from "../shared/format.js";
import { VerdictChip } from "../shared/verdict-chip.js";
import { urgency } from "./live-state.js";
import { nameOf } from "./name-of.js";
import { formatRoute } from "./route.js";
import { Sparkline } from "./sparkline.js";
import { Empty } from "./states.js";

/** @typedef {import("./live-state.js").LiveCall} LiveCall */

/** Rows drawn at once; nobody reads further down than this, and there is the search. */
const MAX_ROWS = 200;

/** @param {{ calls: ReadonlyMap<string, LiveCall>, selected: string | null, lostAt: number | null }} props */
export function LiveList({ calls, selected, lostAt }) {
  const [search, setSearch] = useState("");
  const [order, setOrder] = useState("urgency");
  const found = useMemo(() => sorted(matching([...calls.values()], search), order), [calls, search, order]);
  if (calls.size === 0) {
    return html`<${Empty} title="No live calls">
      A call appears here the moment it begins. <a href="/talk">Talk to the agent</a> to make one.
    <//>`;
  }
  return html`
    <div class="list-tools">
      <label class="visually-hidden" for="find">Find a live call by its id</label>
      <input class="field" id="find" type="search" placeholder="Find by id" value=${search} onInput=${read(setSearch)} />
      <label class="visually-hidden" for="order">Order</label>
      <select class="field" id="order" value=${order} onChange=${read(setOrder)}>
        <option value="urgency">Needs attention</option>
        <option value="oldest">Longest first</option>
        <option value="newest">Newest first</option>
      </select>
    </div>
    ${found.length === 0 && html`<p class="muted pad">No live call has an id like that.</p>`}
    <ul class="call-list">
      ${found
        .slice(0, MAX_ROWS)
        .map(
          (call) =>
            html`<${Row} key=${call.id} call=${call} selected=${call.id === selected} lostAt=${lostAt} />`,
        )}
    </ul>
    ${
      found.length > MAX_ROWS &&
      html`<p class="muted pad">${plural(found.length - MAX_ROWS, "more call")}: search to find one.</p>`
    }
  `;
}

/** @extends {Component<{ call: LiveCall, selected: boolean, lostAt: number | null }>} */
class Row extends Component {
  /** @override @param {{ call: LiveCall, selected: boolean, lostAt: number | null }} next */
  shouldComponentUpdate({ call, selected, lostAt }) {
    const now = this.props;
    return call !== now.call || selected !== now.selected || lostAt !== now.lostAt;
  }

  /** @override @param {{ call: LiveCall, selected: boolean, lostAt: number | null }} props */
  render({ call, selected, lostAt }) {
    return html`<li>
      <a class="row" href=${formatRoute("live", call.id)} aria-current=${selected ? "true" : undefined}>
        <b class="row-name">${nameOf(call)}</b>
        <${Duration} from=${call.startedAt} to=${lostAt} />
        <span class="row-chips">
          ${call.sentiment ? html`<${VerdictChip} sentiment=${call.sentiment} />` : html`<span class="chip">not heard yet</span>`}
          ${call.escalation && html`<span class="chip alert">escalated</span>`}
          ${call.alerts.length > 0 && html`<span class="chip warn">${plural(call.alerts.length, "alert")}</span>`}
          ${call.muted && html`<span class="chip">agent muted</span>`}
        </span>
        <${Sparkline} scores=${call.scores} />
      </a>
    </li>`;
  }
}

/** @param {LiveCall[]} calls @param {string} search */
function matching(calls, search) {
  const words = search.trim().toLowerCase();
  if (words === "") return calls;
  return calls.filter(({ id, callId }) => `${id} ${callId ?? ""}`.toLowerCase().includes(words));
}

/** @param {LiveCall[]} calls @param {string} order */
function sorted(calls, order) {
  return calls.sort((a, b) => {
    if (order === "newest") return b.startedAt - a.startedAt;
    const urgent = order === "urgency" ? urgency(b) - urgency(a) : 0;
    return urgent || a.startedAt - b.startedAt;
  });
}

/** @param {(value: string) => void} set */
function read(set) {
  return (/** @type {Event & { currentTarget: HTMLInputElement | HTMLSelectElement }} */ event) =>
    set(event.currentTarget.value);
}
