import type { Observed } from "../call/observed.ts";
import { sayFields } from "../call/say-fields.ts";
import type { RunResult } from "../run/result.ts";
import type { Summary } from "./summary.ts";

/** What of a call is shown only when all of it is wanted. */
const QUIET: ReadonlySet<Observed["event"]> = new Set([
  "llm_started",
  "bot_started_speaking",
  "bot_stopped_speaking",
  "log",
  "user_transcription",
]);

/**
 * Everything on one page that needs nothing beside it and runs nothing: the table, the figures, and every conversation
 * with its events and why it failed.
 */
export function toHtml(summaries: readonly Summary[], figures: string, total: string): string {
  const compared = new Set(summaries.map(({ variant }) => variant)).size > 1;
  const rows = summaries.map((summary, index) => renderRow(summary, index, compared)).join("\n");
  const calls = summaries.map(({ id, variant, runs }, index) => {
    const agent = variant === "" ? "" : ` <small>${esc(variant)}</small>`;
    return `<section id="s${index}"><h2>${esc(id)}${agent}</h2>${runs.map(renderRun).join("")}</section>`;
  });
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Rehearsal</title><style>${STYLE}</style></head><body>
<h1>Rehearsal</h1>
<p>${esc(total)}</p>
<div class="wide"><table><thead><tr><th></th><th>scenario</th>${compared ? "<th>agent</th>" : ""}<th class="n">runs</th><th class="n">first chunk p95</th><th class="n">escalated at</th><th>why not</th></tr></thead>
<tbody>${rows}</tbody></table></div>
<pre>${esc(figures)}</pre>
<h2 class="calls">Conversations</h2>
<label><input type="checkbox" id="all"> Show every event</label>
${calls.join("\n")}
</body></html>
`;
}

function renderRow(
  { id, variant, passed, held, firstChunkP95, escalatedAt, why }: Summary,
  index: number,
  compared: boolean,
): string {
  const state = held === 0 ? "other" : passed === held ? "passed" : "failed";
  const cells = [
    `<td>${MARKS[state]}`,
    `<td><a href="#s${index}">${esc(id)}</a>`,
    ...(compared ? [`<td>${esc(variant)}`] : []),
    `<td class="n">${passed}/${held}`,
    `<td class="n">${firstChunkP95 === null ? "" : `${firstChunkP95} ms`}`,
    `<td class="n">${esc(escalatedAt.map((turn) => turn ?? "–").join(", "))}`,
    `<td class="why">${esc(why ?? "")}`,
  ];
  return `<tr class="${state}">${cells.join("</td>")}</td></tr>`;
}

const MARKS = { passed: "✓", failed: "✗", other: "–" } as const;

function renderRun({ seed, outcome, reasons, events, judgements }: RunResult): string {
  const state = outcome === "passed" || outcome === "failed" ? outcome : "other";
  const why = reasons.map((reason) => `<li>${esc(reason)}</li>`).join("");
  const judged = judgements.map(
    ({ criterion, answer, reason }) => `<li>${esc(answer)}: ${esc(criterion)} <i>${esc(reason)}</i></li>`,
  );
  const open = outcome === "failed" || outcome === "error" ? " open" : "";
  return `<details${open}><summary class="${state}">${MARKS[state]} seed ${seed}: ${outcome}</summary>
${why && `<ul class="why">${why}</ul>`}${judged.length > 0 ? `<ul>${judged.join("")}</ul>` : ""}
<ol>${events.map(renderEvent).join("\n")}</ol></details>`;
}

function renderEvent({ event, atMs, fields }: Observed): string {
  const at = `<time>${(atMs / 1_000).toFixed(2)} s</time>`;
  if (event === "user" || event === "response") {
    const who = event === "user" ? "caller" : "agent";
    return `<li class="${who}">${at}<b>${who}</b><span>${esc(String(fields.text ?? ""))}</span></li>`;
  }
  const { tool_call_id: _id, request_id: _request, ...shown } = fields;
  const kind = QUIET.has(event) ? "event quiet" : "event";
  return `<li class="${kind}">${at}<b>${esc(event)}</b><span>${esc(sayFields(shown))}</span></li>`;
}

const STYLE = `:root{color-scheme:light dark;--ink:#1c2330;--soft:#5b6575;--line:#d9dee7;--good:#17703a;--bad:#b3261e;--agent:#1d5fae;--page:#fff}
@media (prefers-color-scheme:dark){:root{--ink:#e4e8ef;--soft:#9aa5b5;--line:#2d3542;--good:#6fcf97;--bad:#f2857d;--agent:#7db4f5;--page:#12161d}}
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:75rem;padding:0 1rem;color:var(--ink);background:var(--page)}
a{color:var(--agent)}.wide{overflow-x:auto}table{border-collapse:collapse;width:100%}
th,td{text-align:left;padding:.3rem .6rem;border-bottom:1px solid var(--line);vertical-align:top}th{vertical-align:bottom;font-weight:600}
.n{text-align:right;white-space:nowrap}td.why{overflow-wrap:anywhere;min-width:14rem}
h2{font-size:1.05rem;margin:2rem 0 .3rem}h2 small{font-weight:400;color:var(--soft)}h2.calls{font-size:1.3rem}
pre{white-space:pre-wrap;margin:1.5rem 0}summary{cursor:pointer}
ol{list-style:none;padding:0;margin:.5rem 0 1.5rem}li{overflow-wrap:anywhere}
ol li{display:grid;grid-template-columns:4.5rem 8.5rem 1fr;gap:.5rem;padding:.15rem 0}
time,.event{color:var(--soft)}.event b{font-weight:400}.agent b{color:var(--agent)}.event{font-size:.87em}
.quiet{display:none}body:has(#all:checked) .quiet{display:grid}
tr.passed td:first-child,summary.passed{color:var(--good)}tr.failed td:first-child,summary.failed,.why{color:var(--bad)}
@media (max-width:40rem){ol li{grid-template-columns:4rem 1fr}ol li span{grid-column:1/-1}}`;

function esc(text: string): string {
  return text.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);
}
