// @ts-check

const HOUR_S = 3600;
const DAY_S = 24 * HOUR_S;
/** Steps between marks, s. Finer than a second, marks would all be called the same. */
const DURATION_STEPS = [
  ...[1, 2, 5, 10, 15, 30],
  ...[1, 2, 5, 10, 15, 30].map((minutes) => minutes * 60),
  ...[1, 2, 3, 6, 12, 24, 48, 96].map((hours) => hours * HOUR_S),
];
const HOUR_STEPS = [1, 2, 3, 6, 12];
const DAY_STEPS = [1, 2, 3, 5, 7, 10, 14, 30, 60, 90, 180, 365, 730];

/**
 * Marks on an axis of durations.
 * @param {number} from s
 * @param {number} to s
 * @param {number} most how many names there is room for, at least 1
 * @returns {number[]}
 */
export function durationMarks(from, to, most) {
  const step = DURATION_STEPS.find((one) => (to - from) / one <= most) ?? (to - from) / most;
  const first = Math.ceil(from / step) * step;
  return Array.from({ length: Math.max(0, Math.floor((to - first) / step) + 1) }, (_, n) => first + n * step);
}

/**
 * Marks on an axis of dates: full hours, or midnights, of the viewer's zone.
 * @param {number} from s since 1970
 * @param {number} to s since 1970
 * @param {number} most how many names there is room for, at least 1
 * @returns {number[]}
 */
export function dateMarks(from, to, most) {
  const span = to - from;
  const hours = HOUR_STEPS.find((step) => span / (step * HOUR_S) <= most);
  const days = DAY_STEPS.find((step) => span / (step * DAY_S) <= most) ?? Math.ceil(span / DAY_S / most);
  const date = new Date(from * 1000);
  date.setHours(0, 0, 0, 0);
  /** @type {number[]} */
  const marks = [];
  // By the calendar: where the clocks are changed, a day is longer or shorter.
  while (date.getTime() / 1000 <= to) {
    if (date.getTime() / 1000 >= from) marks.push(date.getTime() / 1000);
    const before = date.getTime();
    if (hours) date.setHours(date.getHours() + hours);
    else date.setDate(date.getDate() + (marks.length > 0 ? days : 1));
    // An hour that the change of clocks leaves out would bring the same moment again.
    if (date.getTime() <= before) date.setTime(before + (hours ?? 24) * HOUR_S * 1000);
  }
  return marks;
}
