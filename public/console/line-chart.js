// @ts-check
import { html, useEffect, useLayoutEffect, useRef } from "/assets/vendor/htm.js";
import uPlot from "/assets/vendor/uplot.js";

/**
 * @typedef {{
 *   title: string, summary: string, xs: readonly number[], ys: readonly (number | null)[],
 *   yRange: (min: number | null, max: number | null) => [number, number],
 *   formatX: (value: number) => string, formatY: (value: number) => string, mark?: number | null,
 * }} LineChartProps `xs` in s; `summary` says in words what the line shows; `mark`: an x with an upright line
 */

const HEIGHT = 170;
const DAY_S = 86_400;
/** Steps between the marks of the time axis, s: finer than a second, they would all be called the same. */
const STEPS = [
  1,
  2,
  5,
  10,
  15,
  30,
  60,
  120,
  300,
  600,
  900,
  1800,
  3600,
  3 * 3600,
  6 * 3600,
  12 * 3600,
  DAY_S,
  2 * DAY_S,
  7 * DAY_S,
];

/**
 * A line over time. It is drawn on a canvas, so the words above it are for everybody who cannot see that.
 * @param {LineChartProps} props
 */
export function LineChart(props) {
  const box = useRef(/** @type {HTMLElement | null} */ (null));
  const plot = useRef(/** @type {uPlot | null} */ (null));
  const latest = useRef(props);
  latest.current = props;
  useLayoutEffect(() => {
    const element = box.current;
    if (!element) return;
    const draw = () => {
      plot.current?.destroy();
      plot.current = new uPlot(optionsFor(element, latest), dataOf(latest.current), element);
    };
    draw();
    const sized = new ResizeObserver(() =>
      plot.current?.setSize({ width: element.clientWidth, height: HEIGHT }),
    );
    sized.observe(element);
    // The colours are read when a chart is made, so a change of the scheme makes another.
    const scheme = matchMedia("(prefers-color-scheme: dark)");
    scheme.addEventListener("change", draw);
    return () => {
      sized.disconnect();
      scheme.removeEventListener("change", draw);
      plot.current?.destroy();
    };
  }, []);
  useEffect(() => plot.current?.setData(dataOf(props)), [props.xs, props.ys, props.mark]);
  return html`<figure class="panel chart">
    <figcaption><h3>${props.title}</h3><p class="muted small">${props.summary}</p></figcaption>
    <div class="canvas" ref=${box} aria-hidden="true"></div>
  </figure>`;
}

/** @param {LineChartProps} props @returns {uPlot.AlignedData} */
function dataOf({ xs, ys }) {
  return [[...xs], [...ys]];
}

/** @param {HTMLElement} element @param {{ current: LineChartProps }} latest @returns {uPlot.Options} */
function optionsFor(element, latest) {
  const style = getComputedStyle(element);
  const colour = (/** @type {string} */ name) => style.getPropertyValue(name).trim();
  const axis = {
    stroke: colour("--muted"),
    grid: { stroke: colour("--line"), width: 1 },
    ticks: { show: false },
    font: `12px ${style.fontFamily}`,
  };
  return {
    width: element.clientWidth,
    height: HEIGHT,
    padding: [10, 14, 0, 0],
    cursor: { y: false },
    legend: { show: false },
    scales: {
      x: { time: false, range: (_plot, min, max) => withMark(min, max, latest.current.mark ?? null) },
      y: { range: (_plot, min, max) => latest.current.yRange(min, max) },
    },
    axes: [
      {
        ...axis,
        incrs: STEPS,
        size: 28,
        space: 70,
        values: (_plot, values) => values.map((value) => latest.current.formatX(value)),
      },
      {
        ...axis,
        size: 54,
        space: 34,
        values: (_plot, values) => values.map((value) => latest.current.formatY(value)),
      },
    ],
    series: [
      {},
      {
        stroke: colour("--accent"),
        width: 2,
        spanGaps: true,
        points: { show: true, size: 7, fill: colour("--accent") },
      },
    ],
    hooks: { draw: [(plot) => drawMark(plot, latest.current.mark ?? null, colour("--frustrated"))] },
  };
}

/** The shortest time an axis shows, s: enough for marks that differ. */
const SHORTEST_S = 4;

/**
 * The mark is shown also where the line does not reach it.
 * @param {number | null} min @param {number | null} max @param {number | null} mark @returns {[number, number]}
 */
function withMark(min, max, mark) {
  const ends = [min, max, mark].filter((end) => end !== null);
  if (ends.length === 0) return [0, 60];
  const low = Math.floor(Math.min(...ends));
  return [low, Math.max(Math.max(...ends), low + SHORTEST_S)];
}

/** @param {uPlot} plot @param {number | null} mark @param {string} colour */
function drawMark(plot, mark, colour) {
  if (mark === null) return;
  const x = Math.round(plot.valToPos(mark, "x", true));
  const { top, height } = plot.bbox;
  plot.ctx.save();
  plot.ctx.strokeStyle = colour;
  plot.ctx.lineWidth = 2 * devicePixelRatio;
  plot.ctx.setLineDash([4 * devicePixelRatio, 4 * devicePixelRatio]);
  plot.ctx.beginPath();
  plot.ctx.moveTo(x, top);
  plot.ctx.lineTo(x, top + height);
  plot.ctx.stroke();
  plot.ctx.restore();
}
