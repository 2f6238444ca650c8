import type { Figures, Share } from "./measure.ts";
import type { ModelCosts } from "./model-judge.ts";

export type Evaluation = {
  /** What gave the verdicts. */
  judge: string;
  policy: string;
  /** On recorded calls: what of their labels could not be used, see `LabelledRecords`. Null on files. */
  record: { undecided: number; withoutText: number } | null;
  figures: Figures;
  /** Null unless a model was asked. */
  model: ModelCosts | null;
};

/** The figures for people. */
export function renderEvaluation({ judge, policy, record, figures, model }: Evaluation): string {
  const { calls, turns, classes, calibration, worst } = figures;
  const lines = [
    `${calls} calls, ${turns} turns of callers; verdicts by ${judge}; policy ${policy}`,
    ...(record ? leftOut(record) : []),
    "",
    ...Object.entries(classes).map(
      ([name, { precision, recall }]) =>
        `${name.padEnd(11)} precision ${show(precision)}   recall ${show(recall)}`,
    ),
    "",
    `Calm calls with any flag          ${show(figures.flaggedCalmCalls)}`,
    `Handed over though never due      ${show(figures.falseEscalations)}, ${number(figures.falseEscalationsPer1000, 2)} in 1,000`,
    `  of the kinds hard to tell       ${show(figures.hardCalm)}`,
    `Handed over in time, of those due ${show(figures.inTime)}`,
    ...Object.entries(figures.inTimeByKind).map(([kind, share]) => `  ${kind.padEnd(31)} ${show(share)}`),
    `Handed over at all                ${show(figures.handedOver)}`,
    `Turns after the first upset one   ${number(figures.turnsAfterFirstUpset, 1)}`,
    "",
    `Calibration error of P(upset)     ${number(figures.calibrationError, 3)}`,
    ...calibration
      .filter(({ turns: own }) => own > 0)
      .map(
        ({ from, turns: own, said, was }) =>
          `  ${from.toFixed(1)}–${(from + 0.1).toFixed(1)}  said ${said.toFixed(2)}, was ${was.toFixed(2)} (${own})`,
      ),
    ...(model ? ["", ...modelLines(model)] : []),
    "",
    `The worst ${worst.length} mistakes`,
    ...worst.map(
      ({ call, text, isUpset, upset, cause }) =>
        `  ${isUpset ? "upset" : "calm "} ${upset.toFixed(2)}  ${call}: ${shorten(text)}${cause ? ` (${cause})` : ""}`,
    ),
  ];
  return lines.join("\n");
}

function leftOut({ undecided, withoutText }: NonNullable<Evaluation["record"]>): string[] {
  return [
    ...(undecided > 0 ? [`Left out: ${undecided} turns on which people disagree`] : []),
    ...(withoutText > 0 ? [`Left out: ${withoutText} calls that were recorded without words`] : []),
  ];
}

function modelLines({ requests, unclear, failed, latency, tokens, cost }: ModelCosts): string[] {
  return [
    `${requests} requests, ${unclear} unclear answers, ${failed} failed; p50 ${latency.p50} ms, p95 ${latency.p95} ms`,
    `${tokens.input} tokens in, ${tokens.output} out${cost === null ? "" : `: ${cost.toFixed(4)}`}`,
  ];
}

function show({ share, low, high, of }: Share): string {
  if (share === null) return "– (of 0)";
  return `${percent(share)} (${percent(low ?? 0)}–${percent(high ?? 1)}, of ${of})`;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}

function number(value: number | null, digits: number): string {
  return value === null ? "–" : value.toFixed(digits);
}

function shorten(text: string): string {
  const plain = text.replace(/[\p{Cc}\p{Cf}]+/gu, " ");
  return plain.length > 100 ? `${plain.slice(0, 99)}…` : plain;
}
