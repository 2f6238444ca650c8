import { SENTIMENTS } from "../lib/wire/log-events.ts";
import { handedOverAt, isFlagged, type JudgedCall, type JudgedTurn } from "./calls.ts";

/** A share with its 95 % interval (Wilson, 1927), and of how many. */
export type Share = { share: number | null; low: number | null; high: number | null; of: number };

export type Figures = {
  calls: number;
  turns: number;
  /** Upset or not, and the four classes where they are labelled: how many of those found are right, and how many are found. */
  classes: Record<string, { precision: Share; recall: Share }>;
  /** Calm calls with any turn called negative or frustrated. */
  flaggedCalmCalls: Share;
  /** Calm calls that are handed over, of all and of the kinds that are hard to tell. */
  falseEscalations: Share;
  falseEscalationsPer1000: number | null;
  hardCalm: Share;
  /** Calls to hand over: that were, in time (two turns of the caller from where it was due), and at all. */
  inTime: Share;
  handedOver: Share;
  /** Of those in time, by kind. */
  inTimeByKind: Record<string, Share>;
  /** The caller's turns from the first upset one to the hand-off: the mean over the calls that were handed over. */
  turnsAfterFirstUpset: number | null;
  /** Expected calibration error of the probability of "upset", in ten bins, 0…1. */
  calibrationError: number | null;
  calibration: { from: number; turns: number; said: number; was: number }[];
  /** The worst mistakes: where the probability was furthest from the truth. */
  worst: (Pick<LabelledTurn, "text" | "isUpset" | "sentiment" | "upset" | "cause"> & { call: string })[];
};

/** Kinds of calm calls that are hard to tell from upset ones. */
const HARD_CALM = new Set(["problem", "thanks", "refusal", "third_party", "joke"]);
/** A hand-off is in time at the turn where it was due, or at the next. */
const IN_TIME_TURNS = 1;
const BINS = 10;
const WORST = 20;

/** All figures over judged calls, with a policy of this threshold. */
export function measure(calls: readonly JudgedCall[], threshold: number): Figures {
  const turns = calls.flatMap(({ id, turns: own }) => own.flatMap((turn) => labelledTurn(turn, id)));
  const calm = calls.filter(isCalm);
  const never = calls.filter(
    (call) => call.handoverFrom === null || (call.handoverFrom === "unknown" && isCalm(call)),
  );
  const due = calls.filter(({ handoverFrom }) => typeof handoverFrom === "number");
  const isHandedOver = (call: JudgedCall) => handedOverAt(call, threshold) !== null;
  const isInTime = (call: JudgedCall) => {
    const at = handedOverAt(call, threshold);
    return at !== null && typeof call.handoverFrom === "number" && at <= call.handoverFrom + IN_TIME_TURNS;
  };
  const falseEscalations = shareOf(never, isHandedOver);
  const calibration = calibrate(turns);
  const delays = due.flatMap((call) => {
    const [at, first] = [
      handedOverAt(call, threshold),
      call.turns.findIndex(({ isUpset }) => isUpset === true),
    ];
    return at === null || first < 0 ? [] : [at - first];
  });
  return {
    calls: calls.length,
    turns: turns.length,
    classes: classesOf(turns),
    flaggedCalmCalls: shareOf(calm, (call) => call.turns.some(isFlagged)),
    falseEscalations,
    falseEscalationsPer1000: falseEscalations.share === null ? null : falseEscalations.share * 1_000,
    hardCalm: shareOf(
      never.filter(({ kind }) => HARD_CALM.has(kind)),
      isHandedOver,
    ),
    inTime: shareOf(due, isInTime),
    handedOver: shareOf(due, isHandedOver),
    inTimeByKind: Object.fromEntries(
      [...new Set(due.map(({ kind }) => kind))].map((kind) => [
        kind,
        shareOf(
          due.filter((call) => call.kind === kind),
          isInTime,
        ),
      ]),
    ),
    turnsAfterFirstUpset: delays.length === 0 ? null : sum(delays) / delays.length,
    calibrationError:
      turns.length === 0
        ? null
        : sum(calibration.map(({ turns: n, said, was }) => n * Math.abs(said - was))) / turns.length,
    calibration,
    worst: turns
      .toSorted((a, b) => error(b) - error(a))
      .slice(0, WORST)
      .map(({ call, text, isUpset, sentiment, upset, cause }) => ({
        call,
        text,
        isUpset,
        sentiment,
        upset,
        cause,
      })),
  };
}

/** A turn of which somebody has said what it was. */
type LabelledTurn = JudgedTurn & { isUpset: boolean };

function labelledTurn(turn: JudgedTurn, call: string): (LabelledTurn & { call: string })[] {
  const { isUpset } = turn;
  return isUpset === null ? [] : [{ ...turn, isUpset, call }];
}

/** Whether the caller was upset in no turn, and nobody has left one out. */
function isCalm({ turns }: JudgedCall): boolean {
  return turns.every(({ isUpset }) => isUpset === false);
}

function error({ upset, isUpset }: LabelledTurn): number {
  return isUpset ? 1 - upset : upset;
}

function classesOf(turns: readonly LabelledTurn[]): Figures["classes"] {
  const classes: Figures["classes"] = {};
  const add = (
    name: string,
    among: readonly LabelledTurn[],
    is: (t: LabelledTurn) => boolean,
    said: (t: LabelledTurn) => boolean,
  ) => {
    classes[name] = { precision: shareOf(among.filter(said), is), recall: shareOf(among.filter(is), said) };
  };
  add("upset", turns, ({ isUpset }) => isUpset, isFlagged);
  add(
    "calm",
    turns,
    ({ isUpset }) => !isUpset,
    (turn) => !isFlagged(turn),
  );
  const labelled = turns.filter(({ label }) => label !== null);
  for (const name of labelled.length > 0 ? SENTIMENTS : []) {
    add(
      name,
      labelled,
      ({ label }) => label === name,
      ({ sentiment }) => sentiment === name,
    );
  }
  return classes;
}

function calibrate(turns: readonly LabelledTurn[]): Figures["calibration"] {
  return Array.from({ length: BINS }, (_, bin) => {
    const own = turns.filter(({ upset }) => Math.min(BINS - 1, Math.floor(upset * BINS)) === bin);
    const count = Math.max(1, own.length);
    return {
      from: bin / BINS,
      turns: own.length,
      said: sum(own.map(({ upset }) => upset)) / count,
      was: own.filter(({ isUpset }) => isUpset).length / count,
    };
  });
}

/** The share of those that pass, with its interval. */
export function shareOf<T>(entries: readonly T[], test: (entry: T) => boolean): Share {
  const of = entries.length;
  if (of === 0) return { share: null, low: null, high: null, of };
  const share = entries.filter(test).length / of;
  const z = 1.96;
  const middle = share + (z * z) / (2 * of);
  const reach = z * Math.sqrt((share * (1 - share)) / of + (z * z) / (4 * of * of));
  const scale = 1 + (z * z) / of;
  return {
    share,
    low: Math.max(0, (middle - reach) / scale),
    high: Math.min(1, (middle + reach) / scale),
    of,
  };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
