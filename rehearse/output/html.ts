import type { Observed } from "../call/observed.ts";
import type { RunResult } from "../run/result.ts";
import type { Summary } from "./summary.ts";

/** Everything on one page that needs nothing beside it: the table, and every conversation with its events. */
export function toHtml(summaries: readonly Summary[], figures: string): string {
  const rows = summaries.map(({ id, variant, passed, held, firstChunkP95, escalatedAt, why }, index) => {
    const state = held === 0 ? "other" : passed === held ? "passed" : "failed";
    return `<tr class="${state}"><td><a href="#s${index}">${esc(id)}</a></td><td>${esc(variant)}</td><td>${passed}/${held}</td><td>${firstChunkP95 ?? ""}</td><td>${esc(escalatedAt.map((turn) => turn ?? "–").join(", "))}</td><td>${esc(why ?? "")}</td></tr>`;
  });
  const calls = summaries.map(
    ({ id, variant, runs }, index) =>
      `<section id="s${index}"><h2>${esc(id)} ${esc(variant)}</h2>${runs.map(renderRun).join("")}</section>`,
  );
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Rehearsal</title><style>${STYLE}</style></head><body>
<h1>Rehearsal</h1>
<table><thead><tr><th>scenario</th><th>agent</th><th>runs</th><th>first chunk p95, ms</th><th>escalated at</th><th>why not</th></tr></thead>
<tbody>${rows.join("\n")}</tbody></table>
<pre>${esc(figures)}</pre>
${calls.join("\n")}
</body></html>
`;
}

function renderRun({ seed, outcome, reasons, events, judgements }: RunResult): string {
  const why = reasons.map((reason) => `<li>${esc(reason)}</li>`).join("");
  const judged = judgements.map(
    ({ criterion, answer, reason }) => `<li>${esc(answer)}: ${esc(criterion)} <i>${esc(reason)}</i></li>`,
  );
  const open = outcome === "failed" || outcome === "error" ? " open" : "";
  return `<details${open}><summary class="${outcome === "passed" || outcome === "failed" ? outcome : "other"}">seed ${seed}: ${outcome}</summary>
${why && `<ul class="why">${why}</ul>`}${judged.length > 0 ? `<ul>${judged.join("")}</ul>` : ""}
<ol>${events.map(renderEvent).join("\n")}</ol></details>`;
}

function renderEvent({ event, atMs, fields }: Observed): string {
  const at = `<time>${(atMs / 1_000).toFixed(2)} s</time>`;
  if (event === "user" || event === "response") {
    const who = event === "user" ? "caller" : "agent";
    return `<li class="${who}">${at}<b>${who}</b> ${esc(String(fields.text ?? ""))}</li>`;
  }
  const shown = Object.keys(fields).length === 0 ? "" : JSON.stringify(fields);
  return `<li class="event">${at}<b>${esc(event)}</b> <code>${esc(shown)}</code></li>`;
}

const STYLE = `body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem;color:#1c2330;background:#fff}
table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.3rem .6rem;border-bottom:1px solid #d9dee7;vertical-align:top}
h2{font-size:1.05rem;margin:2rem 0 .3rem}ol{list-style:none;padding:0}li{padding:.15rem 0}time{display:inline-block;width:5rem;color:#5b6575}
b{display:inline-block;min-width:4.5rem}.agent b{color:#1d5fae}.caller b{color:#1c2330}.event{color:#5b6575}.event b{font-weight:500}
.passed td:nth-child(3),summary.passed{color:#17703a}.failed td:nth-child(3),summary.failed{color:#b3261e}.why{color:#b3261e}
code{font-size:.85em;overflow-wrap:anywhere}pre{white-space:pre-wrap}
@media (prefers-color-scheme:dark){body{background:#12161d;color:#e4e8ef}th,td{border-color:#2d3542}time,.event{color:#9aa5b5}.agent b{color:#7db4f5}.caller b{color:#e4e8ef}.passed td:nth-child(3),summary.passed{color:#6fcf97}.failed td:nth-child(3),summary.failed,.why{color:#f2857d}a{color:#7db4f5}}`;

function esc(text: string): string {
  return text.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);
}
