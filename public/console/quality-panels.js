// @ts-check
import { html } from "/assets/vendor/htm.js";
import { ruleName } from "../shared/names.js";
import { formatRoute } from "./route.js";

/** @typedef {{ from: string, to: string }} Days as the addresses of calls have them */

/**
 * How often each rule of the coach was met, and what people thought of it; each leads to its calls.
 * @param {{ alerts: Record<string, number>, feedback: Record<string, any>, days: Days }} props
 */
export function AlertsByRule({ alerts, feedback, days }) {
  const rules = Object.entries(alerts).sort(([, a], [, b]) => b - a);
  return html`<section class="panel" aria-label="Alerts by rule">
    <h3>Alerts by rule</h3>
    ${rules.length === 0 && html`<p class="muted small">No alerts in this period.</p>`}
    ${
      rules.length > 0 &&
      html`<div class="scroll" tabindex="0" role="region" aria-label="Alerts of each rule"><table>
        <thead><tr><th>Rule</th><th>Alerts</th><th>Helpful</th><th>Not helpful</th></tr></thead>
        <tbody>
          ${rules.map(
            ([rule, count]) => html`<tr key=${rule}>
              <th scope="row"><a href=${formatRoute("calls", null, { ...days, alert: rule })}>${ruleName(rule)}</a></th>
              <td>${count}</td><td>${feedback[rule]?.helpful ?? 0}</td><td>${feedback[rule]?.not_helpful ?? 0}</td>
            </tr>`,
          )}
        </tbody>
      </table></div>`
    }
  </section>`;
}

/** What the models were asked, and what it cost. @param {{ usage: any[] }} props */
export function Usage({ usage }) {
  const cost = usage.reduce((sum, one) => sum + (one.cost ?? 0), 0);
  const unpriced = usage.filter((one) => one.cost === null).map((one) => one.model);
  return html`<section class="panel" aria-label="Tokens and cost">
    <h3>Tokens and cost</h3>
    ${usage.length === 0 && html`<p class="muted small">No model was used in this period.</p>`}
    ${
      usage.length > 0 &&
      html`<div class="scroll" tabindex="0" role="region" aria-label="Tokens by model"><table>
        <thead><tr><th>Model</th><th>Requests</th><th>Tokens in</th><th>Tokens out</th><th>Cost</th></tr></thead>
        <tbody>
          ${usage.map(
            (one) => html`<tr key=${one.model}>
              <th scope="row">${one.model}</th>
              <td>${one.requests}</td><td>${count(one.input_tokens)}</td><td>${count(one.output_tokens)}</td><td>${dollars(one.cost)}</td>
            </tr>`,
          )}
        </tbody>
        <tfoot><tr><th scope="row">All</th><td></td><td></td><td></td><td>${dollars(cost)}</td></tr></tfoot>
      </table></div>`
    }
    ${unpriced.length > 0 && html`<p class="muted small">The setting <code>MODEL_PRICES</code> has no price for <bdi>${unpriced.join(", ")}</bdi>.</p>`}
  </section>`;
}

/** @param {number} tokens */
function count(tokens) {
  return tokens.toLocaleString();
}

/** @param {number | null} value */
function dollars(value) {
  return value === null ? "–" : `$${value.toFixed(2)}`;
}
