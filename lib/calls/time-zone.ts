import { type Expression, sql } from "kysely";

/*
 * Days of a time zone. An offset is what the zone's clocks show minus UTC, ms.
 */

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** Whether the clocks of this zone (Europe/Berlin, UTC, +05:30) are known here. */
export function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat("en-US", { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

/** A zone's offset from `since` (epoch, ms) on. */
type Offset = { since: number; offsetMs: number };

/** The calendar of a zone between two moments, epoch ms; outside of them it goes on as at their ends. */
export class ZoneDays {
  /** At least one, in the order of their beginning. */
  readonly offsets: readonly [Offset, ...Offset[]];

  constructor(timeZone: string, from: number, to: number) {
    const offsetAt = offsetReader(timeZone);
    // A day more on each side: the days that the ends are in count as a whole.
    const begin = Math.floor((from - DAY_MS) / HOUR_MS) * HOUR_MS;
    const offsets: [Offset, ...Offset[]] = [{ since: begin, offsetMs: offsetAt(begin) }];
    for (let day = begin; day < to + DAY_MS; day += DAY_MS) {
      if (offsetAt(day + DAY_MS) === offsets.at(-1)?.offsetMs) continue;
      let since = day + HOUR_MS;
      while (offsetAt(since) !== offsetAt(day + DAY_MS)) since += HOUR_MS;
      offsets.push({ since, offsetMs: offsetAt(since) });
    }
    this.offsets = offsets;
  }

  /** The day a moment is in, as its midnight would be in UTC: such days are 24 hours apart. */
  dayOf(at: number): number {
    const local = at + this.#offsetAt(at);
    return local - (((local % DAY_MS) + DAY_MS) % DAY_MS);
  }

  /** When a day, as {@link dayOf} gives it, begins; epoch, ms. */
  beginOf(day: number): number {
    return day - this.#offsetAt(day - this.#offsetAt(day));
  }

  #offsetAt(at: number): number {
    return (this.offsets.findLast(({ since }) => since <= at) ?? this.offsets[0]).offsetMs;
  }
}

/** What a zone's clocks are ahead of UTC at the time in a column, ms. */
export function offsetOf(column: string, [first, ...later]: ZoneDays["offsets"]): Expression<number> {
  if (later.length === 0) return sql`${sql.lit(first.offsetMs)}`;
  const cases = later
    .toReversed()
    .map(
      ({ since, offsetMs }) => sql`when ${sql.ref(column)} >= ${sql.lit(since)} then ${sql.lit(offsetMs)}`,
    );
  return sql`case ${sql.join(cases, sql` `)} else ${sql.lit(first.offsetMs)} end`;
}

function offsetReader(timeZone: string): (at: number) => number {
  const format = new Intl.DateTimeFormat("en-US", { timeZone, timeZoneName: "longOffset" });
  return (at) => {
    const name = format.formatToParts(at).find(({ type }) => type === "timeZoneName")?.value ?? "";
    const [, sign, hours, minutes] = /([+-])(\d\d):(\d\d)/.exec(name) ?? [];
    if (hours === undefined) return 0;
    return (sign === "-" ? -1 : 1) * (Number(hours) * HOUR_MS + Number(minutes) * 60_000);
  };
}
