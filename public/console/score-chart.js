// @ts-check
import { html, useMemo } from "/assets/vendor/htm.js";
import { duration, score as formatScore, plural } from "../shared/format.js";
import { durationMarks } from "./axis-marks.js";
import { LineChart } from "./line-chart.js";

/**
 * The mood of one call over its time.
 * @param {{ startedAt: number, scores: readonly { at: number, score: number }[], escalatedAt: number | null,
 *   onPoint?: (index: number) => void }} props `onPoint` is told which of the scores was clicked
 */
export function ScoreChart({ startedAt, scores, escalatedAt, onPoint }) {
  const xs = useMemo(() => scores.map(({ at }) => (at - startedAt) / 1000), [scores]);
  const ys = useMemo(() => scores.map(({ score }) => score), [scores]);
  return html`<${LineChart}
    title="Mood"
    summary=${describe(ys, escalatedAt === null ? null : escalatedAt - startedAt)}
    xs=${xs}
    ys=${ys}
    mark=${escalatedAt === null ? null : (escalatedAt - startedAt) / 1000}
    yRange=${() => [-5.5, 5.5]}
    marks=${durationMarks}
    onPoint=${onPoint}
    formatX=${(/** @type {number} */ seconds) => duration(seconds * 1000)}
    formatY=${formatScore}
  />`;
}

/** @param {readonly number[]} scores @param {number | null} escalatedMs */
function describe(scores, escalatedMs) {
  const latest = scores.at(-1);
  if (latest === undefined) return "From −5 to +5 for each remark of the caller. None yet.";
  const [least, most] = [Math.min(...scores), Math.max(...scores)];
  const range = least === most ? "" : `, between ${formatScore(least)} and ${formatScore(most)}`;
  const escalated = escalatedMs === null ? "" : ` Handed over at ${duration(escalatedMs)}.`;
  return `${plural(scores.length, "remark")}${range}; the last ${formatScore(latest)}.${escalated}`;
}
