// @ts-check
import { html, useMemo } from "/assets/vendor/htm.js";
import { milliseconds, percent, plural, score } from "../shared/format.js";
import { timeZone } from "../shared/time.js";
import { QualityCharts, QualityTable } from "./quality-charts.js";
import { formatRoute } from "./route.js";
import { Empty, Loading, Problem } from "./states.js";
import { Tiles } from "./tiles.js";
import { useFetched } from "./use-fetched.js";

const HOUR_MS = 3_600_000;
/** How far back each view looks. */
const SPANS = { hour: 48 * HOUR_MS, day: 30 * 24 * HOUR_MS };

/** @param {{ query: Record<string, string>, onUnauthorised: (problem: string) => void }} props */
export function QualityView({ query, onUnauthorised }) {
  const bucket = query.bucket === "hour" ? "hour" : "day";
  const path = useMemo(() => {
    const from = new Date(Date.now() - SPANS[bucket]).toISOString();
    return `/quality?${new URLSearchParams({ bucket, from, time_zone: timeZone() })}`;
  }, [bucket]);
  const { answers, error, retry } = useFetched([path], onUnauthorised);
  return html`
    <div class="view-head">
      <h2>Quality over time</h2>
      <nav class="segments" aria-label="Step">
        <a href=${formatRoute("quality", null, { bucket: "hour" })} aria-current=${bucket === "hour" ? "true" : undefined}>By hour, two days</a>
        <a href=${formatRoute("quality", null, { bucket: "day" })} aria-current=${bucket === "day" ? "true" : undefined}>By day, 30 days</a>
      </nav>
    </div>
    ${error && html`<${Problem} error=${error} onRetry=${retry} />`}
    ${!answers && !error && html`<${Loading} what="the figures" />`}
    ${answers?.[0] && html`<${Figures} key=${answers[0].bucket} quality=${answers[0]} />`}
  `;
}

/** @param {{ quality: any }} props */
function Figures({ quality }) {
  const { totals } = quality;
  if (totals.calls === 0) {
    return html`<${Empty} title="No ended calls in this time">
      <p>The figures come from the record of ended calls. <a href="/talk">Talk to the agent</a> to make one.</p>
    <//>`;
  }
  return html`
    <${Tiles}
      figures=${[
        ["Calls", totals.calls],
        ["Score", score(totals.score)],
        ["Escalated", percent(totals.escalation_rate), plural(totals.escalated, "call")],
        ["Negative", percent(totals.negative_share), "of utterances"],
        ["Reply, p50", milliseconds(totals.reply_p50_ms)],
        ["Reply, p95", milliseconds(totals.reply_p95_ms)],
      ]}
    />
    <${QualityCharts} quality=${quality} />
    <${QualityTable} quality=${quality} />
  `;
}
