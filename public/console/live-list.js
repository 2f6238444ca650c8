// @ts-check
import { Component, html, useMemo, useState } from "/assets/vendor/htm.js";
import { Duration } from "../shared/duration.js";
import { plural } from "../shared/format.js";
import { useKept } from "../shared/kept.js";
import { VerdictChip } from "../shared/verdict-chip.js";
import { AlarmChoices, useAlarms } from "./alarms.js";
import { urgency } from "./attention.js";
import { entriesOf } from "./entries.js";
import { GlidingList } from "./gliding-list.js";
import { HolderChip } from "./in-hand.js";
import { LiveFilters, matches, NO_FILTERS } from "./live-filters.js";
import { nameOf } from "./name-of.js";
import { formatRoute } from "./route.js";
import { Sparkline } from "./sparkline.js";
import { Empty } from "./states.js";
import { useHeldOrder } from "./use-held-order.js";
import { useSteps } from "./use-steps.js";

/**
 * @typedef {import("./live-state.js").LiveCall} LiveCall
 * @typedef {import("./attention.js").Group} Group
 * @typedef {import("./entries.js").Entry} Entry
 */

/** Most rows; nobody reads further down than this, and there is the search. */
const MAX_ROWS = 200;
/** Rows drawn at a time when the list is opened. */
const ROWS_AT_ONCE = 8;

/** @type {Record<Group, string>} */
const HEADINGS = { needs: "Need help", fine: "Going well", handedOver: "Handed over" };
/** @type {Record<Group, number>} */
const PLACES = { needs: 0, fine: 1, handedOver: 2 };

/**
 * @param {{ calls: ReadonlyMap<string, LiveCall>, you: string | null, selected: string | null, lostAt: number | null,
 *   seen: boolean }} props `seen`: it is shown, or has been; its alarms go off in any case
 */
export function LiveList({ calls, you, selected, lostAt, seen }) {
  const [filters, setFilters] = useState(NO_FILTERS);
  const [order, setOrder] = useKept("voice-agent-order", "urgency");
  const [pinned, setPinned] = useKept("voice-agent-pinned", /** @type {string[]} */ ([]), sessionStorage);
  const entries = useMemo(() => entriesOf(calls), [calls]);
  const fresh = useMemo(
    () =>
      sorted(
        entries.filter((entry) => matches(entry, filters)),
        order,
        pinned,
      ),
    [entries, filters, order, pinned],
  );
  useAlarms(entries);
  const hold = useHeldOrder(fresh, `${order} ${JSON.stringify(filters)} ${pinned}`);
  const rows = seen ? Math.min(hold.shown.length, MAX_ROWS) : 0;
  const drawn = useSteps(Math.ceil(rows / ROWS_AT_ONCE)) * ROWS_AT_ONCE;
  if (!seen) return null;
  if (calls.size === 0) {
    return html`<${Empty} title="No live calls">
      Calls appear here as soon as they begin. <a href="/talk">Talk to the agent</a> to make one.
    <//>`;
  }
  const byId = new Map(fresh.map((entry) => [entry.call.id, entry]));
  const pin = (/** @type {string} */ id) =>
    setPinned(pinned.includes(id) ? pinned.filter((each) => each !== id) : [...pinned, id].slice(-50));
  return html`<div class="live-list" ...${hold.watch}>
    <div class="list-tools">
      <${LiveFilters} filters=${filters} onChange=${setFilters} calls=${calls} order=${order} onOrder=${setOrder} />
      <${AlarmChoices} />
      ${
        hold.changed > 0 &&
        html`<button class="button changed" onClick=${hold.take}>${hold.changed} changed: show them</button>`
      }
    </div>
    ${fresh.length === 0 && html`<p class="muted pad">No live call matches these filters.</p>`}
    <${GlidingList} class="call-list">
      ${sections(hold.shown, hold.groups, order, pinned, Math.min(rows, drawn)).map(
        ({ heading, ids, all }) => html`<section key=${heading} aria-label=${heading || "Calls"}>
          ${heading && html`<h2 class="group" data-glides=${heading}>${heading} <span class="muted">${all}</span></h2>`}
          <ul>
            ${ids.map((id) => {
              const entry = byId.get(id);
              return entry
                ? html`<${Row}
                    key=${id}
                    entry=${entry}
                    call=${entry.call}
                    you=${you}
                    selected=${id === selected}
                    pinned=${pinned.includes(id)}
                    lostAt=${lostAt}
                    onPin=${pin}
                  />`
                : html`<li key=${id} data-glides=${id}><p class="row gone muted">This call has ended.</p></li>`;
            })}
          </ul>
        </section>`,
      )}
    <//>
    ${
      hold.shown.length > MAX_ROWS &&
      html`<p class="muted pad">${plural(hold.shown.length - MAX_ROWS, "more call")}. Search to find one.</p>`
    }
  </div>`;
}

/**
 * @typedef {{ entry: Entry, call: LiveCall, you: string | null, selected: boolean, pinned: boolean, lostAt: number | null,
 *   onPin: (id: string) => void }} RowProps `call` is the entry's: a row is drawn again only when that has changed
 */

/** @extends {Component<RowProps>} */
class Row extends Component {
  /** @override @param {RowProps} next */
  shouldComponentUpdate({ call, selected, pinned, lostAt }) {
    const now = this.props;
    return call !== now.call || selected !== now.selected || pinned !== now.pinned || lostAt !== now.lostAt;
  }

  /** @override @param {RowProps} props */
  render({ entry: { call, needs, group }, you, selected, pinned, lostAt, onPin }) {
    const name = nameOf(call);
    return html`<li class=${group} data-glides=${call.id}>
      <div class="row-box">
        <a class="row" href=${formatRoute("live", call.id)} aria-current=${selected ? "true" : undefined}>
          <span class="row-name"><b>${name}</b> ${call.callerNumber && html`<span class="muted">${call.callerNumber}</span>`}</span>
          <${Duration} from=${call.startedAt} to=${lostAt} />
          <span class="row-chips">
            ${group === "handedOver" && html`<span class="chip">handed over</span>`}
            ${needs.slice(0, 2).map(({ kind, text, weight }) => html`<span class="chip ${weight >= 200 ? "alert" : "warn"}" key=${kind}>${text}</span>`)}
            ${needs.length > 2 && html`<span class="chip warn">+${needs.length - 2}</span>`}
            ${call.sentiment ? html`<${VerdictChip} sentiment=${call.sentiment} />` : html`<span class="chip">no mood yet</span>`}
            <${HolderChip} call=${call} you=${you} />
            ${call.muted && html`<span class="chip">agent muted</span>`}
          </span>
          <${Sparkline} scores=${call.scores} />
          ${call.lastWords && html`<span class="row-words muted small" dir="auto">“${call.lastWords.text}”</span>`}
        </a>
        <button
          class="pin"
          aria-pressed=${String(pinned)}
          aria-label=${`${pinned ? "Unpin" : "Pin"} ${name}`}
          title=${pinned ? "Unpin" : "Pin to the top"}
          onClick=${() => onPin(call.id)}
        >
          ${pinned ? "★" : "☆"}
        </button>
      </div>
    </li>`;
  }
}

/** @param {Entry[]} entries @param {string} order @param {readonly string[]} pinned */
function sorted(entries, order, pinned) {
  const pins = new Set(pinned);
  const rank = new Map(entries.map((entry) => [entry, urgency(entry.call, entry.needs)]));
  return entries.sort((a, b) => {
    const pin = Number(pins.has(b.call.id)) - Number(pins.has(a.call.id));
    if (pin !== 0) return pin;
    if (order === "newest") return b.call.startedAt - a.call.startedAt;
    if (order === "oldest") return a.call.startedAt - b.call.startedAt;
    return (
      PLACES[a.group] - PLACES[b.group] ||
      (rank.get(b) ?? 0) - (rank.get(a) ?? 0) ||
      (a.needs[0]?.since ?? 0) - (b.needs[0]?.since ?? 0) ||
      a.call.startedAt - b.call.startedAt
    );
  });
}

/**
 * The rows under their headings, in the order they have.
 * @param {readonly string[]} ids @param {ReadonlyMap<string, Group>} groupOfId @param {string} order
 * @param {readonly string[]} pinned
 * @param {number} most so many rows in all
 * @returns {{ heading: string, ids: string[], all: number }[]} `all`: how many there are, drawn or not
 */
function sections(ids, groupOfId, order, pinned, most) {
  const pins = new Set(pinned);
  const others = ids.filter((id) => !pins.has(id));
  const groups = /** @type {Group[]} */ (["needs", "fine", "handedOver"]);
  const whole = [
    { heading: "Pinned", ids: ids.filter((id) => pins.has(id)) },
    ...(order === "urgency"
      ? groups.map((group) => ({
          heading: HEADINGS[group],
          ids: others.filter((id) => (groupOfId.get(id) ?? "fine") === group),
        }))
      : [{ heading: "", ids: others }]),
  ];
  let left = most;
  return whole.flatMap((section) => {
    const rows = section.ids.slice(0, left);
    left -= rows.length;
    return rows.length > 0 ? { heading: section.heading, ids: rows, all: section.ids.length } : [];
  });
}
