// @ts-check
import { html, useLayoutEffect, useRef, useState } from "/assets/vendor/htm.js";
import { ApiError, getJson } from "./api.js";
import { CallsFilters } from "./calls-filters.js";
import { filterParameters, listParameters } from "./calls-query.js";
import { CallTable } from "./calls-table.js";
import { ExportButtons } from "./export-buttons.js";
import { keepHere, keptHere } from "./kept-rows.js";
import { formatRoute } from "./route.js";
import { SavedViews } from "./saved-views.js";
import { Empty, Loading, Problem } from "./states.js";

/** @param {{ query: Record<string, string>, onUnauthorised: (problem: string) => void }} props */
export function CallsView({ query, onUnauthorised }) {
  const search = listParameters(query).toString();
  const { calls, cursor, scroll, error, loadMore, retry } = useCalls(search, onUnauthorised);
  return html`
    <h2 class="visually-hidden">Recent calls</h2>
    <${CallsFilters} query=${query} />
    <div class="list-bar">
      <${SavedViews} address=${formatRoute("calls", null, query)} />
      <${ExportButtons} parameters=${filterParameters(query)} />
    </div>
    ${error && html`<${Problem} error=${error} onRetry=${retry} />`}
    ${!calls && !error && html`<${Loading} what="the calls" />`}
    ${calls?.length === 0 && html`<${NothingFound} filtered=${search !== ""} />`}
    ${calls && calls.length > 0 && html`<${CallTable} calls=${calls} atOnce=${scroll > 0} />`}
    ${cursor && html`<p class="more"><button class="button" onClick=${loadMore}>More calls</button></p>`}
  `;
}

/**
 * The calls of a search, page by page. Who comes back to it finds the rows and the place as they were.
 * @param {string} search
 * @param {(problem: string) => void} onUnauthorised
 */
function useCalls(search, onUnauthorised) {
  const [found, setFound] = useState(() => startOf(search));
  const [error, setError] = useState(/** @type {ApiError | null} */ (null));
  const loading = useRef(new AbortController());

  /** @param {string | null} after @param {any[]} before */
  const load = async (after, before) => {
    const { signal } = loading.current;
    try {
      const page = await getJson(
        `/calls?limit=50${search && `&${search}`}${after ? `&cursor=${after}` : ""}`,
        signal,
      );
      const calls = [...before, ...page.calls];
      setFound((last) => ({ ...last, search, calls, cursor: page.next_cursor }));
      setError(null);
      keepHere({ search, calls, cursor: page.next_cursor, scroll: scrollY });
    } catch (failure) {
      if (signal.aborted) return;
      if (!(failure instanceof ApiError)) throw failure;
      if (failure.wantsToken) onUnauthorised(failure.message);
      // Beside the search that failed, the calls of the last one would mislead.
      setFound((last) => (last.search === search ? last : startOf(search)));
      setError(failure);
    }
  };
  useLayoutEffect(() => {
    loading.current = new AbortController();
    const kept = keptHere(search);
    if (kept) {
      setFound(kept);
      // After the rows are there.
      requestAnimationFrame(() => scrollTo(0, kept.scroll));
    } else void load(null, []);
    const remember = () => {
      const rows = keptHere(search);
      if (rows) rows.scroll = scrollY;
    };
    addEventListener("scroll", remember, { passive: true });
    return () => {
      removeEventListener("scroll", remember);
      loading.current.abort();
    };
  }, [search]);
  const { calls, cursor, scroll } = found;
  return {
    calls,
    cursor,
    scroll,
    error,
    loadMore: () => load(cursor, calls ?? []),
    retry: () => load(null, []),
  };
}

/**
 * Of somebody who comes back, `scroll` is where they left, px.
 * @param {string} search @returns {{ search: string, calls: any[] | null, cursor: string | null, scroll: number }}
 */
function startOf(search) {
  return keptHere(search) ?? { search, calls: null, cursor: null, scroll: 0 };
}

/** @param {{ filtered: boolean }} props */
function NothingFound({ filtered }) {
  if (filtered) {
    return html`<${Empty} title="No call matches"><p><a href=${formatRoute("calls")}>Show all calls</a></p><//>`;
  }
  return html`<${Empty} title="No calls yet">
    <p>All calls are listed here. <a href="/talk">Talk to the agent</a> to make one.</p>
  <//>`;
}
