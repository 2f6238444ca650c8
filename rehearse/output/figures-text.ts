import type { Figures, Spread } from "../figures/figures.ts";
import type { Comparison } from "../figures/mcnemar.ts";
import type { Agreement } from "../judge/agreement.ts";

/** Below this a difference is called one. */
const SIGNIFICANT = 0.05;

/** The figures over all runs, a line each; what did not happen has none. */
export function renderFigures(figures: Figures): string {
  const { passK, backchannels, backchannelCuts, tools, tokens, cost, ownMsPerTurn } = figures;
  const lines: (readonly [string, string] | null)[] = [
    passK.length > 0 ? ["pass^k", passK.map(({ k, value }) => `k=${k} ${percent(value)}`).join(", ")] : null,
    spread("First chunk", figures.firstChunk),
    spread("Reply", figures.reply),
    spread("Interrupt to silence", figures.interruptToSilence),
    backchannels > 0 ? ["Backchannels", `${backchannels}, answers cut by them: ${backchannelCuts}`] : null,
    escalations(figures),
    Object.keys(tools).length > 0
      ? [
          "Tools",
          Object.entries(tools)
            .map(([name, count]) => `${name} ×${count}`)
            .join(", "),
        ]
      : null,
    tokens && [
      "Tokens",
      `${tokens.input} in, ${tokens.output} out${cost === null ? "" : `, cost ${cost.toFixed(4)}`}`,
    ],
    ownMsPerTurn === null ? null : ["The rehearsal's own", `${ownMsPerTurn.toFixed(2)} ms a turn`],
  ];
  return lines
    .filter((line) => line !== null)
    .map(([name, value]) => `${name.padEnd(20)} ${value}`)
    .join("\n");
}

/** What the same seeds say of two agents. */
export function renderComparison([first, second]: readonly [string, string], result: Comparison): string {
  const { pairs, onlyFirst, onlySecond, p } = result;
  const better = onlyFirst > onlySecond ? first : second;
  const verdict = p < SIGNIFICANT ? `${better} is better` : "cannot tell them apart";
  return `${first} and ${second} on ${pairs} pairs: only ${first} passed ${onlyFirst}, only ${second} passed ${onlySecond}; McNemar p ${p < 0.0001 ? "< 0.0001" : `= ${p.toFixed(4)}`}: ${verdict}`;
}

export function renderAgreement({ model, agreed, cases }: Agreement): string {
  return `The judge ${model} agrees with people in ${agreed} of ${cases} labelled cases (${percent(agreed / cases)})`;
}

function spread(name: string, { p50, p95 }: Spread): readonly [string, string] | null {
  return p50 === null ? null : [name, `p50 ${p50} ms, p95 ${p95} ms`];
}

function escalations(figures: Figures): readonly [string, string] | null {
  const { escalationDelays: delays, missedEscalations: missed, falseEscalations, calmCalls } = figures;
  const due = delays.length + missed;
  if (due + calmCalls === 0) return null;
  const onTime = delays.filter((delay) => delay === 0).length;
  const others = [...new Set(delays)]
    .filter((delay) => delay !== 0)
    .sort((a, b) => a - b)
    .map((delay) => {
      const count = delays.filter((each) => each === delay).length;
      return `${delay > 0 ? "+" : "−"}${Math.abs(delay)}${count > 1 ? ` ×${count}` : ""}`;
    });
  const off = others.length > 0 ? ` (turns off: ${others.join(", ")})` : "";
  return [
    "Escalations",
    `${onTime} of ${due} at their turn${off}, ${missed} missed; false: ${falseEscalations} of ${calmCalls} calm calls`,
  ];
}

function percent(share: number): string {
  return `${(share * 100).toFixed(share === 1 || share === 0 ? 0 : 1)} %`;
}
