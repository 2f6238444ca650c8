import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { isTimeZone, ZoneDays } from "../../lib/calls/time-zone.ts";
import { fc } from "../support/property.ts";

const ZONES = [
  "UTC",
  "Europe/Berlin",
  "America/Los_Angeles",
  "Asia/Kolkata",
  "Asia/Kathmandu",
  "Australia/Lord_Howe",
  "Pacific/Apia",
];

/** What the zone's calendar says, by the platform. */
function dateIn(timeZone: string, at: number): string {
  return new Intl.DateTimeFormat("en-CA", { timeZone, dateStyle: "short" }).format(at);
}

describe("the days of a zone", () => {
  test("are those of its calendar, and begin where the date changes", () => {
    const times = fc.date({ min: new Date("2024-01-01"), max: new Date("2027-12-31"), noInvalidDate: true });
    fc.assert(
      fc.property(fc.constantFrom(...ZONES), times, (zone, time) => {
        const at = time.getTime();
        const days = new ZoneDays(zone, at, at + 1);
        const day = days.dayOf(at);
        assert.equal(new Date(day).toISOString().slice(0, 10), dateIn(zone, at));
        const begin = days.beginOf(day);
        assert.equal(dateIn(zone, begin), dateIn(zone, at));
        assert.notEqual(dateIn(zone, begin - 1), dateIn(zone, at));
      }),
      { numRuns: 300 },
    );
  });

  test("a name that is none is known as none", () => {
    assert.deepEqual(["Asia/Tokyo", "Mars/Olympus", ""].map(isTimeZone), [true, false, false]);
  });
});
