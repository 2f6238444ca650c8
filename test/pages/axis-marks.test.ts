import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { dateMarks, durationMarks } from "../../public/console/axis-marks.js";
import { fc } from "../support/property.ts";

const DAY_S = 86_400;
const FROM = Date.UTC(2026, 10, 1) / 1000;

describe("marks on a time axis", () => {
  test("thirty days have dates at every width", () => {
    for (let most = 1; most <= 20; most += 1) {
      const marks = dateMarks(FROM, FROM + 30 * DAY_S, most);
      assert.ok(marks.length >= 1, `none where there is room for ${most}`);
    }
  });

  test("are in order, within the axis, never more than fit by more than one, and no endless list", () => {
    const spans = fc.record({
      from: fc.integer({ min: 1, max: 2_000_000_000 }),
      length: fc.integer({ min: 4, max: 2_400 * DAY_S }),
      most: fc.integer({ min: 1, max: 20 }),
    });
    fc.assert(
      fc.property(spans, ({ from, length, most }) => {
        for (const marks of [
          dateMarks(from, from + length, most),
          durationMarks(from % 1000, (from % 1000) + length, most),
        ]) {
          assert.ok(marks.length <= most + 1, `${marks.length} of ${most}`);
          assert.deepEqual(
            marks,
            [...new Set(marks)].sort((a, b) => a - b),
          );
        }
      }),
    );
  });
});
