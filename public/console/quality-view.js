// @ts-check
import { html, useMemo } from "/assets/vendor/htm.js";
import { milliseconds, percent, plural, score } from "../shared/format.js";
import { beginOf, dayText, endOf, timeZone } from "../shared/time.js";
import { TimeField } from "./calls-filters.js";
import { filterParameters, spanInAddress } from "./calls-query.js";
import { CallTable } from "./calls-table.js";
import { Comparison } from "./comparison.js";
import { ExportButtons } from "./export-buttons.js";
import { QualityCharts, QualityTable } from "./quality-charts.js";
import { AlertsByRule, Usage } from "./quality-panels.js";
import { ReviewsPanel } from "./reviews-panel.js";
import { formatRoute } from "./route.js";
import { SavedViews } from "./saved-views.js";
import { Empty, Loading, Problem } from "./states.js";
import { Tiles } from "./tiles.js";
import { useFetched } from "./use-fetched.js";
import { useKeptPlace } from "./use-kept-place.js";
import { useSteps } from "./use-steps.js";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** How far back each step looks, unless the address says. */
const SPANS = { hour: 48 * HOUR_MS, day: 30 * DAY_MS };
/** Calls shown as the worst ones. */
const WORST = 5;
/** The figures' pieces, drawn one after the other from the top. */
const PIECES = 5;

/** @param {{ query: Record<string, string>, onUnauthorised: (problem: string) => void }} props */
export function QualityView({ query, onUnauthorised }) {
  const bucket = query.bucket === "hour" ? "hour" : "day";
  const span = useMemo(() => spanOf(query, bucket), [query.from, query.to, bucket]);
  const bounds = new URLSearchParams({ from: span.from, to: span.to, time_zone: timeZone() });
  const worst = new URLSearchParams({ from: span.from, to: span.to, sort: "score", limit: String(WORST) });
  const { answers, error, retry } = useFetched(
    [`/quality?bucket=${bucket}&${bounds}`, `/calls?${worst}`],
    onUnauthorised,
  );
  useKeptPlace();
  /** @param {Event & { currentTarget: HTMLFormElement }} event */
  const apply = (event) => {
    event.preventDefault();
    const next = { ...query };
    for (const [name, value] of new FormData(event.currentTarget))
      if (typeof value === "string") next[name] = value;
    location.hash = formatRoute("quality", null, next);
  };
  return html`
    <div class="view-head">
      <h2>Quality over time</h2>
      <form class="range" aria-label="Time" onChange=${apply} onSubmit=${apply}>
        <${TimeField} name="from" label="From" value=${query.from ?? dayText(Date.parse(span.from))} />
        <${TimeField} name="to" label="To" value=${query.to ?? dayText(Date.parse(span.to) - 1)} />
      </form>
      <nav class="segments" aria-label="Step">
        <a href=${formatRoute("quality", null, { ...query, bucket: "hour" })} aria-current=${bucket === "hour" ? "true" : undefined}>By hour</a>
        <a href=${formatRoute("quality", null, { ...query, bucket: "day" })} aria-current=${bucket === "day" ? "true" : undefined}>By day</a>
      </nav>
    </div>
    <div class="list-bar">
      <${SavedViews} address=${formatRoute("quality", null, query)} />
      <${ExportButtons} parameters=${filterParameters({ from: span.from, to: span.to })} />
    </div>
    <p class="muted small zone">Times are in your time zone, ${timeZone().replaceAll("_", " ")}.</p>
    ${error && html`<${Problem} error=${error} onRetry=${retry} />`}
    ${!answers && !error && html`<${Loading} what="the figures" />`}
    ${
      answers?.[0] &&
      html`<${Figures} key=${`${answers[0].bucket} ${answers[0].from} ${answers[0].to}`} quality=${answers[0]} worst=${answers[1].calls}
        bounds=${bounds} query=${query} onUnauthorised=${onUnauthorised} />`
    }
  `;
}

/** @param {{ quality: any, worst: any[], bounds: URLSearchParams, query: Record<string, string>, onUnauthorised: (problem: string) => void }} props */
function Figures({ quality, worst, bounds, query, onUnauthorised }) {
  const { totals } = quality;
  const drawn = useSteps(PIECES);
  if (totals.calls === 0) {
    return html`<${Empty} title="No ended calls in this period">
      ${
        query.from || query.to
          ? html`<p><a href=${formatRoute("quality", null, { ...query, from: "", to: "" })}>Show the latest calls</a></p>`
          : html`<p>Figures appear when a call has ended. <a href="/talk">Talk to the agent</a> to make one.</p>`
      }
    <//>`;
  }
  const days = spanInAddress(Date.parse(quality.from), Date.parse(quality.to), quality.bucket);
  return html`
    <${Tiles}
      figures=${[
        ["Calls", totals.calls],
        ["Mood score", score(totals.score)],
        ["Escalated", percent(totals.escalation_rate), plural(totals.escalated, "call")],
        ["Negative", percent(totals.negative_share), "of utterances"],
        ["Reply, p50", milliseconds(totals.reply_p50_ms)],
        ["Reply, p95", milliseconds(totals.reply_p95_ms)],
      ]}
    />
    <${QualityCharts} quality=${quality} />
    ${drawn > 1 && html`<${QualityTable} quality=${quality} />`}
    ${
      drawn > 2 &&
      html`<${Comparison} query=${query} bounds=${bounds} days=${days} onUnauthorised=${onUnauthorised} />`
    }
    ${
      drawn > 3 &&
      html`<div class="charts">
        <${AlertsByRule} alerts=${totals.alerts} feedback=${totals.feedback} days=${days} />
        <${Usage} usage=${quality.usage} />
      </div>`
    }
    ${
      drawn > 4 &&
      html`<${ReviewsPanel} bounds=${bounds} days=${days} onUnauthorised=${onUnauthorised} />
        ${worst.length > 0 && html`<${WorstCalls} calls=${worst} days=${days} />`}`
    }
  `;
}

/** @param {{ calls: any[], days: { from: string, to: string } }} props */
function WorstCalls({ calls, days }) {
  return html`<section class="worst" aria-label="Worst calls">
    <h3>Worst calls <a class="small" href=${formatRoute("calls", null, { ...days, sort: "score asc" })}>Show all</a></h3>
    <${CallTable} calls=${calls} label="Worst calls" />
  </section>`;
}

/** The server widens what is asked for to whole hours and days; all figures of this page are to be of the same calls. @param {number} ms @param {"hour" | "day"} bucket */
function wholeBegin(ms, bucket) {
  return bucket === "day" ? beginOf(dayText(ms)) : ms - (ms % HOUR_MS);
}

/** @param {Record<string, string>} query @param {"hour" | "day"} bucket */
function spanOf({ from = "", to = "" }, bucket) {
  const end = Number.isNaN(endOf(to)) ? Date.now() : endOf(to);
  const begin = Number.isNaN(beginOf(from)) ? wholeBegin(end - SPANS[bucket], bucket) : beginOf(from);
  return { from: new Date(Math.min(begin, end)).toISOString(), to: new Date(end).toISOString() };
}
