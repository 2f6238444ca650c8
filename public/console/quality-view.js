// @ts-check
import { html, useMemo } from "/assets/vendor/htm.js";
import { milliseconds, percent, plural, score } from "../shared/format.js";
import { LineChart } from "./line-chart.js";
import { formatRoute } from "./route.js";
import { Empty, Loading, Problem } from "./states.js";
import { Tiles } from "./tiles.js";
import { useFetched } from "./use-fetched.js";

const HOUR_MS = 3_600_000;
/** How far back each view looks. */
const SPANS = { hour: 48 * HOUR_MS, day: 30 * 24 * HOUR_MS };

/** @param {{ query: Record<string, string>, onUnauthorised: () => void }} props */
export function QualityView({ query, onUnauthorised }) {
  const bucket = query.bucket === "hour" ? "hour" : "day";
  const path = useMemo(() => {
    const from = new Date(Date.now() - SPANS[bucket]).toISOString();
    return `/quality?bucket=${bucket}&from=${encodeURIComponent(from)}`;
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
function Figures({ quality: { totals, buckets, bucket } }) {
  if (totals.calls === 0) {
    return html`<${Empty} title="No ended calls in this time">
      <p>The figures come from the record of ended calls. <a href="/talk">Talk to the agent</a> to make one.</p>
    <//>`;
  }
  const xs = buckets.map((/** @type {any} */ one) => Date.parse(one.start) / 1000);
  const column = (/** @type {string} */ name) => buckets.map((/** @type {any} */ one) => one[name]);
  const formatX = (/** @type {number} */ seconds) => formatTick(seconds * 1000);
  const step = bucket === "hour" ? "hour" : "day";
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
    <div class="charts">
      <${LineChart} title="Score" summary=${`Mean score of the calls of each ${step}, −5 to +5; overall ${score(totals.score)}.`}
        xs=${xs} ys=${column("score")} yRange=${() => [-5.5, 5.5]} formatX=${formatX} formatY=${score} />
      <${LineChart} title="Escalation rate" summary=${`Share of the calls of each ${step} that were escalated; overall ${percent(totals.escalation_rate)}.`}
        xs=${xs} ys=${column("escalation_rate")} yRange=${() => [0, 1.05]} formatX=${formatX} formatY=${percent} />
      <${LineChart} title="Reply time, p95" summary=${`95 of 100 answers came within this time; overall ${milliseconds(totals.reply_p95_ms)}.`}
        xs=${xs} ys=${column("reply_p95_ms")} yRange=${fromZero} formatX=${formatX} formatY=${milliseconds} />
    </div>
    <details class="panel">
      <summary>The same as a table</summary>
      <div class="scroll" tabindex="0" role="region" aria-label="Figures">
        <table>
          <thead><tr><th>Begin (UTC)</th><th>Calls</th><th>Score</th><th>Escalated</th><th>Reply, p95</th></tr></thead>
          <tbody>
            ${buckets
              .filter((/** @type {any} */ one) => one.calls > 0)
              .map(
                (/** @type {any} */ one) => html`<tr key=${one.start}>
                  <th scope="row">${formatTime(Date.parse(one.start), bucket)}</th>
                  <td>${one.calls}</td><td>${score(one.score)}</td><td>${percent(one.escalation_rate)}</td><td>${milliseconds(one.reply_p95_ms)}</td>
                </tr>`,
              )}
          </tbody>
        </table>
      </div>
    </details>
  `;
}

/** @param {number | null} _min @param {number | null} max @returns {[number, number]} */
function fromZero(_min, max) {
  return [0, Math.max(1, max ?? 1) * 1.1];
}

/** A midnight is a day, any other time an hour of it. @param {number} ms */
function formatTick(ms) {
  const time = new Date(ms).toISOString().slice(11, 16);
  return time === "00:00" ? formatTime(ms, "day") : time;
}

/** The server's hours and days are in UTC. @param {number} ms @param {string} bucket */
function formatTime(ms, bucket) {
  const date = new Date(ms).toLocaleDateString(undefined, {
    timeZone: "UTC",
    day: "numeric",
    month: "short",
  });
  return bucket === "hour" ? `${date} ${new Date(ms).toISOString().slice(11, 16)}` : date;
}
