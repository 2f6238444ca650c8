// @ts-check
import { html } from "/assets/vendor/htm.js";
import { percent, plural, words } from "../shared/format.js";
import { outcomeName } from "../shared/names.js";
import { formatRoute } from "./route.js";
import { Problem } from "./states.js";
import { useFetched } from "./use-fetched.js";

/**
 * @typedef {{ from: string, to: string }} Days as the addresses of calls have them
 * @typedef {{ answers: number, equal: number | null, kappa: number | null }} Agreement
 */

/**
 * What came of calls and what they were about, what reviewers said of them, and how far they agree.
 * @param {{ bounds: URLSearchParams, days: Days, onUnauthorised: (problem: string) => void }} props
 */
export function ReviewsPanel({ bounds, days, onUnauthorised }) {
  const span = new URLSearchParams({ from: bounds.get("from") ?? "", to: bounds.get("to") ?? "" });
  const { answers, error, retry } = useFetched([`/quality/reviews?${span}`], onUnauthorised);
  if (error) return html`<${Problem} error=${error} onRetry=${retry} />`;
  if (!answers) return null;
  const [{ outcomes, topics, labels, ...reviews }] = answers;
  return html`<div class="charts">
    <${Counts} title="Outcomes" column="Outcome" kind="outcome" counts=${outcomes} nameOf=${outcomeName} days=${days} />
    <${Counts} title="Topics" column="Topic" kind="topic" counts=${topics} nameOf=${words} days=${days} />
    ${Object.keys(labels).length > 0 && html`<${Counts} title="Labels" column="Label" kind="tag" counts=${labels} nameOf=${String} days=${days} />`}
    <${Agreements} reviews=${reviews} />
  </div>`;
}

/**
 * How many calls have something; each leads to them.
 * @param {{ title: string, column: string, kind: string, counts: Record<string, number>, nameOf: (name: string) => string, days: Days }} props
 */
function Counts({ title, column, kind, counts, nameOf, days }) {
  const rows = Object.entries(counts).sort(([, a], [, b]) => b - a);
  return html`<section class="panel" aria-label=${title}>
    <h3>${title}</h3>
    ${
      rows.length === 0
        ? html`<p class="muted small">None in this time.</p>`
        : html`<table>
            <thead><tr><th>${column}</th><th>Calls</th></tr></thead>
            <tbody>
              ${rows.map(
                ([name, count]) => html`<tr key=${name}>
                  <th scope="row" dir="auto"><a href=${formatRoute("calls", null, { ...days, [kind]: name })}>${nameOf(name)}</a></th>
                  <td>${count}</td>
                </tr>`,
              )}
            </tbody>
          </table>`
    }
  </section>`;
}

/** @param {{ reviews: any }} props */
function Agreements({ reviews: { scored, pairs, people, model, verdicts } }) {
  const none = scored.calls === 0 && verdicts.given.answers === 0;
  /** @type {[string, Agreement][]} */
  const rows = [
    ["Verdicts and the labels on them", verdicts.given],
    ["Labels of two people on one verdict", verdicts.people],
    ["Answers of two people", people],
    ["Answers of a person and the model", model],
    ...pairs.map((/** @type {any} */ pair) => [
      `${pair.one} and ${pair.other}${pair.other_is === "model" ? " (model)" : ""}`,
      pair,
    ]),
  ];
  const shown = rows.filter(([, { answers }]) => answers > 0);
  return html`<section class="panel reviews" aria-label="Reviews">
    <h3>Reviews</h3>
    ${none && html`<p class="muted small">Nobody has reviewed a call of this period. Open the report of a call to score it.</p>`}
    ${scored.calls > 0 && html`<p>${plural(scored.calls, "call")} scored${scored.score !== null && html`, <b>${scored.score} of 100</b> on average`}.</p>`}
    ${
      shown.length > 0 &&
      html`<div class="scroll" tabindex="0" role="region" aria-label="Agreement"><table>
        <thead><tr><th>Who</th><th>Answers in common</th><th>Equal</th><th>Kappa</th></tr></thead>
        <tbody>
          ${shown.map(
            ([name, { answers, equal, kappa }]) => html`<tr key=${name}>
              <th scope="row" dir="auto">${name}</th>
              <td>${answers}</td><td>${percent(equal)}</td><td>${kappa === null ? "–" : kappa.toFixed(2).replace("-", "−")}</td>
            </tr>`,
          )}
        </tbody>
      </table></div>
      <p class="muted small">Kappa is 1 for full agreement and 0 for agreement by chance.</p>`
    }
  </section>`;
}
