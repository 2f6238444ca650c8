// @ts-check

/*
 * Times as the viewer reads them. Every page shows its viewer's own zone; the server keeps UTC.
 */

const DAY_TEXT = /^\d{4}-\d{2}-\d{2}$/;
// Made once: making one takes longer than all that a page formats with it.
const DATE_AND_TIME = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const DAY = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
const TIME = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });

/** The viewer's zone, such as Europe/Berlin. */
export function timeZone() {
  return Intl.DateTimeFormat().resolvedOptions().timeZone;
}

/** Date and time. @param {string} iso */
export function when(iso) {
  return DATE_AND_TIME.format(new Date(iso));
}

/** The day, such as 23 Nov. @param {number} ms since 1970 */
export function shortDay(ms) {
  return DAY.format(ms);
}

/** The time of day, such as 14:00. @param {number} ms since 1970 */
export function shortTime(ms) {
  return TIME.format(ms);
}

/** The day as a date field has it, 2026-11-23. @param {number} ms since 1970 */
export function dayText(ms) {
  const date = new Date(ms);
  const month = String(date.getMonth() + 1).padStart(2, "0");
  return `${date.getFullYear()}-${month}-${String(date.getDate()).padStart(2, "0")}`;
}

/**
 * When a day (2026-11-23) or a time (2026-11-23T14:00) begins for the viewer, ms since 1970; NaN if it is neither.
 * @param {string} text
 */
export function beginOf(text) {
  return new Date(DAY_TEXT.test(text) ? `${text}T00:00` : text).getTime();
}

/** When it is over: a day with its last moment, a time at once. @param {string} text */
export function endOf(text) {
  const begin = beginOf(text);
  if (Number.isNaN(begin) || !DAY_TEXT.test(text)) return begin;
  const next = new Date(begin);
  // By the calendar: a day on which the clocks are changed does not have 24 hours.
  next.setDate(next.getDate() + 1);
  return next.getTime();
}
