// @ts-check
import { html } from "/assets/vendor/htm.js";

const WIDTH = 72;
const HEIGHT = 22;
const MAX_POINTS = 20;

/** The latest scores as a small line; the words beside it say the same. @param {{ scores: readonly { score: number }[] }} props */
export function Sparkline({ scores }) {
  const last = scores.slice(-MAX_POINTS);
  if (last.length === 0) return null;
  const step = WIDTH / Math.max(1, last.length - 1);
  const points = last.map(({ score }, index) => [index * step, (HEIGHT / 2) * (1 - (score / 5) * 0.85)]);
  const [x = 0, y = 0] = points.at(-1) ?? [];
  return html`<svg class="sparkline" viewBox="-3 0 ${WIDTH + 6} ${HEIGHT}" width=${WIDTH + 6} height=${HEIGHT} aria-hidden="true">
    <line x1="0" x2=${WIDTH} y1=${HEIGHT / 2} y2=${HEIGHT / 2} />
    <polyline points=${points.map((point) => point.map((value) => value.toFixed(1)).join(",")).join(" ")} />
    <circle cx=${last.length === 1 ? 0 : x} cy=${y} r="2.5" />
  </svg>`;
}
