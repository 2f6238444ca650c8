// @ts-check
import { html } from "/assets/vendor/htm.js";
import { milliseconds, percent, score } from "../shared/format.js";
import {
  comesTwice,
  fullDay,
  isMidnight,
  shortDay,
  shortMonth,
  shortTime,
  timeInZone,
} from "../shared/time.js";
import { dateMarks } from "./axis-marks.js";
import { spanInAddress } from "./calls-query.js";
import { LineChart } from "./line-chart.js";
import { formatRoute } from "./route.js";

const HOUR_MS = 3_600_000;
const LONG_MS = 300 * 24 * HOUR_MS;

/** The lines over time; a click on a point shows the calls of its hour or day. @param {{ quality: any }} props */
export function QualityCharts({ quality: { totals, buckets, bucket } }) {
  const xs = buckets.map((/** @type {any} */ one) => Date.parse(one.start) / 1000);
  const column = (/** @type {string} */ name) => buckets.map((/** @type {any} */ one) => one[name]);
  const shared = {
    xs,
    marks: dateMarks,
    formatX: (/** @type {number} */ seconds) => formatMark(seconds * 1000, isLong(buckets)),
    formatPoint: (/** @type {number} */ seconds) => formatBucket(seconds * 1000, bucket),
    onPoint: (/** @type {number} */ index) => {
      location.hash = callsOf(buckets[index].start, bucket);
    },
  };
  return html`<div class="charts">
    <${LineChart} ...${shared} title="Mood score" summary=${`Mean mood score of the calls of each ${bucket}, −5 to +5; overall ${score(totals.score)}.`}
      ys=${column("score")} yRange=${() => [-5.5, 5.5]} formatY=${score} />
    <${LineChart} ...${shared} title="Escalation rate" summary=${`Share of the calls of each ${bucket} that were escalated; overall ${percent(totals.escalation_rate)}.`}
      ys=${column("escalation_rate")} yRange=${() => [0, 1.05]} formatY=${percent} />
    <${LineChart} ...${shared} title="Reply time, p95" summary=${`95 of 100 answers came within this time; overall ${milliseconds(totals.reply_p95_ms)}.`}
      ys=${column("reply_p95_ms")} yRange=${fromZero} formatY=${milliseconds} />
  </div>`;
}

/** The same figures for those who cannot see the lines. @param {{ quality: any }} props */
export function QualityTable({ quality: { totals, buckets, bucket } }) {
  return html`<details class="panel">
    <summary>Show the figures as a table</summary>
    <div class="scroll" tabindex="0" role="region" aria-label="Figures">
      <table>
        <thead><tr><th>${bucket === "hour" ? "Hour" : "Day"}</th><th>Calls</th><th>Mood score</th><th>Escalated</th><th>Reply, p95</th></tr></thead>
        <tbody>
          ${buckets
            .filter((/** @type {any} */ one) => one.calls > 0)
            .map(
              (/** @type {any} */ one) => html`<tr key=${one.start}>
                <th scope="row"><a href=${callsOf(one.start, bucket)}>${formatBucket(Date.parse(one.start), bucket)}</a></th>
                <td>${one.calls}</td><td>${score(one.score)}</td><td>${percent(one.escalation_rate)}</td><td>${milliseconds(one.reply_p95_ms)}</td>
              </tr>`,
            )}
        </tbody>
        <tfoot>
          <tr><th scope="row">All</th><td>${totals.calls}</td><td>${score(totals.score)}</td><td>${percent(totals.escalation_rate)}</td><td>${milliseconds(totals.reply_p95_ms)}</td></tr>
        </tfoot>
      </table>
    </div>
  </details>`;
}

/** The address of the calls that began in a bucket. @param {string} start @param {"hour" | "day"} bucket */
function callsOf(start, bucket) {
  const begin = Date.parse(start);
  return formatRoute("calls", null, spanInAddress(begin, begin + HOUR_MS, bucket));
}

/** Whether these days are so many that one of them may be named like another of another year. @param {readonly { start: string }[]} buckets */
function isLong(buckets) {
  return Date.parse(buckets.at(-1)?.start ?? "") - Date.parse(buckets[0]?.start ?? "") > LONG_MS;
}

/** @param {number | null} _min @param {number | null} max @returns {[number, number]} */
function fromZero(_min, max) {
  return [0, Math.max(1, max ?? 1) * 1.1];
}

/** A midnight is a day, any other time an hour of it; over most of a year, marks are months. @param {number} ms @param {boolean} long */
function formatMark(ms, long) {
  if (long) return shortMonth(ms);
  return isMidnight(ms) ? shortDay(ms) : shortTime(ms);
}

/** @param {number} ms @param {string} bucket */
function formatBucket(ms, bucket) {
  const day = new Date(ms).getFullYear() === new Date().getFullYear() ? shortDay(ms) : fullDay(ms);
  if (bucket === "day") return day;
  return `${day} ${comesTwice(ms) ? timeInZone(ms) : shortTime(ms)}`;
}
