// @ts-check

/*
 * Times as the viewer reads them. Every page shows its viewer's own zone; the server keeps UTC.
 */

const HOUR_MS = 3_600_000;
const DAY_TEXT = /^\d{4}-\d{2}-\d{2}$/;
const dateAndTime = format({ dateStyle: "medium", timeStyle: "short" });
const day = format({ day: "numeric", month: "short" });
const dayAndYear = format({ day: "numeric", month: "short", year: "numeric" });
const monthAndYear = format({ month: "short", year: "numeric" });
const timeAndZone = format({ hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZoneName: "short" });
const time = format({ hour: "2-digit", minute: "2-digit", hourCycle: "h23" });

/** The viewer's zone, such as Europe/Berlin. */
export function timeZone() {
  return day().resolvedOptions().timeZone;
}

/** Date and time. @param {string} iso */
export function when(iso) {
  return dateAndTime().format(new Date(iso));
}

/** The day, such as 23 Nov. @param {number} ms since 1970 */
export function shortDay(ms) {
  return day().format(ms);
}

/** The day with its year, such as 23 Nov 2026. @param {number} ms since 1970 */
export function fullDay(ms) {
  return dayAndYear().format(ms);
}

/** The month, such as Nov 2026. @param {number} ms since 1970 */
export function shortMonth(ms) {
  return monthAndYear().format(ms);
}

/** The time of day and what its zone is called then, such as 01:00 PST. @param {number} ms since 1970 */
export function timeInZone(ms) {
  return timeAndZone().format(ms);
}

/** The time of day, such as 14:00. @param {number} ms since 1970 */
export function shortTime(ms) {
  return time().format(ms);
}

/** Whether a day of the viewer's begins. @param {number} ms since 1970 */
export function isMidnight(ms) {
  const date = new Date(ms);
  return date.getHours() === 0 && date.getMinutes() === 0;
}

/** The day as a date field has it, 2026-11-23. @param {number} ms since 1970 */
export function dayText(ms) {
  const date = new Date(ms);
  const month = String(date.getMonth() + 1).padStart(2, "0");
  return `${date.getFullYear()}-${month}-${String(date.getDate()).padStart(2, "0")}`;
}

/** The minute as a field for date and time has it, 2026-11-23T14:00. @param {number} ms since 1970 */
export function minuteText(ms) {
  return `${dayText(ms)}T${shortTime(ms)}`;
}

/** Whether the clocks, set back, show this time a second time. @param {number} ms since 1970 */
export function comesTwice(ms) {
  const shown = minuteText(ms);
  return [ms - HOUR_MS, ms + HOUR_MS].some((other) => minuteText(other) === shown);
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

/**
 * A way to write dates, made once and not before it is wanted: the first one costs a page 40 ms, and a list of live calls
 * shows no date.
 * @param {Intl.DateTimeFormatOptions} options
 */
function format(options) {
  /** @type {Intl.DateTimeFormat | null} */
  let made = null;
  return () => {
    made ??= new Intl.DateTimeFormat(undefined, options);
    return made;
  };
}
