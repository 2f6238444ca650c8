// @ts-check
import { html, useEffect, useLayoutEffect, useRef, useState } from "/assets/vendor/htm.js";

/**
 * @typedef {import("/assets/vendor/uplot.js")} Plot
 * @typedef {import("/assets/vendor/uplot.js").Options} PlotOptions
 * @typedef {{
 *   title: string, summary: string, xs: readonly number[], ys: readonly (number | null)[],
 *   yRange: (min: number | null, max: number | null) => [number, number],
 *   marks: (from: number, to: number, most: number) => number[],
 *   formatX: (value: number) => string, formatY: (value: number | null) => string,
 *   formatPoint?: (value: number) => string,
 *   onPoint?: (index: number) => void, mark?: number | null,
 * }} LineChartProps `xs` in s; `summary` says in words what the line shows; `marks` are named on the time axis;
 *   `formatPoint` names the time under the pointer; `onPoint` is told which point was clicked; `mark`: an x with an
 *   upright line
 */

const HEIGHT = 170;
/** Room for one name on the time axis, px. */
const NAME_WIDTH = 76;

/**
 * A line over time. It is drawn on a canvas, so the words above it are for everybody who cannot see that.
 * @param {LineChartProps} props
 */
export function LineChart(props) {
  const box = useRef(/** @type {HTMLElement | null} */ (null));
  const plot = useRef(/** @type {Plot | null} */ (null));
  const latest = useRef(props);
  latest.current = props;
  const [hovered, setHovered] = useState(/** @type {number | null} */ (null));
  useLayoutEffect(() => {
    const element = box.current;
    if (!element) return;
    const shown = new AbortController();
    void keepDrawn(element, latest, plot, setHovered, shown.signal);
    return () => shown.abort();
  }, []);
  useEffect(() => plot.current?.setData(dataOf(props)), [props.xs, props.ys, props.mark]);
  return html`<figure class="panel chart">
    <figcaption><h3>${props.title}</h3><p class="muted small">${props.summary}</p></figcaption>
    <p class="hovered small" aria-hidden="true">${describePoint(props, hovered)}</p>
    <div class="canvas ${props.onPoint ? "clickable" : ""}" ref=${box} aria-hidden="true"></div>
  </figure>`;
}

/** @param {LineChartProps} props @param {number | null} index */
function describePoint({ xs, ys, formatX, formatPoint = formatX, formatY }, index) {
  const x = index === null ? undefined : xs[index];
  if (index === null || x === undefined) return "";
  return `${formatPoint(x)}: ${formatY(ys[index] ?? null)}`;
}

/**
 * Draws the chart when it comes into sight, again when the scheme changes, and as wide as its place is. The library comes
 * with the first chart: a page without one does not load it.
 * @param {HTMLElement} element
 * @param {{ current: LineChartProps }} latest
 * @param {{ current: Plot | null }} plot
 * @param {(index: number | null) => void} onHover
 * @param {AbortSignal} signal
 */
async function keepDrawn(element, latest, plot, onHover, signal) {
  await comesIntoSight(element, signal);
  if (signal.aborted) return;
  const [{ default: UPlot }] = await Promise.all([import("/assets/vendor/uplot.js"), loadStyle()]);
  await nextTask();
  if (signal.aborted) return;
  const chart = await makeChart(UPlot, element, optionsFor(element, latest, onHover));
  if (signal.aborted) return chart.destroy();
  chart.setData(dataOf(latest.current));
  plot.current = chart;
  const draw = () => {
    plot.current?.destroy();
    plot.current = new UPlot(optionsFor(element, latest, onHover), dataOf(latest.current), element);
  };
  const sized = new ResizeObserver(() =>
    plot.current?.setSize({ width: element.clientWidth, height: HEIGHT }),
  );
  sized.observe(element);
  // The colours are read when a chart is made, so a change of the scheme makes another.
  const scheme = matchMedia("(prefers-color-scheme: dark)");
  scheme.addEventListener("change", draw, { signal });
  element.addEventListener("click", () => tellPoint(plot.current, latest.current), { signal });
  signal.addEventListener("abort", () => {
    sized.disconnect();
    plot.current?.destroy();
    plot.current = null;
  });
}

/** How far below the window a chart is drawn already, so that who scrolls finds it. */
const AHEAD = "300px";

/** Settled when somebody is about to see an element, or is no longer waiting. @param {HTMLElement} element @param {AbortSignal} signal */
function comesIntoSight(element, signal) {
  return new Promise((resolve) => {
    const done = () => {
      watching.disconnect();
      resolve(undefined);
    };
    const watching = new IntersectionObserver(
      (entries) => entries.some(({ isIntersecting }) => isIntersecting) && done(),
      { rootMargin: AHEAD },
    );
    watching.observe(element);
    signal.addEventListener("abort", done, { once: true });
  });
}

/**
 * An empty chart in its place, which is drawn in a task of its own: a phone takes its time for either.
 * @param {typeof import("/assets/vendor/uplot.js")} UPlot @param {HTMLElement} element @param {PlotOptions} options
 */
async function makeChart(UPlot, element, options) {
  /** @type {Function} */
  let fill = () => {};
  const chart = new UPlot(options, undefined, (_chart, init) => {
    fill = init;
  });
  await nextTask();
  element.append(chart.root);
  fill();
  return chart;
}

/** Charts that come together are drawn in a task each, and the page answers in between. */
function nextTask() {
  return new Promise((resolve) => setTimeout(resolve));
}

/** @param {Plot | null} plot @param {LineChartProps} props */
function tellPoint(plot, { ys, onPoint }) {
  const index = plot?.cursor.idx;
  if (typeof index === "number" && ys[index] !== null) onPoint?.(index);
}

/** @type {Promise<unknown> | null} */
let style = null;

/** The library's style, once for the page. */
function loadStyle() {
  style ??= new Promise((resolve) => {
    const link = document.createElement("link");
    link.rel = "stylesheet";
    link.href = "/assets/vendor/uplot.css";
    // Without it a chart has no place for its axes, but is a chart.
    link.onload = link.onerror = resolve;
    // First, so that our own has the last word.
    document.head.prepend(link);
  });
  return style;
}

/** @param {LineChartProps} props @returns {import("/assets/vendor/uplot.js").AlignedData} */
function dataOf({ xs, ys }) {
  return [[...xs], [...ys]];
}

/**
 * @param {HTMLElement} element
 * @param {{ current: LineChartProps }} latest
 * @param {(index: number | null) => void} onHover
 * @returns {PlotOptions}
 */
function optionsFor(element, latest, onHover) {
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
    // Half a name hangs over the right end.
    padding: [10, NAME_WIDTH / 2, 0, 0],
    cursor: { y: false, drag: { x: false, y: false } },
    legend: { show: false },
    scales: {
      x: { time: false, range: (_plot, min, max) => withMark(min, max, latest.current.mark ?? null) },
      y: { range: (_plot, min, max) => latest.current.yRange(min, max) },
    },
    axes: [
      {
        ...axis,
        size: 28,
        splits: (plot, _axis, min, max) =>
          latest.current.marks(min, max, Math.max(1, Math.floor(plot.over.clientWidth / NAME_WIDTH))),
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
    hooks: {
      draw: [(plot) => drawMark(plot, latest.current.mark ?? null, colour("--frustrated"))],
      setCursor: [(plot) => onHover(plot.cursor.idx ?? null)],
    },
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

/** @param {Plot} plot @param {number | null} mark @param {string} colour */
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
